package sandbox

import (
	"encoding/json"
	"testing"
)

// Whatever a caller writes, without a policy it is refused, or the posture is
// no weaker than the default.
func FuzzComputeWithoutPolicy(f *testing.F) {
	f.Add("no-new-privileges:false", "SYS_ADMIN", "host", "/proc/self/fd/7", "/dev/null", "exec", "c 1:3 rwm", "net.ipv4.ip_forward", int64(-1))
	f.Add("syscalls=+ptrace", "all", "container:x", "/", "/../dev", "suid", "a *:* rwm", "kernel/core_pattern", int64(1<<62))
	f.Add("systempaths=unconfined", "cap_chown", "private", "relative", "/data", "ro", "", "", int64(512<<20))
	f.Add("rootfs=writable", "CAP_ALL", "shareable", "", "//sys", "dev", "b 8:0 r", "fs.mqueue.msg_max", int64(0))
	f.Add("label=type:x", "", "none", "/srv", "/run/secrets", "noexec", "c 1:3 rwm x", "net..x", int64(100000))
	var base Posture
	f.Fuzz(func(t *testing.T, option, capability, mode, dir, target, flag, rule, sysctl string, n int64) {
		if base.Version == 0 {
			base = compute(t, nil)
		}
		r := request(func(r *Request) {
			r.SecurityOpt, r.CapAdd, r.WorkingDir, r.DeviceCgroupRules = []string{option}, []string{capability}, dir, []string{rule}
			r.Namespaces = map[string]string{"pid": mode, "ipc": mode, "user": mode, "cgroup": mode}
			r.Mounts = []Mount{{Type: MountTmpfs, Target: target, Options: []string{flag}}}
			r.Sysctls, r.Resources = map[string]string{sysctl: "1"}, Resources{Memory: n, PidsLimit: n, MemorySwap: n, NanoCPUs: n}
		})
		// Parts that are in order by themselves must not hide what the others do: try each alone as well.
		for _, one := range []func(*Request){
			func(r *Request) {}, keep(func(from, to *Request) { to.SecurityOpt = from.SecurityOpt }, r), keep(func(from, to *Request) { to.CapAdd = from.CapAdd }, r),
			keep(func(from, to *Request) { to.Namespaces = from.Namespaces }, r), keep(func(from, to *Request) { to.Mounts = from.Mounts }, r),
			keep(func(from, to *Request) { to.DeviceCgroupRules = from.DeviceCgroupRules }, r), keep(func(from, to *Request) { to.Sysctls = from.Sysctls }, r),
			keep(func(from, to *Request) { to.Resources = from.Resources }, r), keep(func(from, to *Request) { to.WorkingDir = from.WorkingDir }, r),
		} {
			wish := r
			one(&wish)
			p, err := Compute(wish, Policy{}, alice, testHost())
			if err == nil {
				notWeaker(t, base, p)
			}
		}
	})
}

// keep reduces a request to one part of another.
func keep(part func(from, to *Request), from Request) func(*Request) {
	return func(r *Request) {
		*r = request(nil)
		part(&from, r)
	}
}

func notWeaker(t *testing.T, base, p Posture) {
	t.Helper()
	if len(p.Relaxations) > 0 || p.Privileged || !p.NoNewPrivileges || p.Seccomp.Mode != ModeDefault || len(p.Seccomp.Opened) > 0 ||
		p.AppArmor != base.AppArmor || p.Root != base.Root || p.Namespaces != base.Namespaces || p.WritableCgroups || len(p.DeviceRules) > 0 ||
		len(p.Capabilities.User) > 0 || len(p.Capabilities.Root) > len(defaultCapabilities) || len(p.MaskedPaths) < len(defaultMasked) || len(p.ReadonlyPaths) < len(defaultReadonly) ||
		p.Limits.Memory <= 0 || p.Limits.Memory > testHost().Memory || p.Limits.Swap != 0 || p.Limits.Pids <= 0 || p.Limits.Pids > MaxPids {
		t.Errorf("weaker than the default: %+v", p)
	}
	for _, m := range p.Mounts {
		if m.Exec || m.Suid || m.Dev || m.Kind == MountBind {
			t.Errorf("a mount weaker than the default: %+v", m)
		}
	}
	if _, err := Spec(p, testBinding()); err != nil {
		t.Errorf("decided, but not startable: %v", err)
	}
}

// BenchmarkStart is what the sandbox adds to each start: the spec as text.
func BenchmarkStart(b *testing.B) {
	p, err := Compute(request(nil), Policy{}, alice, testHost())
	if err != nil {
		b.Fatal(err)
	}
	binding := testBinding()
	for b.Loop() {
		spec, err := Spec(p, binding)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := json.Marshal(spec); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCompute is what it adds to each creation.
func BenchmarkCompute(b *testing.B) {
	r, host := request(nil), testHost()
	for b.Loop() {
		if _, err := Compute(r, Policy{}, alice, host); err != nil {
			b.Fatal(err)
		}
	}
}
