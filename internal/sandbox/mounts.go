package sandbox

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// The kinds of mount that the posture itself adds to those of Mount.
const (
	mountProc, mountSysfs, mountCgroup   = "proc", "sysfs", "cgroup"
	mountDev, mountDevpts, mountShm      = "dev", "devpts", "shm"
	mountMqueue, mountSecrets, mountInit = "mqueue", "secrets", "init"
	mountDevice, mountStep               = "device", "step"
)

// SecretsDir is where secrets appear, InitTarget where Bailey's init does.
// InitTarget lies in /dev, which is the container's own memory, so that the
// image needs no place for it.
const (
	SecretsDir = "/run/secrets"
	InitTarget = "/dev/.bailey-init"
)

// maxMounts bounds what the runtime and every later look at /proc/self/mounts must go through.
const maxMounts = 256

// decideMounts lists every mount, parents before what lies in them.
func (d *decision) decideMounts() {
	d.p.Mounts = d.kernelMounts()
	wanted := map[string]bool{}
	if len(d.r.Mounts) > maxMounts {
		d.invalid("mounts", fmt.Sprint(len(d.r.Mounts)), "at most %d are accepted", maxMounts)
		return
	}
	var asked []PostureMount
	for _, m := range d.r.Mounts {
		if pm, ok := d.decideMount(m); ok {
			if wanted[pm.Target] {
				d.invalid("target of the mount", pm.Target, "it is asked for twice")
			}
			wanted[pm.Target] = true
			asked = append(asked, pm)
		}
	}
	if n := len(Posture{Mounts: asked}.Files()); n > MaxFiles {
		d.invalid("files", fmt.Sprint(n), "at most %d are delivered to one container", MaxFiles)
	}
	d.p.Mounts = slices.DeleteFunc(append(d.p.Mounts, d.temporary()...), func(m PostureMount) bool { return wanted[m.Target] })
	d.p.Mounts = append(d.p.Mounts, asked...)
	if len(d.r.Secrets) > 0 {
		if slices.ContainsFunc(asked, func(m PostureMount) bool { return within(m.Target, SecretsDir) }) {
			d.invalid("target of the mount", SecretsDir, "the secrets of the container are there")
		}
		d.p.Mounts = append(d.p.Mounts, PostureMount{Kind: mountSecrets, Target: SecretsDir, ReadOnly: true, SizeBytes: secretsSize})
	}
	if d.r.Init {
		d.p.Mounts = append(d.p.Mounts, PostureMount{Kind: mountInit, Target: InitTarget, File: true, ReadOnly: true, Exec: true})
	}
	slices.SortStableFunc(d.p.Mounts, func(a, b PostureMount) int { return depth(a.Target) - depth(b.Target) })
}

func depth(p string) int { return strings.Count(p, "/") }

// kernelMounts are what the kernel shows of itself, and /dev.
func (d *decision) kernelMounts() []PostureMount {
	shm := PostureMount{Kind: mountShm, Target: "/dev/shm", Mode: 0o1777, SizeBytes: DefaultShm, Inodes: DefaultInodes}
	if size := d.r.Resources.ShmSize; size > 0 {
		shm.SizeBytes = size
	} else if size < 0 {
		d.invalid("--shm-size", fmt.Sprint(size), "it must be positive")
	}
	mounts := []PostureMount{
		{Kind: mountProc, Target: "/proc"},
		{Kind: mountDev, Target: "/dev", Mode: 0o755, SizeBytes: devSize, Inodes: 1024},
		{Kind: mountSysfs, Target: "/sys", ReadOnly: !d.p.Privileged},
		{Kind: mountDevpts, Target: "/dev/pts", Mode: 0o620},
		shm,
		{Kind: mountMqueue, Target: "/dev/mqueue"},
		{Kind: mountCgroup, Target: "/sys/fs/cgroup", ReadOnly: !d.p.WritableCgroups},
	}
	if d.r.Namespaces["ipc"] == "none" {
		mounts = slices.Delete(mounts, 4, 6)
	}
	return mounts
}

// temporary are the places that programs expect to be able to write to. /run
// belongs to the container's user, who would have no other place for a
// socket or a pid file.
func (d *decision) temporary() []PostureMount {
	var mounts []PostureMount
	for _, t := range []struct {
		target string
		mode   uint32
	}{{"/run", 0o755}, {"/tmp", 0o1777}, {"/var/tmp", 0o1777}} {
		mounts = append(mounts, PostureMount{Kind: MountTmpfs, Target: t.target, Mode: t.mode,
			SizeBytes: DefaultTmpfs, Inodes: DefaultInodes, CopyUp: slices.Contains(d.r.CopyUp, t.target)})
	}
	mounts[0].UID, mounts[0].GID = d.r.Identity.UID, d.r.Identity.GID
	return mounts
}

// decideMount decides on one mount of the caller's.
func (d *decision) decideMount(m Mount) (PostureMount, bool) {
	before := len(d.errs)
	m.ReadOnly = m.ReadOnly || slices.Contains(m.Options, "ro")
	pm := PostureMount{Kind: m.Type, Source: m.Source, Target: d.mountTarget(m.Target), File: m.File, ReadOnly: m.ReadOnly}
	switch m.Type {
	case MountBind:
		if d.copies(m) {
			pm.Kind, pm.Reader, pm.UID, pm.GID = mountFile, d.readerOf(m.Source), d.r.Identity.UID, d.r.Identity.GID
		} else {
			d.askHostMount(m)
		}
	case MountVolume:
		if !isName(m.Source) {
			d.invalid("volume", m.Source, "a name has letters, digits, '.', '_' and '-' and does not begin with a '.'")
		}
		d.decideVolume(m, &pm)
	case MountImage:
		pm.ReadOnly = true
	case MountTmpfs:
		d.decideTmpfs(m, &pm)
	default:
		d.invalid("type of mount", m.Type, "there are bind, volume, tmpfs and image")
	}
	for _, o := range m.Options {
		d.decideMountOption(m, &pm, o)
	}
	d.decidePropagation(m, &pm)
	return pm, len(d.errs) == before
}

func (d *decision) decideTmpfs(m Mount, pm *PostureMount) {
	if m.Source != "" && m.Source != "tmpfs" {
		d.invalid("source of the mount", m.Source, "a tmpfs has none")
	}
	if m.SizeBytes < 0 || m.Inodes < 0 || m.Mode > 0o7777 {
		d.invalid("tmpfs "+m.Target, fmt.Sprintf("size=%d,nr_inodes=%d,mode=%o", m.SizeBytes, m.Inodes, m.Mode), "sizes must be positive and the mode within 7777")
	}
	pm.Source, pm.SizeBytes, pm.Inodes, pm.Mode = "", m.SizeBytes, m.Inodes, m.Mode
	if pm.SizeBytes == 0 {
		pm.SizeBytes = DefaultTmpfs
	}
	if pm.Inodes == 0 {
		pm.Inodes = max(DefaultInodes, pm.SizeBytes/(4*kib))
	}
	if pm.Mode == 0 {
		pm.Mode = 0o1777
	}
}

func (d *decision) decideMountOption(m Mount, pm *PostureMount, option string) {
	why, flag := "", (*bool)(nil)
	switch option {
	case "ro", "noexec", "nosuid", "nodev":
		return
	case "exec":
		why, flag = "code that was not in the image can then be written there and executed", &pm.Exec
	case "suid":
		why, flag = "programs there then give their owner's rights to whoever runs them", &pm.Suid
	case "dev":
		why, flag = "device nodes there can then be opened", &pm.Dev
	default:
		d.invalid("option of the mount "+m.Target, option, "there are ro, exec, noexec, suid, nosuid, dev and nodev")
		return
	}
	*flag = d.relax(ask{control: ControlMountOptions, rule: RuleMountOption, value: option, what: "the option " + option + " of the mount " + m.Target, why: why})
}

func (d *decision) decidePropagation(m Mount, pm *PostureMount) {
	switch m.Propagation {
	case "", "private", "rprivate":
	case "slave", "rslave", "shared", "rshared":
		if m.Type != MountBind {
			d.invalid("propagation of "+m.Target, m.Propagation, "only a bind mount of the host has one")
		} else if d.relax(ask{control: ControlMountOptions, rule: RuleMountOption, value: "propagation", what: "propagation " + m.Propagation + " of the mount " + m.Target,
			why: "what is mounted on one side then appears on the other"}) {
			pm.Propagation = m.Propagation
		}
	default:
		d.invalid("propagation of "+m.Target, m.Propagation, "there are private, slave, shared, and each with an r before it")
	}
}

// mountTarget keeps mounts away from what the kernel shows and from /dev: a
// volume there can make the runtime set up devices and masks elsewhere
// (CVE-2025-31133).
func (d *decision) mountTarget(target string) string {
	if err := checkPath("target of the mount", target); err != nil {
		d.invalidate(err)
		return target
	}
	if target = path.Clean(target); target == "/" {
		d.invalid("target of the mount", target, "destination can't be '/': choose a place below it")
		return target
	}
	own := within(target, "/dev") && !within(target, "/dev/shm") && !within(target, "/dev/hugepages")
	if own || within(target, "/proc") || within(target, "/sys") {
		d.invalid("target of the mount", target, "what lies in /dev, /proc and /sys are the sandbox's own (but for /dev/shm); choose another place")
	}
	return target
}
