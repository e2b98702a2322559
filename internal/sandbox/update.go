package sandbox

import (
	"fmt"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// ResourcesUpdate changes limits of a container; nil keeps one. The units
// are those of Resources, and 0 brings back the default.
type ResourcesUpdate struct {
	Memory, MemorySwap, MemoryReservation *int64
	NanoCPUs, CPUQuota, CPUPeriod         *int64
	CPUShares                             *int64
	CPURealtime, CPURealtimePeriod        *int64
	CpusetCpus, CpusetMems                *string
	PidsLimit                             *int64
	BlkioWeight                           *uint16
}

// ApplyUpdate changes limits: it returns the new posture and what to hand to
// the OCI runtime. What is changed is decided like at the creation, by the
// policy of now; what is kept needs no permission again.
func ApplyUpdate(p Posture, u ResourcesUpdate, policy Policy, caller Caller, facts HostFacts) (Posture, *specs.LinuxResources, error) {
	d := &decision{policy: policy, caller: caller, facts: facts, p: p}
	d.p.Relaxations, d.p.Notes = slices.Clone(p.Relaxations), nil
	d.updateMemory(u)
	d.updateProcessor(u)
	if err := d.err(); err != nil {
		return Posture{}, nil, err
	}
	r := d.p.resources()
	if r.CPU != nil && d.p.Limits.CPUQuota == 0 && p.Limits.CPUQuota != 0 {
		none, period := int64(unlimited), uint64(DefaultCPUPeriod)
		r.CPU.Quota, r.CPU.Period = &none, &period
	}
	return d.p, r, nil
}

// forget removes the relaxation of a limit that is decided anew.
func (d *decision) forget(limits ...string) {
	d.p.Relaxations = slices.DeleteFunc(d.p.Relaxations, func(x Relaxation) bool {
		return x.Rule == RuleLimit && slices.Contains(limits, x.Value)
	})
}

func (d *decision) updateMemory(u ResourcesUpdate) {
	l, r := &d.p.Limits, &d.r.Resources
	if u.Memory != nil {
		d.forget("memory")
		l.Memory, r.Memory = d.p.Host.DefaultMemory, *u.Memory
		d.decideMemoryLimit()
	}
	if u.MemorySwap != nil {
		d.forget("swap")
		l.Swap, r.MemorySwap = 0, *u.MemorySwap
		d.decideSwap()
	}
	if r.MemoryReservation = l.MemoryReservation; u.MemoryReservation != nil {
		r.MemoryReservation = *u.MemoryReservation
	}
	d.decideReservation()
	if l.Memory > 0 && l.Shm > l.Memory {
		d.note("/dev/shm has %s, more than the memory limit", human(l.Shm))
	}
}

func (d *decision) updateProcessor(u ResourcesUpdate) {
	l, r := &d.p.Limits, &d.r.Resources
	if u.PidsLimit != nil {
		d.forget("pids")
		l.Pids, r.PidsLimit = DefaultPids, *u.PidsLimit
		d.decidePids()
	}
	if u.CPUShares != nil {
		l.CPUShares, r.CPUShares = DefaultCPUShares, *u.CPUShares
		d.decideShares()
	}
	d.updateQuota(u)
	if u.CPURealtime != nil || u.CPURealtimePeriod != nil {
		d.forget("cpu-realtime")
		r.CPURealtime, r.CPURealtimePeriod = pick(u.CPURealtime, l.CPURealtime), pick(u.CPURealtimePeriod, int64(l.CPURealtimePeriod))
		l.CPURealtime, l.CPURealtimePeriod = 0, 0
		d.decideRealtime()
	}
	if u.CpusetCpus != nil {
		l.CpusetCpus = d.cpuset("--cpuset-cpus", *u.CpusetCpus)
	}
	if u.CpusetMems != nil {
		l.CpusetMems = d.cpuset("--cpuset-mems", *u.CpusetMems)
	}
	if u.BlkioWeight != nil {
		r.BlkioWeight = *u.BlkioWeight
		d.decideBlkioWeight()
	}
}

// updateQuota keeps the part of quota and period that is not changed; --cpus
// replaces both.
func (d *decision) updateQuota(u ResourcesUpdate) {
	l := &d.p.Limits
	switch {
	case u.NanoCPUs != nil && (u.CPUQuota != nil || u.CPUPeriod != nil):
		d.invalid("--cpus", fmt.Sprint(*u.NanoCPUs), "--cpu-quota and --cpu-period say the same in another way; use one")
	case u.NanoCPUs != nil:
		l.CPUQuota, l.CPUPeriod = d.quota(*u.NanoCPUs, 0, 0)
	case u.CPUQuota != nil || u.CPUPeriod != nil:
		l.CPUQuota, l.CPUPeriod = d.quota(0, pick(u.CPUQuota, l.CPUQuota), pick(u.CPUPeriod, int64(l.CPUPeriod)))
	}
}

func pick(changed *int64, kept int64) int64 {
	if changed != nil {
		return *changed
	}
	return kept
}
