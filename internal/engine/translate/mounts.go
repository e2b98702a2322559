package translate

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/bailey-run/bailey/internal/sandbox"
	"github.com/containerd/errdefs"
	units "github.com/docker/go-units"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
)

// MountWish is one mount as it was asked for, before volumes have names and
// host paths are resolved.
type MountWish struct {
	sandbox.Mount
	NoCopy bool
	Labels map[string]string // for a volume that is made for it
	// VolumeOptions are those that a volume that is made for it is to have.
	VolumeOptions map[string]string
	Mode          string // as the client wrote it
	FromImage     bool   // nobody asked for it but a VOLUME of the image
}

// Mounts lists what is to be mounted: binds, mounts, tmpfs, and an anonymous
// volume for each path that the image or the request declares and nothing
// else covers.
func Mounts(c *container.Config, h *container.HostConfig) ([]MountWish, error) {
	var out []MountWish
	for _, b := range h.Binds {
		w, err := bind(b)
		if err != nil {
			return nil, err
		}
		out = append(out, w)
	}
	for i := range h.Mounts {
		w, err := fromMount(&h.Mounts[i])
		if err != nil {
			return nil, err
		}
		out = append(out, w)
	}
	for target, options := range h.Tmpfs {
		w, err := tmpfs(target, options)
		if err != nil {
			return nil, err
		}
		out = append(out, w)
	}
	seen := make(map[string]bool)
	for _, w := range out {
		if seen[w.Target] {
			return nil, fmt.Errorf("duplicate mount point %s: mount one thing there: %w", w.Target, errdefs.ErrInvalidArgument)
		}
		seen[w.Target] = true
	}
	for target := range c.Volumes {
		if target = filepath.Clean(target); !seen[target] {
			out = append(out, MountWish{Mount: sandbox.Mount{Type: sandbox.MountVolume, Target: target}, FromImage: true})
		}
	}
	// Parents before what lies below them.
	slices.SortFunc(out, func(a, b MountWish) int { return strings.Compare(a.Target, b.Target) })
	return out, nil
}

// bind reads "[SOURCE:]TARGET[:OPTIONS]", of which a source with a slash is a
// host path and any other a volume's name.
func bind(text string) (MountWish, error) {
	parts := strings.Split(text, ":")
	var w MountWish
	switch {
	case len(parts) == 1:
		w.Type, w.Target = sandbox.MountVolume, parts[0]
	case len(parts) <= 3:
		w.Source, w.Target = parts[0], parts[1]
		w.Type = sandbox.MountVolume
		if strings.HasPrefix(w.Source, "/") {
			w.Type = sandbox.MountBind
		}
	default:
		return w, fmt.Errorf("volume %q: write SOURCE:TARGET[:OPTIONS]: %w", text, errdefs.ErrInvalidArgument)
	}
	if len(parts) == 3 {
		w.readMode(parts[2])
	}
	return w, w.check(text)
}

// readMode reads the options of a bind.
func (w *MountWish) readMode(mode string) {
	w.Mode = mode
	for o := range strings.SplitSeq(mode, ",") {
		switch o {
		case "ro":
			w.ReadOnly = true
		case "rw", "", "z", "Z", "consistent", "cached", "delegated":
		case "nocopy":
			w.NoCopy = true
		case "private", "rprivate", "shared", "rshared", "slave", "rslave":
			w.Propagation = o
		default:
			w.Options = append(w.Options, o)
		}
	}
}

func (w *MountWish) check(text string) error {
	if !strings.HasPrefix(w.Target, "/") || strings.ContainsRune(w.Target, 0) {
		return fmt.Errorf("mount %q: invalid mount path: mount path must be absolute, a place in the container: %w", text, errdefs.ErrInvalidArgument)
	}
	w.Target = filepath.Clean(w.Target)
	if w.Type == sandbox.MountBind {
		w.Source = filepath.Clean(w.Source)
	}
	return nil
}

func fromMount(m *mount.Mount) (MountWish, error) {
	w := MountWish{Mount: sandbox.Mount{Type: string(m.Type), Source: m.Source, Target: m.Target, ReadOnly: m.ReadOnly}}
	switch m.Type {
	case mount.TypeBind:
		if !strings.HasPrefix(m.Source, "/") {
			return w, fmt.Errorf("bind mount of %q: the source must be an absolute host path: %w", m.Source, errdefs.ErrInvalidArgument)
		}
		if m.BindOptions != nil {
			w.Propagation = string(m.BindOptions.Propagation)
		}
	case mount.TypeVolume:
		if o := m.VolumeOptions; o != nil {
			if o.Subpath != "" {
				return w, fmt.Errorf("volume subpath %q is not supported: mount the volume whole: %w", o.Subpath, errdefs.ErrNotImplemented)
			}
			if o.DriverConfig != nil && o.DriverConfig.Name != "" && o.DriverConfig.Name != "local" {
				return w, fmt.Errorf("error looking up volume plugin: plugin %q not found: this node has only \"local\": %w", o.DriverConfig.Name, errdefs.ErrNotFound)
			}
			if o.DriverConfig != nil {
				cap, err := DiskOptions(o.DriverConfig.Options)
				if err != nil {
					return w, err
				}
				w.SizeBytes, w.Inodes, w.VolumeOptions = cap.Bytes, cap.Inodes, o.DriverConfig.Options
			}
			w.NoCopy, w.Labels = o.NoCopy, o.Labels
		}
	case mount.TypeTmpfs:
		if m.Source != "" {
			return w, fmt.Errorf("tmpfs mount at %s has no source: %w", m.Target, errdefs.ErrInvalidArgument)
		}
		if o := m.TmpfsOptions; o != nil {
			w.SizeBytes, w.Mount.Mode = o.SizeBytes, uint32(o.Mode.Perm())
			for _, kv := range o.Options {
				w.Options = append(w.Options, strings.Join(kv, "="))
			}
		}
	default:
		return w, fmt.Errorf("mount type %q: this node has bind, volume and tmpfs: %w", m.Type, errdefs.ErrInvalidArgument)
	}
	return w, w.check(m.Target)
}

func tmpfs(target, options string) (MountWish, error) {
	w := MountWish{Mount: sandbox.Mount{Type: sandbox.MountTmpfs, Target: target}, Mode: options}
	for o := range strings.SplitSeq(options, ",") {
		key, value, _ := strings.Cut(o, "=")
		var err error
		switch key {
		case "", "rw":
		case "ro":
			w.ReadOnly = true
		case "size":
			w.SizeBytes, err = units.RAMInBytes(value)
		case "nr_inodes":
			w.Inodes, err = units.RAMInBytes(value)
		case "mode":
			var m uint64
			m, err = strconv.ParseUint(value, 8, 12)
			w.Mount.Mode = uint32(m)
		default:
			w.Options = append(w.Options, o)
		}
		if err != nil {
			return w, fmt.Errorf("tmpfs option %q: %w: %w", o, err, errdefs.ErrInvalidArgument)
		}
	}
	return w, w.check(target)
}
