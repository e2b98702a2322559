package sandbox

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// Compute decides the posture of a container. Every relaxation that the
// policy does not allow to the caller is a *RefusalError and everything that
// makes no sense an *InvalidError; all of them come joined in one error.
func Compute(r Request, policy Policy, caller Caller, facts HostFacts) (Posture, error) {
	d := &decision{r: r, policy: policy, caller: caller, facts: facts}
	d.p = Posture{
		Version: PostureVersion, ID: r.ID, Args: slices.Clone(r.Args), Env: slices.Clone(r.Env),
		Identity: r.Identity, Umask: r.Umask, Terminal: r.Terminal, Init: r.Init,
	}
	for _, decide := range []func(){
		d.decideHost, d.decideBroken, d.decideProcess, d.decidePrivileged, d.decideSecurityOptions, d.decideCapabilities,
		d.decideNamespaces, d.decideMemoryFiles, d.decidePaths, d.decideRoot, d.decideMounts, d.decideDevices, d.decideSysctls,
		d.decideMemory, d.decideProcessor, d.decideUlimits, d.decideLog, d.decideNetwork, d.decideSecrets, d.decideRuntime,
		d.decideLSM,
	} {
		decide()
	}
	if err := d.err(); err != nil {
		return Posture{}, err
	}
	return d.p, nil
}

// decideHost keeps what a posture goes on to need of the host.
func (d *decision) decideHost() {
	f := d.facts
	h := PostureHost{
		Architecture: f.Architecture, CgroupV2: f.CgroupV2, CPUs: f.CPUs, PossibleCPUs: max(f.PossibleCPUs, f.CPUs),
		NofileHard: f.NofileHard, SwapAccounting: f.SwapAccounting, NoSwapTmpfs: f.NoSwapTmpfs,
		MemfdNoexec: f.MemfdNoexec, DefaultMemory: DefaultMemory, DiskQuota: f.Disk.Hard, DiskWhy: f.Disk.Why,
	}
	h.DefaultDisk, h.DefaultInodes = f.Disk.defaults()
	if half := f.Memory / 2; half > 0 && half < h.DefaultMemory {
		h.DefaultMemory = max(half, MinMemory)
	}
	if h.NofileHard == 0 || h.NofileHard > DefaultNofileHard {
		h.NofileHard = DefaultNofileHard
	}
	if len(f.KnownControllers) > 0 {
		for _, c := range []string{"memory", "pids", "cpu", "cpuset", "blkio", "devices"} {
			if !slices.Contains(f.KnownControllers, c) && !(c == "blkio" && slices.Contains(f.KnownControllers, "io")) &&
				!(c == "devices" && f.CgroupV2) { // on v2 device rules are a program, not a controller
				h.Missing = append(h.Missing, c)
			}
		}
	}
	for _, c := range h.Missing {
		d.note("the host has no cgroup controller %q: limits that need it are not in force; enable it on the kernel's command line", c)
	}
	d.p.Host = h
}

// decideProcess checks what the first process is.
func (d *decision) decideProcess() {
	r := d.r
	d.invalidate(checkArgs(r.Args))
	d.invalidate(checkEnv(r.Env))
	d.invalidate(checkIdentity(r.Identity))
	var err error
	d.p.WorkingDir, err = workingDir(r.WorkingDir)
	d.invalidate(err)
	if r.Umask != nil && *r.Umask > 0o777 {
		d.invalid("umask", fmt.Sprintf("%#o", *r.Umask), "it has the bits of 0777 only")
	}
	d.p.Hostname, d.p.Domainname = r.Hostname, r.Domainname
	if d.p.Hostname == "" && r.Namespaces["uts"] != NamespaceHost {
		d.p.Hostname = r.ID[:min(12, len(r.ID))]
	}
	d.invalidate(checkHostname("hostname", d.p.Hostname))
	d.invalidate(checkHostname("domain name", d.p.Domainname))
	d.p.Env = defaultEnv(d.p.Env, d.p.Hostname, r.Terminal)
}

func (d *decision) invalidate(err error) {
	if err != nil {
		d.errs = append(d.errs, err)
	}
}

// decidePrivileged comes first: what it allows covers the rest.
func (d *decision) decidePrivileged() {
	if !d.r.Privileged {
		return
	}
	before := len(d.p.Relaxations)
	if !d.relax(ask{control: ControlCapabilities, rule: RulePrivileged, what: "--privileged",
		why:     "it gives every capability and every system call, and shows the kernel's hidden paths",
		instead: "Most programs need one capability or device of it: ask for that with --cap-add or --device."}) {
		return
	}
	granted := d.p.Relaxations[before]
	d.all, d.p.Privileged = &granted, true
	for _, control := range []string{ControlNoNewPrivileges, ControlSeccomp, ControlLSM, ControlProcSys, ControlCgroupFS, ControlDevices} {
		granted.Control = control
		d.p.Relaxations = append(d.p.Relaxations, granted)
	}
}

// decideRoot decides on the root file system.
func (d *decision) decideRoot() {
	d.p.Root.Setuid = !d.p.NoNewPrivileges
	if d.r.RootSizeBytes < unlimited {
		d.invalid("--storage-opt size", fmt.Sprint(d.r.RootSizeBytes), "it must be positive")
	}
	if !d.r.WritableRoot {
		if d.r.RootSizeBytes != 0 {
			d.note("--storage-opt size has no effect: the root file system is read-only; a volume has a size of its own (volume create --opt size=…)")
		}
		return
	}
	d.p.Root.Writable = d.relax(ask{control: ControlRoot, rule: RuleWritableRoot, what: "--security-opt rootfs=writable",
		why:     "what an attacker writes to the root file system can be executed, and stays for the next start",
		instead: "A program that writes to a few places works with --tmpfs PATH or a volume (-v NAME:PATH) for each."})
	root := d.decideDisk("--storage-opt", DiskCap{Bytes: d.r.RootSizeBytes}, 1)
	d.p.Root.SizeBytes, d.p.Root.Inodes = root.Bytes, root.Inodes
}

// decideSecrets checks the names; the contents come at the start.
func (d *decision) decideSecrets() {
	for _, name := range d.r.Secrets {
		if !isName(name) {
			d.invalid("secret", name, "a name has letters, digits, '.', '_' and '-' and does not begin with a '.'")
			continue
		}
		if slices.Contains(d.p.Secrets, name) {
			d.invalid("secret", name, "it is asked for twice")
			continue
		}
		d.p.Secrets = append(d.p.Secrets, name)
	}
}

// decideRuntime decides on what would change the runtime's own behaviour.
func (d *decision) decideRuntime() {
	r := d.r
	if r.CgroupParent != "" {
		if path.Clean(r.CgroupParent) != r.CgroupParent || !path.IsAbs(r.CgroupParent) && !isName(r.CgroupParent) || strings.ContainsFunc(r.CgroupParent, isOdd) {
			d.invalid("cgroup parent", r.CgroupParent, "it must be an absolute path or a slice's name")
		} else if d.relax(ask{control: ControlCgroupParent, rule: RuleCgroupParent, value: r.CgroupParent,
			what: "--cgroup-parent " + r.CgroupParent, why: "limits of another group then count instead of the node's",
			instead: "The limits can be set on the container itself: --memory, --cpus, --pids-limit."}) {
			d.p.CgroupParent = r.CgroupParent
		}
	}
	if r.Runtime != "" && !isName(r.Runtime) {
		d.invalid("--runtime", r.Runtime, "a name has letters, digits, '.', '_' and '-' and does not begin with a '.'")
	} else if r.Runtime != "" && d.relax(ask{control: ControlRuntime, rule: RuleRuntime, value: r.Runtime, what: "--runtime " + r.Runtime,
		why: "the runtime builds the sandbox; another one may leave parts of it out", instead: "Leave --runtime out to use the node's."}) {
		d.p.Runtime = r.Runtime
	}
	for _, key := range slices.Sorted(maps.Keys(r.Annotations)) {
		if key == "" || strings.ContainsFunc(key, isOdd) {
			d.invalid("--annotation", key, "a key has no spaces, control characters and asterisks, and is not empty")
		} else if d.relax(ask{control: ControlRuntime, rule: RuleAnnotation, value: key, what: "--annotation " + key,
			why: "OCI runtimes obey annotations, past what the sandbox decided", instead: "To mark a container, use --label."}) {
			if d.p.Annotations == nil {
				d.p.Annotations = map[string]string{}
			}
			d.p.Annotations[key] = r.Annotations[key]
		}
	}
}
