package sandbox

import (
	"fmt"
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// specMounts turns the posture's mounts into the runtime's, in order.
func specMounts(p Posture, b Binding) ([]specs.Mount, error) {
	var out []specs.Mount
	for i, m := range p.Mounts {
		if m.Kind == mountFile {
			m.Source = path.Join(b.FilesPath, fileName(i))
		}
		mount, err := specMount(p, b, m)
		if err != nil {
			return nil, err
		}
		if mount.Destination != "" {
			out = append(out, mount)
		}
	}
	return out, nil
}

func specMount(p Posture, b Binding, m PostureMount) (specs.Mount, error) {
	switch m.Kind {
	case mountProc, mountSysfs, mountCgroup, mountMqueue, mountDev, mountDevpts, mountShm:
		return kernelMount(p, b, m), nil
	case MountTmpfs:
		return specs.Mount{Destination: m.Target, Type: "tmpfs", Source: "tmpfs", Options: append(m.flags(), m.tmpfs()...)}, nil
	case MountBind, MountVolume, MountImage:
		source := b.MountSources[m.Target]
		if !path.IsAbs(source) {
			return specs.Mount{}, fmt.Errorf("sandbox: the start of %s lacks the source of the mount %s", shortID(p.ID), m.Target)
		}
		mount := bind(source, m)
		if m.Kind == MountBind && !m.File {
			// With what the host has mounted below: a user namespace is not shown a directory without it, for what that hides
			// could be anything (mount_namespaces(7), "Restrictions on mount namespaces"). It keeps the host's ids, and so
			// belongs to nobody in the container.
			mount.Options[0] = "rbind"
		}
		if b.MapMounts && m.Kind != MountImage && p.Namespaces.User != NamespaceHost {
			b.mapMount(&mount)
		}
		return mount, nil
	case mountStep: // the supervisor mapped its ids
		return bind(b.MountSources[m.Target], m), nil
	case mountDevice:
		return bind(m.Source, m), nil
	case mountFile:
		if !path.IsAbs(m.Source) {
			return specs.Mount{}, fmt.Errorf("sandbox: the start of %s lacks the place of its files", shortID(p.ID))
		}
		return bind(m.Source, m), nil
	case mountSecrets:
		return bind(b.SecretsPath, m), nil
	case mountInit:
		return bind(b.InitPath, m), nil
	}
	return specs.Mount{}, fmt.Errorf("sandbox: posture with a mount of the unknown kind %q", m.Kind)
}

// kernelMount is one that shows a namespace. Where the namespace is the
// host's, a mount of the container's own is not possible, so that it shows
// the host's; it is then read-only where the kernel can do that.
func kernelMount(p Posture, b Binding, m PostureMount) specs.Mount {
	options := m.flags()
	mount := func(kind string, more ...string) specs.Mount {
		return specs.Mount{Destination: m.Target, Type: kind, Source: kind, Options: append(options, more...)}
	}
	whole := func(more ...string) specs.Mount {
		return specs.Mount{Destination: m.Target, Type: "bind", Source: m.Target, Options: append([]string{"rbind", "rnosuid", "rnoexec", "rnodev", "rprivate"}, more...)}
	}
	own := p.Namespaces.User == NamespaceHost // root of the host may mount anything
	switch m.Kind {
	case mountProc:
		if p.Namespaces.PID == NamespaceHost && !own {
			return whole()
		}
		return mount("proc")
	case mountSysfs:
		if p.Namespaces.Network == NamespaceHost && !own {
			return whole("rro")
		}
		return mount("sysfs")
	case mountCgroup:
		return mount("cgroup", "relatime")
	case mountMqueue:
		if p.Namespaces.IPC == NamespaceHost && !own {
			return specs.Mount{} // the host's cannot be shown, and need not be mounted there
		}
		return mount("mqueue")
	case mountDev:
		return mount("tmpfs", append([]string{"strictatime"}, m.tmpfs()...)...)
	case mountDevpts:
		return mount("devpts", "newinstance", "ptmxmode=0666", fmt.Sprintf("mode=%04o", m.Mode), "gid=5")
	}
	if p.Namespaces.IPC == NamespaceHost {
		return whole()
	}
	if source := b.MountSources[m.Target]; source != "" && strings.HasPrefix(p.Namespaces.IPC, NamespaceJoin) {
		return bind(source, m) // the other container's
	}
	shm := mount("tmpfs", m.tmpfs()...)
	shm.Source = "shm"
	return shm
}

// bind shows a directory or file of the host. The flags of a directory are
// the recursive ones (rnosuid …): runtimes set those by mount_setattr(2), for
// what is mounted below too, while the plain ones take a second mount(2),
// which crun 1.8 leaves out in a user namespace unless the mount is
// read-only. On a file it cannot set the recursive ones.
func bind(source string, m PostureMount) specs.Mount {
	options := []string{"bind", orElse(m.Propagation, "rprivate")}
	for _, flag := range m.flags() {
		if !m.File {
			flag = "r" + flag
		}
		options = append(options, flag)
	}
	return specs.Mount{Destination: m.Target, Type: "bind", Source: source, Options: options}
}

// mapMount has the runtime give the files on disk the container's ids.
func (b Binding) mapMount(m *specs.Mount) {
	if b.UserNSPath != "" {
		m.Options = append(m.Options, "idmap") // those of the namespace that is joined
		return
	}
	m.UIDMappings, m.GIDMappings = b.mapping(), b.mapping()
}

// flags are the mount's options that every kind has.
func (m PostureMount) flags() []string {
	var out []string
	for _, f := range []struct {
		denied bool
		option string
	}{{!m.Suid, "nosuid"}, {!m.Exec, "noexec"}, {!m.Dev && m.Kind != mountDev && m.Kind != mountDevpts && m.Kind != mountDevice, "nodev"}, {m.ReadOnly, "ro"}} {
		if f.denied {
			out = append(out, f.option)
		}
	}
	return out
}

// tmpfs are the options that only a tmpfs has.
func (m PostureMount) tmpfs() []string {
	out := []string{fmt.Sprintf("mode=%04o", m.Mode), fmt.Sprintf("size=%d", m.SizeBytes), fmt.Sprintf("nr_inodes=%d", m.Inodes)}
	if m.UID != 0 || m.GID != 0 {
		out = append(out, fmt.Sprintf("uid=%d", m.UID), fmt.Sprintf("gid=%d", m.GID))
	}
	if m.CopyUp {
		out = append(out, "tmpcopyup")
	}
	return out
}

// MountPoints lists what the root file system must contain before the
// runtime mounts on it, parents first. What lies in another mount of the
// sandbox's own, such as /dev, is not among it: it is made there.
func (p Posture) MountPoints() []MountPoint {
	var out []MountPoint
	for _, m := range p.Mounts {
		inside := slices.ContainsFunc(p.Mounts, func(outer PostureMount) bool {
			return outer.Target != m.Target && within(m.Target, outer.Target) &&
				slices.Contains([]string{mountDev, mountSysfs, MountTmpfs, mountShm}, outer.Kind)
		})
		if !inside {
			out = append(out, MountPoint{Path: m.Target, File: m.File})
		}
	}
	return out
}
