package sandbox

import (
	"path"
	"slices"
	"strings"
)

// neverPaths are never mounted into a container, nor what lies below them,
// nor what contains them: with each of them a container has the host.
var neverPaths = []string{
	"/etc", "/dev", "/proc", "/sys", "/run", "/var/run", "/boot", "/root",
	"/var/lib/bailey", "/var/lib/docker", "/var/lib/containerd", "/var/lib/containers", "/var/lib/kubelet", "/var/lib/rancher",
}

// systemPaths hold what the host executes. They can be shown, not written.
var systemPaths = []string{"/bin", "/lib", "/lib32", "/lib64", "/libx32", "/sbin", "/usr", "/var/lib/dpkg", "/var/lib/rpm", "/var/lib/systemd", "/var/spool"}

// engineSockets are the names of sockets that command a container engine:
// whoever can write to one is root on the host.
var engineSockets = []string{
	"bailey.sock", "buildkitd.sock", "containerd.sock", "cri-dockerd.sock", "crio.sock", "docker.sock", "dockershim.sock", "podman.sock",
}

// neverMounted says why a host's path can never be mounted, "" when it can.
// own are the node's directories.
func neverMounted(p string, own []string) string {
	if p == "/" {
		return "it is the whole host"
	}
	if isEngineSocket(p) {
		return "whoever can write to a container engine's socket is root on the host"
	}
	for _, never := range append(slices.Clone(own), neverPaths...) {
		switch never = path.Clean(never); {
		case p == never:
			return "with it a container has the host"
		case within(p, never):
			return "it lies in " + never + ", with which a container has the host"
		case within(never, p):
			return "it contains " + never + ", with which a container has the host"
		}
	}
	return ""
}

func isEngineSocket(p string) bool { return slices.Contains(engineSockets, path.Base(p)) }

func isSystem(p string) bool {
	return slices.ContainsFunc(systemPaths, func(s string) bool { return within(p, s) || within(s, p) })
}

// hostMount looks for the entry that lets a caller mount a host's path. When
// one does, but for reading only, only is true.
func (p Policy) hostMount(source string, readOnly bool, c Caller) (entry int, who string, only bool) {
	for i, m := range p.HostMounts {
		if !within(source, m.Path) {
			continue
		}
		by, ok := c.among(m.Callers)
		if !ok {
			continue
		}
		if !m.ReadOnly || readOnly {
			return i, by, false
		}
		only = true
	}
	return -1, "", only
}

// askHostMount decides on the source of a bind mount.
func (d *decision) askHostMount(m Mount) bool {
	if err := checkPath("source of the mount", m.Source); err != nil || path.Clean(m.Source) != m.Source {
		d.invalid("source of the mount", m.Source, "it must be an absolute path without \"..\", \".\" and double slashes")
		return false
	}
	what := "mounting " + m.Source
	if why := neverMounted(m.Source, d.facts.OwnPaths); why != "" {
		mend := "No policy can allow it. Copy what is needed into a volume: -v NAME:" + m.Target
		if isEngineSocket(m.Source) {
			mend = "No policy can allow it. Run the program that commands the engine on the host, as a user that may use its socket.\n" +
				"Testcontainers does without its reaper: export TESTCONTAINERS_RYUK_DISABLED=true"
		}
		d.errs = append(d.errs, &RefusalError{Rule: RuleHostMount, What: what, Why: why, Mend: mend})
		return false
	}
	if !m.ReadOnly && isSystem(m.Source) {
		d.errs = append(d.errs, &RefusalError{Rule: RuleHostMount, What: what + " for writing", Why: "it holds programs that the host runs as root",
			Mend: "It can be mounted for reading: -v " + m.Source + ":" + m.Target + ":ro"})
		return false
	}
	allowed := ask{control: ControlHostMounts, rule: RuleHostMount, value: m.Source}
	if d.caller.prover {
		d.record(allowed, proverAllowed, proverReason)
		return true
	}
	i, who, only := d.policy.hostMount(m.Source, m.ReadOnly, d.caller)
	if i < 0 {
		d.errs = append(d.errs, d.refuseHostMount(m, what, only))
		return false
	}
	entry := d.policy.HostMounts[i]
	d.record(allowed, d.policy.file()+": [[host-mount]] "+entry.Path+" for "+who, entry.Reason)
	return true
}

func (d *decision) refuseHostMount(m Mount, what string, only bool) *RefusalError {
	var b strings.Builder
	why := "a container reaches only the paths of the host that the policy lists for its caller"
	if only {
		what, why = what+" for writing", "the policy lists it for reading only"
		b.WriteString("Mount it for reading: -v " + m.Source + ":" + m.Target + ":ro\n")
	} else {
		b.WriteString("A volume needs no permission: -v NAME:" + m.Target + "\n")
	}
	b.WriteString("To allow it, add to " + d.policy.file() + ":\n\n[[host-mount]]\npath = " + tomlString(m.Source) + "\n")
	if m.ReadOnly {
		b.WriteString("readonly = true\n")
	}
	b.WriteString("callers = [" + tomlString(d.caller.name()) + "]\nreason = \"say why\"")
	return &RefusalError{Rule: RuleHostMount, What: what, Why: why, Mend: b.String()}
}
