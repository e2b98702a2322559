package sandbox

import (
	"fmt"
	"slices"
)

// StepPids counts the processes and threads of one build step: compilers start many. StepTmpfs caps a tmpfs that a
// step asks for without a size, in bytes.
const (
	StepPids  = 4096
	StepTmpfs = 1 * gib
)

// StepRequest is one command of an image build, after names were resolved.
type StepRequest struct {
	ID, Hostname string
	Args, Env    []string
	WorkingDir   string
	Identity     Identity
	Terminal     bool
	// ReadOnlyRoot keeps the step from writing to its own snapshot.
	ReadOnlyRoot bool
	// Network is "none", DefaultNetwork (a segment of its own) or NamespaceHost; the last two need a grant.
	Network string
	Mounts  []StepMount
	Ulimits []Ulimit
	// Grants are what AllowBuild gave to the build that the step belongs to.
	Grants []Relaxation
}

// StepMount is something that the builder shows to a step: a cache, a file of another stage, a secret.
type StepMount struct {
	Target         string
	File, ReadOnly bool
	// Tmpfs is memory instead; SizeBytes caps it, 0 means StepTmpfs.
	Tmpfs     bool
	SizeBytes int64
}

// ComputeStep decides the posture of a build step. It is that of a container, except where a build could not work:
// the root can be written, because it is a snapshot that is the step's own; /run, /tmp and /var/tmp are part of it;
// programs in what the builder mounts can be executed; and there is more room for memory and processes. Without a
// grant there is no network.
func ComputeStep(r StepRequest, facts HostFacts) (Posture, error) {
	network := r.Network
	if network == NamespaceHost {
		network = "none"
	}
	p, err := Compute(Request{
		ID: r.ID, Hostname: r.Hostname, Args: r.Args, Env: r.Env, WorkingDir: r.WorkingDir, Identity: r.Identity,
		Terminal: r.Terminal, Network: network, Ulimits: r.Ulimits,
		Resources: Resources{Memory: max(facts.Memory/2, MinMemory), PidsLimit: StepPids},
		Log:       LogLimits{Disabled: true},
	}, Policy{}, Caller{}, facts)
	if err != nil {
		return Posture{}, err
	}
	d := &decision{p: p}
	d.p.Root.Writable = !r.ReadOnlyRoot
	d.stepMounts(r.Mounts)
	d.stepNetwork(r)
	if err := d.err(); err != nil {
		return Posture{}, err
	}
	return d.p, nil
}

// stepMounts puts what the builder mounts in the place of the memory that other containers have.
func (d *decision) stepMounts(mounts []StepMount) {
	if len(mounts) > maxMounts {
		d.invalid("mounts", fmt.Sprint(len(mounts)), "at most %d are accepted", maxMounts)
		return
	}
	d.p.Mounts = slices.DeleteFunc(d.p.Mounts, func(m PostureMount) bool { return m.Kind == MountTmpfs })
	wanted := map[string]bool{}
	for _, m := range mounts {
		pm := PostureMount{Kind: mountStep, Target: d.mountTarget(m.Target), File: m.File, ReadOnly: m.ReadOnly, Exec: true}
		if m.Tmpfs {
			pm.Kind, pm.SizeBytes, pm.Mode = MountTmpfs, m.SizeBytes, 0o1777
			if pm.SizeBytes <= 0 {
				pm.SizeBytes = StepTmpfs
			}
			pm.Inodes = max(DefaultInodes, pm.SizeBytes/(4*kib))
		}
		if wanted[pm.Target] {
			d.invalid("target of the mount", pm.Target, "it is asked for twice")
		}
		wanted[pm.Target] = true
		d.p.Mounts = slices.DeleteFunc(d.p.Mounts, func(own PostureMount) bool { return own.Target == pm.Target })
		d.p.Mounts = append(d.p.Mounts, pm)
	}
	slices.SortStableFunc(d.p.Mounts, func(a, b PostureMount) int { return depth(a.Target) - depth(b.Target) })
}

// stepNetwork fails closed: a step has the network that a grant names, or none.
func (d *decision) stepNetwork(r StepRequest) {
	var value string
	switch r.Network {
	case "none":
		return
	case DefaultNetwork:
		value = BuildOutbound
	case NamespaceHost:
		value = BuildHost
	default:
		d.invalid("network", r.Network, "a build step has none, default or host")
		return
	}
	for _, g := range r.Grants {
		if g.Rule != RuleBuildNetwork || g.Value != value {
			continue
		}
		d.p.Relaxations = append(d.p.Relaxations, g)
		if r.Network == NamespaceHost {
			d.p.Namespaces.Network, d.p.Network.Name, d.p.Sysctls = NamespaceHost, NamespaceHost, map[string]string{}
		}
		return
	}
	d.invalid("network", r.Network, "the build was not granted it")
}
