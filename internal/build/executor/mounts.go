package executor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"github.com/containerd/containerd/v2/core/mount"
	bkexec "github.com/moby/buildkit/executor"
	"golang.org/x/sys/unix"

	"github.com/bailey-run/bailey/internal/engine"
)

// maxFile is the most bytes of a file that is delivered into memory: BuildKit's own limit for a secret is half of it.
const maxFile = 1 << 20

// mounter takes BuildKit's mounts apart, and gives them back after the step.
type mounter struct {
	releases []func() error
	writes   []string // directories that overlays of the step write to
}

// release gives back what was taken, last first.
func (m *mounter) release() error {
	var errs []error
	for i := len(m.releases) - 1; i >= 0; i-- {
		errs = append(errs, m.releases[i]())
	}
	m.releases = nil
	return errors.Join(errs...)
}

// root is the step's own snapshot.
func (m *mounter) root(ctx context.Context, root bkexec.Mount, req *engine.StepRequest) error {
	one, err := m.take(ctx, root)
	if err != nil {
		return err
	}
	l, err := parse(one)
	if err != nil {
		return err
	}
	if root.Selector != "" && root.Selector != "/" {
		return errors.New("a part of a snapshot cannot be the root")
	}
	if l.upper == "" {
		return errors.New("the snapshot cannot be written")
	}
	req.Lower, req.Upper, req.Work = l.lower, l.upper, l.work
	req.Request.ReadOnlyRoot = req.Request.ReadOnlyRoot || root.Readonly
	m.writes = append(m.writes, l.upper)
	return nil
}

// add is one mount below the root.
func (m *mounter) add(ctx context.Context, in bkexec.Mount, req *engine.StepRequest) error {
	one, err := m.take(ctx, in)
	if err != nil {
		return err
	}
	out := engine.StepMount{Target: in.Dest, ReadOnly: in.Readonly, Sub: strings.TrimPrefix(filepath.Clean("/"+in.Selector), "/")}
	if one.Type == "tmpfs" {
		out.Tmpfs, out.SizeBytes = true, sizeOf(one.Options)
		req.Mounts = append(req.Mounts, out)
		return nil
	}
	if one.Type == "bind" || one.Type == "rbind" {
		done, err := m.file(one, &out)
		if err != nil {
			return err
		}
		if done {
			req.Mounts = append(req.Mounts, out)
			return nil
		}
	}
	l, err := parse(one)
	if err != nil {
		return err
	}
	out.Lower = l.lower
	out.ReadOnly = in.Readonly || l.upper == "" // layers that are finished, whoever asks for them
	switch {
	case in.Readonly && l.upper != "":
		out.Lower = append([]string{l.upper}, l.lower...)
	case l.upper != "" && len(l.lower) == 0: // one directory, which is shown as it is
		out.Lower = []string{l.upper}
	case l.upper != "":
		out.Upper, out.Work = l.upper, l.work
		m.writes = append(m.writes, l.upper)
	}
	if out.IsFile, err = isFile(out); err != nil {
		return err
	}
	req.Mounts = append(req.Mounts, out)
	return nil
}

// file handles what is not a directory: a secret is read, and given back at once, and a socket is shown where it is.
func (m *mounter) file(one mount.Mount, out *engine.StepMount) (bool, error) {
	var st unix.Stat_t
	if err := unix.Lstat(one.Source, &st); err != nil {
		return false, fmt.Errorf("look at %s: %w", one.Source, err)
	}
	out.Mode, out.UID, out.GID = st.Mode&0o777, st.Uid, st.Gid
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		out.IsFile, out.ReadOnly = true, true
		data, err := readFile(one.Source)
		if err != nil {
			return false, err
		}
		out.File = data
		// The copy on the way to the step is the only one from here on.
		last := m.releases[len(m.releases)-1]
		m.releases = m.releases[:len(m.releases)-1]
		return true, last()
	case unix.S_IFSOCK:
		out.IsFile, out.Socket = true, true
		out.Lower, out.Sub = []string{filepath.Dir(one.Source)}, filepath.Base(one.Source)
		return true, nil
	case unix.S_IFDIR:
		return false, nil
	}
	return false, fmt.Errorf("%s is neither a file, a directory nor a socket", out.Target)
}

// readFile reads a small file; it is never nil.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("a file of more than %d bytes cannot be kept in memory", maxFile)
	}
	if data == nil {
		data = []byte{}
	}
	return data, err
}

// take has BuildKit say what a mount consists of, without mounting it.
func (m *mounter) take(ctx context.Context, in bkexec.Mount) (mount.Mount, error) {
	ref, err := in.Src.Mount(ctx, in.Readonly)
	if err != nil {
		return mount.Mount{}, err
	}
	mounts, release, err := unshared(ref).Mount()
	if err != nil {
		return mount.Mount{}, err
	}
	if release != nil {
		m.releases = append(m.releases, release)
	}
	if len(mounts) != 1 {
		return mount.Mount{}, fmt.Errorf("it consists of %d mounts", len(mounts))
	}
	return mounts[0], nil
}

// unshared is what lies inside of BuildKit's wrapper that mounts a writable overlay in the daemon's own mount namespace,
// to share it between steps. An overlay that is mounted cannot be idmapped any more, so its directories are what is
// needed. The wrapper's type has no exported name; the field that it embeds has one.
func unshared(ref bkexec.MountableRef) bkexec.MountableRef {
	inner := ref
	for {
		v := reflect.Indirect(reflect.ValueOf(inner))
		if v.Kind() != reflect.Struct {
			return ref
		}
		f := v.FieldByName("Mountable")
		if !f.IsValid() || !f.CanInterface() {
			return ref
		}
		next, ok := f.Interface().(bkexec.MountableRef)
		if !ok {
			return ref
		}
		inner = next
		if v.Type().Name() == "sharableMountable" {
			return inner
		}
	}
}

// layers are the directories of a snapshot.
type layers struct {
	lower       []string // the topmost first
	upper, work string
}

// parse takes apart what the overlay snapshotter of containerd returns.
func parse(m mount.Mount) (l layers, err error) {
	switch m.Type {
	case "bind", "rbind":
		for _, o := range m.Options {
			if o == "ro" {
				l.lower = []string{m.Source}
				return l, nil
			}
		}
		l.upper, l.work = m.Source, filepath.Join(filepath.Dir(m.Source), "work")
		return l, nil
	case "overlay":
		for _, o := range m.Options {
			key, value, _ := strings.Cut(o, "=")
			switch key {
			case "lowerdir":
				l.lower = strings.Split(value, ":")
			case "upperdir":
				l.upper = value
			case "workdir":
				l.work = value
			}
		}
		return l, nil
	}
	return l, fmt.Errorf("a mount of type %q", m.Type)
}

// isFile looks at what a part of some directories is.
func isFile(m engine.StepMount) (bool, error) {
	if m.Sub == "" {
		return false, nil
	}
	dirs := m.Lower
	if m.Upper != "" {
		dirs = append([]string{m.Upper}, dirs...)
	}
	return engine.IsFileIn(dirs, m.Sub)
}

// sizeOf is the size among the options of a tmpfs, in bytes; 0 when there is none.
func sizeOf(options []string) int64 {
	for _, o := range options {
		if text, ok := strings.CutPrefix(o, "size="); ok {
			n, _ := strconv.ParseInt(text, 10, 64) // it was written from a number
			return n
		}
	}
	return 0
}
