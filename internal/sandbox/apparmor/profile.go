package apparmor

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Prefix begins the name of every profile of Bailey's.
const Prefix = "bailey-"

// Rules are the parts of a profile that depend on the posture.
type Rules struct {
	// Masked paths cannot be opened, ReadOnly ones not be written; neither can what is below them.
	Masked, ReadOnly []string
	// Mount allows mounting, Ptrace tracing of other processes in the same container, Packet sockets
	// of every family. A relaxation opened them.
	Mount, Ptrace, Packet bool
	// WritableCgroup allows writing to the container's own cgroup.
	WritableCgroup bool
}

// Profile returns the name and the text of the profile for rules. The text
// includes no file of the host, so that it loads alike everywhere.
// Source: apparmor.d(5).
func Profile(rules Rules) (name, text string) {
	body := rules.body()
	sum := sha256.Sum256([]byte(body))
	name = Prefix + hex.EncodeToString(sum[:6])
	return name, fmt.Sprintf(
		"# Written by Bailey. The name is made from the contents: an edited copy is never used.\n"+
			"profile %s flags=(attach_disconnected,mediate_deleted) {\n%s}\n",
		name, strings.ReplaceAll(body, self, name))
}

// self stands for the profile's own name, which is made from the text around it.
const self = "@SELF@"

func (r Rules) body() string {
	var b strings.Builder
	section := func(why string, lines ...string) {
		fmt.Fprintf(&b, "  # %s\n", why)
		for _, l := range lines {
			fmt.Fprintf(&b, "  %s,\n", l)
		}
		b.WriteByte('\n')
	}
	section("What is not denied below is the business of the other controls.", "file", "capability")
	families := []string{"network unix", "network inet", "network inet6", "network netlink"}
	if r.Packet {
		families = []string{"network"}
	}
	section("Families without a line are denied.", append(families, "unix")...)
	section("The engine ends and stops the container; the container only its own processes.",
		"signal (receive) peer=unconfined", "signal (receive) peer=runc", "signal (receive) peer=crun",
		"signal (send, receive) peer="+self)
	tracing := []string{"ptrace (read, readby) peer=" + self}
	if r.Ptrace {
		tracing = []string{"ptrace (trace, tracedby, read, readby) peer=" + self}
	}
	section("Processes of the container see each other in /proc.", tracing...)
	if r.Mount {
		section("A relaxation allows mounting.", "mount", "remount", "umount", "pivot_root")
	} else {
		section("Mounts would undo what follows.", "deny mount", "deny remount", "deny umount", "deny pivot_root")
	}
	section("Hidden.", denied(r.Masked, "rwklx")...)
	section("For reading only.", append(denied(r.ReadOnly, "wkl"), r.sysfs()...)...)
	return b.String()
}

// sysfs denies writing to /sys, but for the cgroup where that is relaxed.
func (r Rules) sysfs() []string {
	if !r.WritableCgroup {
		return []string{"deny /sys/** wkl"}
	}
	return []string{
		"deny /sys/[^f]*/** wkl", "deny /sys/f[^s]*/** wkl",
		"deny /sys/fs/[^c]*/** wkl", "deny /sys/fs/c[^g]*/** wkl",
	}
}

func denied(paths []string, access string) []string {
	lines := make([]string, 0, 2*len(paths))
	for _, p := range paths {
		lines = append(lines, fmt.Sprintf("deny %s %s", quote(p), access), fmt.Sprintf("deny %s %s", quote(p+"/**"), access))
	}
	return lines
}

// quote writes a path so that nothing in it but * is syntax: a caller may
// have named it.
func quote(path string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case strings.IndexByte(`"\?[]{}^@,`, c) >= 0:
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
