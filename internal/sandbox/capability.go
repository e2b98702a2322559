package sandbox

import (
	"slices"
	"strings"

	"github.com/bailey-run/bailey/internal/sandbox/seccomp"
)

// decideCapabilities decides what root in the container gets, and what any
// other user does: nothing, unless a relaxation gives it.
func (d *decision) decideCapabilities() {
	drop, add := d.capabilityNames("--cap-drop", d.r.CapDrop), d.capabilityNames("--cap-add", d.r.CapAdd)
	root := slices.Clone(defaultCapabilities)
	if d.p.Privileged {
		root = slices.Clone(knownCapabilities)
	}
	if slices.Contains(drop, "ALL") {
		root = []string{}
	}
	root = slices.DeleteFunc(root, func(c string) bool { return slices.Contains(drop, c) && !slices.Contains(add, c) })
	var given []string
	for _, c := range add {
		// What root has by default is no relaxation; for another user it has no effect, as with Docker.
		if slices.Contains(defaultCapabilities, c) {
			root = append(root, c)
			if d.r.Identity.UID != 0 && !d.p.Privileged {
				d.note("--cap-add %s has no effect for user %d: a port below 1024 can be bound without it, and for the rest the user must be 0", c, d.r.Identity.UID)
			}
			continue
		}
		if d.relax(d.askCapability(c)) {
			given = append(given, c)
			d.openFor(c)
		}
	}
	if slices.Contains(given, "ALL") {
		given = slices.DeleteFunc(slices.Clone(knownCapabilities), func(c string) bool { return slices.Contains(drop, c) })
	}
	d.p.Capabilities = Capabilities{Root: sorted(append(root, given...)), User: sorted(given)}
}

// openFor opens the system calls that a capability is for.
func (d *decision) openFor(c string) {
	list := []string{c}
	if c == "ALL" {
		list = knownCapabilities
	}
	groups := seccomp.OpenedBy(list)
	if len(groups) == 0 || d.p.Seccomp.Mode != ModeDefault {
		return
	}
	d.p.Seccomp.Opened = sorted(append(d.p.Seccomp.Opened, groups...))
	granted := d.p.Relaxations[len(d.p.Relaxations)-1]
	granted.Control = ControlSeccomp
	d.p.Relaxations = append(d.p.Relaxations, granted)
}

func (d *decision) askCapability(c string) ask {
	name := strings.TrimPrefix(c, "CAP_")
	return ask{control: ControlCapabilities, rule: RuleCapAdd, value: name, what: "--cap-add " + name,
		why: "a capability opens parts of the kernel, and with it the system calls that need it", instead: insteadOf[c]}
}

// insteadOf are the ways to do without a capability that is often asked for.
var insteadOf = map[string]string{
	"CAP_NET_RAW":    "ping works without it.",
	"CAP_SYS_PTRACE": "To debug a program that you start yourself, --security-opt syscalls=+ptrace is enough.",
	"CAP_SYS_ADMIN":  "It is nearly root; find out which part is needed.",
	"CAP_SYS_NICE":   "Shares of the processor can be set with --cpu-shares.",
	"CAP_IPC_LOCK":   "mlock works without it, up to --ulimit memlock.",
}

// capabilityNames brings names into one form, CAP_ before each but ALL.
func (d *decision) capabilityNames(flag string, names []string) []string {
	var out []string
	for _, n := range names {
		c := strings.ToUpper(n)
		if c != "ALL" && !strings.HasPrefix(c, "CAP_") {
			c = "CAP_" + c
		}
		if c == "CAP_ALL" {
			c = "ALL"
		}
		if c != "ALL" && !slices.Contains(knownCapabilities, c) {
			d.invalid("capability", n, "%s knows no such capability; capabilities(7) lists them", flag)
			continue
		}
		out = append(out, c)
	}
	return out
}

// sorted sorts and removes what is there twice; the result is never nil.
func sorted(s []string) []string {
	out := append([]string{}, s...)
	slices.Sort(out)
	return slices.Compact(out)
}
