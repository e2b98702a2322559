package sandbox

import (
	"maps"
	"slices"
	"strings"
)

// decideNamespaces gives the container one of each kind, unless a relaxation
// shares one with the host or with another container.
func (d *decision) decideNamespaces() {
	modes := maps.Clone(d.r.Namespaces)
	if modes == nil {
		modes = map[string]string{}
	}
	if other := modes["network"]; other != "" && d.r.Network != "" && other != d.r.Network {
		d.invalid("network", other, "another one is asked for too: %q", d.r.Network)
	}
	if network := d.networkName(); network == NamespaceHost || strings.HasPrefix(network, NamespaceJoin) {
		modes["network"] = network
	} else {
		delete(modes, "network")
	}
	ns := &d.p.Namespaces
	ns.Mount = NamespaceOwn
	for _, n := range []struct {
		kind     string
		control  string
		value    *string
		joinable bool
		why      string
	}{
		{"user", ControlUserNS, &ns.User, false, "root in the container is then root of the host"},
		{"pid", ControlPIDNS, &ns.PID, true, "the container then sees, and may signal, processes that are not its own"},
		{"ipc", ControlIPCNS, &ns.IPC, true, "the container then reads and writes shared memory that is not its own"},
		{"uts", ControlUTSNS, &ns.UTS, false, "the container then shares the host's name"},
		{"cgroup", ControlCgroupNS, &ns.Cgroup, false, "the container then sees where it and others lie in the host's cgroups"},
		{"time", ControlTimeNS, &ns.Time, false, "the container then sees since when the host is up"},
		{"network", ControlNetwork, &ns.Network, true, "the container then reaches what listens on another's loopback, and its ports"},
	} {
		*n.value = d.decideNamespace(n.kind, modes[n.kind], n.control, n.why, n.joinable)
		delete(modes, n.kind)
	}
	for _, kind := range slices.Sorted(maps.Keys(modes)) {
		d.invalid("namespace", kind, "there is no such kind; there are user, pid, ipc, uts, cgroup, time and network")
	}
	if ns.Time == NamespaceOwn && !d.facts.TimeNS {
		ns.Time = NamespaceAbsent
	}
	d.joinUser()
	if ns.UTS == NamespaceHost && (d.r.Hostname != "" || d.r.Domainname != "") {
		d.invalid("hostname", d.r.Hostname+d.r.Domainname, "a container in the host's UTS namespace has the host's name; leave it out")
	}
}

func (d *decision) decideNamespace(kind, mode, control, why string, joinable bool) string {
	flag := "--" + kind
	if kind == "user" || kind == "cgroup" {
		flag += "ns"
	}
	switch {
	case mode == "" || mode == "private" || kind == "ipc" && (mode == "shareable" || mode == "none"):
		return NamespaceOwn
	case mode == NamespaceHost:
		if d.relax(ask{control: control, rule: RuleHostNamespace, value: kind, what: flag + " host", why: why}) {
			return NamespaceHost
		}
	case joinable && len(mode) > len(NamespaceJoin) && strings.HasPrefix(mode, NamespaceJoin):
		if d.relax(ask{control: control, rule: RuleJoinNamespace, value: kind, what: flag + " " + mode, why: why + "; it also gets that container's user ids"}) {
			return mode
		}
	case joinable:
		d.invalid(flag, mode, "it is private, host or container:NAME")
	default:
		d.invalid(flag, mode, "it is private or host")
	}
	return NamespaceOwn
}

// joinUser puts a container that joins a namespace into the user namespace
// that owns it: from another one it could neither mount what shows that
// namespace nor have a right in it.
func (d *decision) joinUser() {
	ns := &d.p.Namespaces
	joined := ""
	for _, mode := range []string{ns.PID, ns.IPC, ns.Network} {
		if !strings.HasPrefix(mode, NamespaceJoin) {
			continue
		}
		if joined != "" && mode != joined {
			d.invalid("namespace", mode, "another container's is joined too, %q: one container has one set of user ids", joined)
		}
		joined = mode
	}
	if joined == "" {
		return
	}
	if ns.User == NamespaceHost {
		d.invalid("--userns", NamespaceHost, "a namespace of another container is joined, and with it that container's user namespace")
	}
	ns.User = joined
	for _, x := range d.p.Relaxations {
		if x.Rule == RuleJoinNamespace {
			x.Control = ControlUserNS
			d.p.Relaxations = append(d.p.Relaxations, x)
			break
		}
	}
}
