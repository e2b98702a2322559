package hint

import (
	"fmt"
	"path"
	"strings"

	"github.com/bailey-run/bailey/internal/engine/files"
)

// Advice explains one refusal and says what opens it.
type Advice struct {
	Refused
	// Flag is the option of `bailey run` that opens it; empty when there is none.
	Flag string
	text string
}

// String says what was refused, why, and what opens it.
func (a Advice) String() string { return "bailey: " + a.text }

// Mount is something of a container that is not its root file system.
type Mount struct {
	Target                string
	Tmpfs, ReadOnly, Exec bool
}

// Room is what a container had around it.
type Room struct {
	Mounts []Mount
	// WritableRoot is true when nothing was refused because of the root.
	WritableRoot bool
	// Look says what the image has at a path.
	Look func(path string) files.Content
}

// Advise explains refusals, those that one option opens together only once, and
// leaves out what no default of Bailey's was the cause of.
func (r Room) Advise(all []Refused) []Advice {
	var out []Advice
	seen := map[string]bool{}
	for _, refused := range all {
		a, ours := r.write(refused)
		if refused.Exec {
			a, ours = r.exec(refused)
		}
		if !ours || a.Flag != "" && seen[a.Flag] {
			continue
		}
		seen[a.Flag] = true
		a.Refused = refused
		out = append(out, a)
	}
	return out
}

// exec explains that something could not be executed.
func (r Room) exec(f Refused) (Advice, bool) {
	m, ok := r.mount(f.Path)
	if !ok || m.Exec {
		return Advice{}, false
	}
	flag := "-v NAME:" + m.Target + ":exec"
	if m.Tmpfs {
		flag = "--tmpfs " + m.Target + ":exec"
	}
	return Advice{Flag: flag, text: fmt.Sprintf("%s could not be executed: %s can be written to, and holds no programs by default. "+
		"Put it into the image, or use %s, which the policy's rule mount-option must allow", f.Path, m.Target, flag)}, true
}

// write explains that something could not be written.
func (r Room) write(f Refused) (Advice, bool) {
	if parameter, ok := strings.CutPrefix(f.Path, "/proc/sys/"); ok {
		flag := "--sysctl " + strings.ReplaceAll(parameter, "/", ".") + "=VALUE"
		return Advice{Flag: flag, text: fmt.Sprintf("%s could not be written: a container does not change the kernel's parameters itself. Set it with %s", f.Path, flag)}, true
	}
	if below(f.Path, "/sys") || below(f.Path, "/proc") {
		return Advice{text: fmt.Sprintf("%s could not be written: it belongs to the host. Set it there", f.Path)}, true
	}
	if m, ok := r.mount(f.Path); ok {
		return Advice{text: fmt.Sprintf("%s could not be written: %s is mounted read-only. Leave the option ro out to open it", f.Path, m.Target)}, m.ReadOnly
	}
	if r.WritableRoot {
		return Advice{}, false
	}
	dir, has := r.directory(f)
	why := fmt.Sprintf("%s could not be written: the root file system is read-only by default. ", f.Path)
	switch {
	case dir == "/" || has == files.Programs && dir != "/etc": // /etc has scripts that nobody runs in a container
		flag := "--security-opt rootfs=writable"
		return Advice{Flag: flag, text: why + fmt.Sprintf("%s holds programs, which a volume would not run: let it write elsewhere, or open the whole root "+
			"with %s, which the policy's rule writable-root must allow", dir, flag)}, true
	case has == files.Data || has == files.Programs:
		flag := "-v " + dir
		return Advice{Flag: flag, text: why + fmt.Sprintf("Give the container a copy of its own of what the image has there with %s, or with -v NAME:%s to keep it", flag, dir)}, true
	}
	flag := "--tmpfs " + dir
	return Advice{Flag: flag, text: why + fmt.Sprintf("Open the directory with %s (in memory) or -v NAME:%s (kept)", flag, dir)}, true
}

// directory is what has to be opened for a path to be written: the path where the image has a directory, or none directly
// below the root; else where it lies.
func (r Room) directory(f Refused) (string, files.Content) {
	has := r.Look(f.Path)
	if has != files.Missing && has != files.NoDirectory {
		return f.Path, has
	}
	dir := path.Dir(f.Path)
	if dir == "/" && has == files.Missing && (f.Dir || path.Ext(f.Path) == "") {
		return f.Path, files.Missing
	}
	return dir, r.Look(dir)
}

// mount is the innermost mount that a path lies in.
func (r Room) mount(p string) (innermost Mount, ok bool) {
	for _, m := range r.Mounts {
		if below(p, m.Target) && len(m.Target) >= len(innermost.Target) {
			innermost, ok = m, true
		}
	}
	return innermost, ok
}

// below tells whether a clean path is dir or lies in it.
func below(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }
