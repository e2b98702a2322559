package sandbox

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// mountFile is a file that each start delivers into memory: a copy of one of the host's that the caller may read, or
// one that was sent before the start. The container can neither write nor execute it.
const mountFile = "file"

// The bounds on what is delivered to one container: files, and their bytes together.
const (
	MaxFiles     = 128
	MaxFileBytes = 4 * mib
)

// File is one file to deliver. Name is what it is called in Binding.FilesPath.
type File struct {
	Name string
	PostureMount
}

// Files lists what each start delivers.
func (p Posture) Files() []File {
	var out []File
	for i, m := range p.Mounts {
		if m.Kind == mountFile {
			out = append(out, File{fileName(i), m})
		}
	}
	return out
}

// fileName is unique among the mounts of a posture.
func fileName(mount int) string { return strconv.Itoa(mount) }

// everybody are ids that own nothing: with their rights only what all may read can be read.
var everybody = Identity{UID: 65534, GID: 65534}

// readerOf is with whose rights a file is read. From the places that no container may have (/etc and its like) comes only what
// everybody may read, such as /etc/localtime, whoever asks: a key or a list of passwords stays where it is. /root is a home like
// another: root keeps Compose projects there, and names the file of a secret as everybody does.
func (d *decision) readerOf(source string) *Identity {
	if neverMounted(source, d.facts.OwnPaths) != "" && !within(source, "/root") {
		return &everybody
	}
	return d.caller.Reads
}

// copies says whether a mount is one of a file of the host that can be had without one: for reading, by a caller that may
// read it itself, and that the policy does not give as it is. It opens nothing: what somebody may read they may put into a
// container of theirs in many ways.
func (d *decision) copies(m Mount) bool {
	plain := m.Regular && m.ReadOnly && slices.Contains([]string{"", "private", "rprivate"}, m.Propagation) &&
		!slices.ContainsFunc(m.Options, func(o string) bool { return o == "exec" || o == "suid" || o == "dev" })
	if !plain || d.caller.Reads == nil || checkPath("source of the mount", m.Source) != nil {
		return false
	}
	for _, never := range append(slices.Clone(d.facts.OwnPaths), "/proc", "/sys", "/dev") {
		if within(m.Source, path.Clean(never)) {
			return false
		}
	}
	if neverMounted(m.Source, d.facts.OwnPaths) != "" {
		return true
	}
	entry, _, _ := d.policy.hostMount(m.Source, true, d.caller)
	return entry < 0
}

// Deliver returns the posture with one more file, which was sent: target as seen in the container, ids of the container,
// permission bits. It replaces what was sent for the same place before.
func (p Posture) Deliver(target string, owner Identity, mode uint32, size int64) (Posture, error) {
	d := decision{}
	target = d.mountTarget(target)
	if err := d.err(); err != nil {
		return p, err
	}
	if len(p.Secrets) > 0 && within(target, SecretsDir) {
		return p, &InvalidError{Field: "target of the file", Value: target, Why: "the secrets of the container are there"}
	}
	if outer := p.enclosing(target); outer.Kind == MountBind || outer.ReadOnly && outer.Kind != mountFile && outer.Target != target {
		return p, &InvalidError{Field: "target of the file", Value: target,
			Why: fmt.Sprintf("it lies in %s, where a %s is mounted that nothing can be put into from here", outer.Target, outer.Kind)}
	}
	mounts := slices.Clone(p.Mounts)
	sent := PostureMount{Kind: mountFile, Target: target, File: true, ReadOnly: true, Mode: mode & readable, UID: owner.UID, GID: owner.GID, SizeBytes: size}
	if i := slices.IndexFunc(mounts, func(m PostureMount) bool { return m.Target == target }); i < 0 {
		mounts = append(mounts, sent)
	} else if mounts[i].Kind != mountFile {
		return p, &InvalidError{Field: "target of the file", Value: target, Why: "a " + mounts[i].Kind + " is mounted there"}
	} else {
		mounts[i] = sent
	}
	slices.SortStableFunc(mounts, func(a, b PostureMount) int { return depth(a.Target) - depth(b.Target) })
	p.Mounts = mounts
	if n := len(p.Files()); n > MaxFiles || len(mounts) > maxMounts+MaxFiles {
		return p, &InvalidError{Field: "files", Value: fmt.Sprint(n), Why: fmt.Sprintf("at most %d are delivered to one container: put them into a volume or the image", MaxFiles)}
	}
	return p, nil
}

// enclosing is the mount in which a path lies; the zero value is the root.
func (p Posture) enclosing(target string) (outer PostureMount) {
	for _, m := range p.Mounts {
		if within(target, m.Target) && len(m.Target) > len(outer.Target) {
			outer = m
		}
	}
	return outer
}

// readable are the permission bits that a delivered file can have: it is mounted read-only and noexec.
const readable = 0o555

// filesText shows what is delivered.
func filesText(p Posture) string {
	var parts []string
	for _, f := range p.Files() {
		if f.Reader != nil {
			parts = append(parts, fmt.Sprintf("%s (a copy of %s, which uid %d may read)", f.Target, f.Source, f.Reader.UID))
		} else {
			parts = append(parts, fmt.Sprintf("%s (%s, sent before the start)", f.Target, human(f.SizeBytes)))
		}
	}
	return orElse(strings.Join(parts, ", "), none)
}
