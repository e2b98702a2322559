package sandbox

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/bailey-run/bailey/internal/sandbox/apparmor"
	"github.com/bailey-run/bailey/internal/sandbox/seccomp"
)

// decideSecurityOptions reads the options as the Docker API carries them:
// KEY, KEY=VALUE, or KEY:VALUE of old.
func (d *decision) decideSecurityOptions() {
	d.p.NoNewPrivileges = !d.p.Privileged
	d.p.Seccomp = Seccomp{Mode: ModeDefault}
	d.p.AppArmor, d.p.SELinux = AppArmor{Mode: ModeDefault}, SELinux{Mode: ModeDefault}
	d.p.WritableCgroups = d.p.Privileged
	if d.p.Privileged {
		d.p.Seccomp.Mode, d.p.AppArmor.Mode, d.p.SELinux.Mode = ModeUnconfined, ModeUnconfined, ModeUnconfined
	}
	for _, opt := range d.r.SecurityOpt {
		key, value := opt, ""
		if i := strings.IndexAny(opt, "=:"); i >= 0 {
			key, value = opt[:i], opt[i+1:]
		}
		switch key {
		case "no-new-privileges":
			d.decideNoNewPrivileges(opt, value)
		case "seccomp":
			d.decideSeccomp(value)
		case "syscalls":
			d.decideSyscalls(opt, value)
		case "apparmor":
			d.decideAppArmor(value)
		case "label":
			d.decideLabel(opt, value)
		case "systempaths":
			d.decideSystemPaths(opt, value)
		case "writable-cgroups":
			d.decideWritableCgroups(opt, value)
		case "rootfs":
			d.decideRootOption(opt, value)
		case "memfd":
			d.decideMemfdOption(opt, value)
		default:
			d.invalid("security option", opt, "there are no-new-privileges, seccomp, syscalls, apparmor, label, systempaths, writable-cgroups, rootfs and memfd")
		}
	}
}

func (d *decision) decideNoNewPrivileges(opt, value string) {
	switch value {
	case "", "true", "1":
		d.p.NoNewPrivileges = true
	case "false", "0":
		if d.relax(ask{control: ControlNoNewPrivileges, rule: RuleSecurityOpt, value: "no-new-privileges=false",
			what: "--security-opt " + opt, why: "programs with the set-user-id bit (su, sudo, ping) then give their owner's rights to whoever runs them"}) {
			d.p.NoNewPrivileges = false
		}
	default:
		d.invalid("security option", opt, "no-new-privileges is true or false")
	}
}

func (d *decision) decideSeccomp(value string) {
	switch {
	case value == "" || value == "builtin" || value == ModeDefault:
	case value == ModeUnconfined:
		if d.relax(ask{control: ControlSeccomp, rule: RuleSecurityOpt, value: "seccomp=unconfined", what: "--security-opt seccomp=unconfined",
			why:     "every system call then reaches the kernel, io_uring, bpf and new user namespaces among them",
			instead: "Open only the group that is needed: --security-opt syscalls=+ptrace, for instance."}) {
			d.p.Seccomp = Seccomp{Mode: ModeUnconfined}
		}
	default:
		d.decideSeccompProfile(value)
	}
}

// decideSyscalls opens groups of denied system calls. It is an option of its
// own because Docker's clients take every other value of seccomp for a file
// of theirs, and send what is in it.
func (d *decision) decideSyscalls(opt, value string) {
	if !strings.HasPrefix(value, "+") {
		d.invalid("security option", opt, "it opens groups of system calls: syscalls=+GROUP,+GROUP")
		return
	}
	for _, group := range strings.Split(value, ",") {
		group = strings.TrimPrefix(group, "+")
		if !seccomp.Known(group) {
			d.invalid("security option", "syscalls=+"+group, "there is no such group of system calls; there are %s", strings.Join(seccomp.GroupNames(), ", "))
			continue
		}
		if d.relax(ask{control: ControlSeccomp, rule: RuleSeccomp, value: group, what: "--security-opt syscalls=+" + group, why: reasonOf(group)}) &&
			d.p.Seccomp.Mode == ModeDefault {
			d.p.Seccomp.Opened = sorted(append(d.p.Seccomp.Opened, group))
		}
	}
}

func reasonOf(group string) string {
	groups := seccomp.Groups()
	return groups[slices.IndexFunc(groups, func(g seccomp.Group) bool { return g.Name == group })].Reason
}

func (d *decision) decideSeccompProfile(value string) {
	if _, err := seccomp.Custom([]byte(value), d.facts.Architecture, nil); err != nil {
		d.invalid("security option", "seccomp=…", "%v", err)
		return
	}
	if d.relax(ask{control: ControlSeccomp, rule: RuleSecurityOpt, value: "seccomp=custom", what: "a list of system calls of your own (--security-opt seccomp=FILE)",
		why:     "it takes the place of the node's list and may allow anything",
		instead: "To open single groups of the node's list, use --security-opt syscalls=+GROUP."}) {
		d.p.Seccomp = Seccomp{Mode: ModeCustom, Profile: json.RawMessage(value)}
	}
}

func (d *decision) decideAppArmor(profile string) {
	if profile == "" || profile == ModeDefault || profile == "docker-default" {
		return
	}
	if strings.ContainsFunc(profile, isOdd) || len(profile) > 255 {
		d.invalid("AppArmor profile", profile, "a name has at most 255 bytes, no spaces, control characters and asterisks")
		return
	}
	if d.relax(ask{control: ControlLSM, rule: RuleSecurityOpt, value: "apparmor=" + profile, what: "--security-opt apparmor=" + profile,
		why: "Bailey's profile then no longer guards /proc, /sys and mounts a second time"}) {
		d.p.AppArmor = AppArmor{Mode: ModeCustom, Profile: profile}
		if profile == ModeUnconfined {
			d.p.AppArmor = AppArmor{Mode: ModeUnconfined}
		}
	}
}

// decideLabel understands disable, type:T and level:L; user and role are
// the policy of the host's business.
func (d *decision) decideLabel(opt, value string) {
	kind, what, _ := strings.Cut(value, ":")
	if value != "disable" && ((kind != "type" && kind != "level") || what == "" || strings.ContainsFunc(what, isOdd)) {
		d.invalid("security option", opt, "label is disable, type:TYPE or level:LEVEL")
		return
	}
	if !d.relax(ask{control: ControlLSM, rule: RuleSecurityOpt, value: "label=" + value, what: "--security-opt " + opt,
		why: "SELinux then no longer keeps this container from the files of the host and of other containers"}) {
		return
	}
	switch {
	case value == "disable":
		d.p.SELinux = SELinux{Mode: ModeUnconfined}
	case kind == "type":
		d.p.SELinux.Mode, d.p.SELinux.Type = ModeCustom, what
	default:
		d.p.SELinux.Mode, d.p.SELinux.Level = ModeCustom, what
	}
}

func (d *decision) decideSystemPaths(opt, value string) {
	if value != ModeUnconfined {
		d.invalid("security option", opt, "systempaths is unconfined or left out")
		return
	}
	none := []string{}
	d.r.MaskedPaths, d.r.ReadonlyPaths = &none, &none
}

func (d *decision) decideWritableCgroups(opt, value string) {
	switch value {
	case "false":
	case "", "true":
		d.p.WritableCgroups = d.relax(ask{control: ControlCgroupFS, rule: RuleSecurityOpt, value: "writable-cgroups=true", what: "--security-opt " + opt,
			why: "a container that writes to its cgroup can raise its own limits"})
	default:
		d.invalid("security option", opt, "writable-cgroups is true or false")
	}
}

func (d *decision) decideRootOption(opt, value string) {
	switch value {
	case "writable":
		d.r.WritableRoot = true
	case "readonly":
	default:
		d.invalid("security option", opt, "rootfs is readonly or writable")
	}
}

// decideLSM comes last: the profile repeats what the others decided.
func (d *decision) decideLSM() {
	if !d.facts.AppArmor {
		d.p.AppArmor = AppArmor{Mode: ModeAbsent}
	}
	if d.p.AppArmor.Mode == ModeDefault {
		if d.p.AppArmor.Profile, _ = d.p.AppArmorProfile(); d.p.AppArmor.Profile != defaultProfile() {
			d.repeat(ControlLSM, ControlSeccomp, ControlCgroupFS, ControlProcSys)
		}
	}
	if !d.facts.SELinux {
		d.p.SELinux = SELinux{Mode: ModeAbsent}
	}
	if d.p.SELinux.Mode != ModeAbsent && d.p.SELinux.Mode != ModeUnconfined && d.p.SELinux.Type == "" {
		d.p.SELinux.Type = defaultSELinuxType
	}
}

// repeat records the relaxations of some controls for another one as well,
// which follows them.
func (d *decision) repeat(control string, from ...string) {
	for _, x := range d.p.Relaxations {
		if slices.Contains(from, x.Control) {
			x.Control = control
			d.p.Relaxations = append(d.p.Relaxations, x)
		}
	}
}

// defaultProfile is the name of the AppArmor profile without relaxations.
func defaultProfile() string {
	name, _ := apparmor.Profile(apparmor.Rules{Masked: defaultMasked, ReadOnly: defaultReadonly})
	return name
}

// AppArmorProfile returns the name and the text of the profile that the
// posture's default mode needs. The node loads it before the first start.
func (p Posture) AppArmorProfile() (name, text string) {
	opened := func(group string) bool {
		return p.Seccomp.Mode != ModeDefault || slices.Contains(p.Seccomp.Opened, group)
	}
	return apparmor.Profile(apparmor.Rules{
		Masked: p.MaskedPaths, ReadOnly: p.ReadonlyPaths, WritableCgroup: p.WritableCgroups,
		Mount: opened("mount"), Ptrace: opened("ptrace"), Packet: opened("packet") || opened("sockets"),
	})
}
