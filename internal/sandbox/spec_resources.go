package sandbox

import (
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// resources are the limits that the cgroup keeps; those whose controller the
// host lacks are left out, as the controls say.
func (p Posture) resources() *specs.LinuxResources {
	l := p.Limits
	has := func(controller string) bool { return !slices.Contains(p.Host.Missing, controller) }
	r := &specs.LinuxResources{}
	if has("memory") {
		r.Memory = p.memory()
	}
	if has("pids") {
		pids := l.Pids
		r.Pids = &specs.LinuxPids{Limit: &pids}
	}
	if has("cpu") {
		shares := l.CPUShares
		r.CPU = &specs.LinuxCPU{Shares: &shares}
		if l.CPUQuota > 0 {
			quota, period := l.CPUQuota, l.CPUPeriod
			r.CPU.Quota, r.CPU.Period = &quota, &period
		}
		if l.CPURealtimePeriod > 0 && !p.Host.CgroupV2 {
			runtime, period := l.CPURealtime, l.CPURealtimePeriod
			r.CPU.RealtimeRuntime, r.CPU.RealtimePeriod = &runtime, &period
		}
	}
	if has("cpuset") && l.CpusetCpus+l.CpusetMems != "" {
		if r.CPU == nil {
			r.CPU = &specs.LinuxCPU{}
		}
		r.CPU.Cpus, r.CPU.Mems = l.CpusetCpus, l.CpusetMems
	}
	if has("blkio") {
		r.BlockIO = p.blockIO()
	}
	return r
}

func (p Posture) memory() *specs.LinuxMemory {
	l := p.Limits
	m := &specs.LinuxMemory{Limit: &l.Memory}
	if l.MemoryReservation > 0 {
		m.Reservation = &l.MemoryReservation
	}
	if p.Host.SwapAccounting {
		both := int64(unlimited)
		if l.Memory >= 0 && l.Swap >= 0 {
			both = l.Memory + l.Swap
		}
		m.Swap = &both
	}
	if l.OOMKillDisable && !p.Host.CgroupV2 {
		m.DisableOOMKiller = &l.OOMKillDisable
	}
	return m
}

func (p Posture) blockIO() *specs.LinuxBlockIO {
	l := p.Limits
	if l.BlkioWeight == 0 && len(l.BlkioThrottles) == 0 {
		return nil
	}
	io := &specs.LinuxBlockIO{}
	if l.BlkioWeight > 0 {
		io.Weight = &l.BlkioWeight
	}
	lists := map[string]*[]specs.LinuxThrottleDevice{
		ThrottleReadBps: &io.ThrottleReadBpsDevice, ThrottleWriteBps: &io.ThrottleWriteBpsDevice,
		ThrottleReadIOPS: &io.ThrottleReadIOPSDevice, ThrottleWriteIOPS: &io.ThrottleWriteIOPSDevice,
	}
	for _, t := range l.BlkioThrottles {
		device := specs.LinuxThrottleDevice{Rate: t.Rate}
		device.Major, device.Minor = t.Major, t.Minor
		*lists[t.Kind] = append(*lists[t.Kind], device)
	}
	return io
}

// deviceCgroup denies everything and opens what the posture lists. The
// runtime opens the standard devices itself.
func (p Posture) deviceCgroup() []specs.LinuxDeviceCgroup {
	rules := []specs.LinuxDeviceCgroup{{Allow: false, Access: "rwm"}}
	for _, d := range p.DeviceRules {
		rule := specs.LinuxDeviceCgroup{Allow: true, Type: d.Kind, Access: d.Access}
		if d.Major >= 0 {
			rule.Major = &d.Major
		}
		if d.Minor >= 0 {
			rule.Minor = &d.Minor
		}
		rules = append(rules, rule)
	}
	return rules
}
