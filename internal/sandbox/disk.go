package sandbox

import (
	"fmt"
	"strings"
)

// DiskFacts is the file system of a node's state.
type DiskFacts struct {
	// Bytes and Inodes are what it holds in all; 0 means unknown, or without a limit.
	Bytes, Inodes int64
	// Hard says that it refuses by itself what goes over a cap; Why says why not.
	Hard bool
	Why  string
}

// DiskCap is how much may be written to one volume or root: bytes on disk, and
// files and directories. 0 asks for the default, -1 for no limit.
type DiskCap struct {
	Bytes, Inodes int64
}

// defaults are the caps of a volume or root that asks for none.
func (f DiskFacts) defaults() (bytes, inodes int64) {
	bytes = DefaultDisk
	if half := f.Bytes / 2; half > 0 {
		bytes = min(bytes, half)
	}
	return bytes, f.inodes(bytes)
}

// inodes is how many files go with a size.
func (f DiskFacts) inodes(bytes int64) int64 {
	n := max(bytes/inodeRatio, MinDiskInodes)
	if half := f.Inodes / 2; half > 0 {
		n = min(n, half)
	}
	return n
}

// DecideVolume decides on the cap of a volume that is made by itself.
func DecideVolume(c DiskCap, policy Policy, caller Caller, facts HostFacts) (DiskCap, error) {
	d := &decision{policy: policy, caller: caller, facts: facts}
	d.decideHost()
	c = d.decideDisk("--opt", c, 1)
	return c, d.err()
}

// decideDisk decides on one cap; flag is how the caller writes the options
// size and inodes. The default is divided by share.
func (d *decision) decideDisk(flag string, want DiskCap, share int64) DiskCap {
	c := DiskCap{Bytes: d.p.Host.DefaultDisk / share, Inodes: d.p.Host.DefaultInodes / share}
	switch {
	case want.Bytes == 0:
	case want.Bytes == unlimited:
		if d.relax(d.askLimit(ControlDisk, "disk", flag+" size=unlimited", "what is written there can then fill the host's disk, and with it everything else stops")) {
			c = DiskCap{Bytes: unlimited, Inodes: unlimited}
		}
	case want.Bytes < MinDisk:
		d.invalid(flag+" size", fmt.Sprint(want.Bytes), "the least is %s", human(MinDisk))
	default:
		c = DiskCap{Bytes: want.Bytes, Inodes: d.facts.Disk.inodes(want.Bytes)}
	}
	switch {
	case want.Inodes == 0:
	case want.Inodes < MinDiskInodes:
		d.invalid(flag+" inodes", fmt.Sprint(want.Inodes), "the least is %d", MinDiskInodes)
	default:
		c.Inodes = want.Inodes
	}
	return c
}

// decideVolume decides on the cap of a volume. What an image or a container
// brings by itself shares one default, however many there are.
func (d *decision) decideVolume(m Mount, pm *PostureMount) {
	if m.ReadOnly {
		return
	}
	if m.Exists && m.SizeBytes != unlimited {
		pm.SizeBytes, pm.Inodes, pm.Watched = m.SizeBytes, m.Inodes, m.Watched
		return
	}
	share := int64(1)
	if m.Anonymous {
		share = 0
		for _, other := range d.r.Mounts {
			if other.Anonymous && other.SizeBytes == 0 {
				share++
			}
		}
	}
	c := d.decideDisk("volume-opt", DiskCap{Bytes: m.SizeBytes, Inodes: max(m.Inodes, 0)}, max(share, 1))
	pm.SizeBytes, pm.Inodes, pm.Watched = c.Bytes, c.Inodes, m.Watched
}

// diskDefault is what every volume and writable root gets.
func diskDefault(p Posture) string {
	how := "refused by the file system"
	if !p.Host.DiskQuota {
		how = "watched: " + diskWhy(p)
	}
	return fmt.Sprintf("%s and %d files for each volume, %s", human(p.Host.DefaultDisk), p.Host.DefaultInodes, how)
}

func diskWhy(p Posture) string {
	return "ended when over it, as " + orElse(p.Host.DiskWhy, "the file system has no project quotas")
}

// disk shows what can be written to disk beside the log, and what caps it.
func disk(p Posture) string {
	var hard, watched, free []string
	add := func(place string, bytes, inodes int64, watch bool) {
		if bytes == 0 { // of a posture from before there was a cap
			bytes, inodes = p.Host.DefaultDisk, p.Host.DefaultInodes
		}
		switch {
		case bytes == unlimited:
			free = append(free, place+" without a limit")
		case watch || !p.Host.DiskQuota:
			watched = append(watched, fmt.Sprintf("%s %s and %d files", place, human(bytes), inodes))
		default:
			hard = append(hard, fmt.Sprintf("%s %s and %d files", place, human(bytes), inodes))
		}
	}
	if p.Root.Writable {
		add("the root", p.Root.SizeBytes, p.Root.Inodes, false)
	}
	for _, m := range p.Mounts {
		switch {
		case m.ReadOnly:
		case m.Kind == MountVolume:
			add(m.Target, m.SizeBytes, m.Inodes, m.Watched)
		case m.Kind == MountBind:
			free = append(free, m.Target+" of the host, not capped")
		}
	}
	var parts []string
	if len(hard) > 0 {
		parts = append(parts, strings.Join(hard, ", ")+": refused by the file system")
	}
	if len(watched) > 0 {
		why := diskWhy(p)
		if p.Host.DiskQuota {
			why = "ended when over it, as they were made without project quotas"
		}
		parts = append(parts, strings.Join(watched, ", ")+": watched, "+why)
	}
	return orElse(strings.Join(append(parts, free...), "; "), diskDefault(p))
}
