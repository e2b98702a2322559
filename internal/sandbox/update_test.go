package sandbox

import (
	"testing"
)

func p64(n int64) *int64 { return &n }

func TestApplyUpdate(t *testing.T) {
	p := compute(t, func(r *Request) { r.Resources.NanoCPUs, r.Resources.MemorySwap = 2e9, -1 }, Allow{Rule: RuleLimit, Values: []string{"swap"}})
	after, limits, err := ApplyUpdate(p, ResourcesUpdate{Memory: p64(gib), PidsLimit: p64(100), CPUShares: p64(10)}, Policy{}, alice, testHost())
	if err != nil {
		t.Fatal(err)
	}
	if *limits.Memory.Limit != gib || *limits.Memory.Swap != -1 || *limits.Pids.Limit != 100 || *limits.CPU.Shares != 10 || *limits.CPU.Quota != 200_000 || limits.Devices != nil {
		t.Errorf("limits %+v, memory %+v", limits, limits.Memory)
	}
	if after.Limits.Memory != gib || len(after.Relaxations) != 1 || p.Limits.Memory != 2*gib || p.Limits.Pids != DefaultPids {
		t.Errorf("kept relaxations %+v; before %+v", after.Relaxations, p.Limits)
	}
	// Taking the quota back must be said to the runtime, or the old one stays.
	after, limits, err = ApplyUpdate(after, ResourcesUpdate{NanoCPUs: p64(0), MemorySwap: p64(0)}, Policy{}, alice, testHost())
	if err != nil || *limits.CPU.Quota != -1 || *limits.Memory.Swap != gib || after.Limits.Swap != 0 || len(after.Relaxations) != 0 {
		t.Errorf("%v: %+v %+v, relaxations %+v", err, limits.CPU, limits.Memory, after.Relaxations)
	}
	after, _, err = ApplyUpdate(after, ResourcesUpdate{CPUQuota: p64(50_000)}, Policy{}, alice, testHost())
	if err != nil || after.Limits.CPUQuota != 50_000 || after.Limits.CPUPeriod != DefaultCPUPeriod {
		t.Errorf("%v: %+v", err, after.Limits)
	}
	if after, _, err = ApplyUpdate(after, ResourcesUpdate{CPUPeriod: p64(200_000)}, Policy{}, alice, testHost()); err != nil || after.Limits.CPUQuota != 50_000 || after.Limits.CPUPeriod != 200_000 {
		t.Errorf("%v: %+v", err, after.Limits)
	}
}

func TestUpdateIsDecidedToo(t *testing.T) {
	p := compute(t, nil)
	set, weight := "0-x", uint16(1)
	for name, test := range map[string]struct {
		u       ResourcesUpdate
		refused bool
	}{
		"memory":        {ResourcesUpdate{Memory: p64(-1)}, true},
		"swap":          {ResourcesUpdate{MemorySwap: p64(-1)}, true},
		"more swap":     {ResourcesUpdate{MemorySwap: p64(4 * gib)}, true},
		"pids":          {ResourcesUpdate{PidsLimit: p64(-1)}, true},
		"real time":     {ResourcesUpdate{CPURealtime: p64(1), CPURealtimePeriod: p64(10)}, true},
		"little memory": {ResourcesUpdate{Memory: p64(1)}, false},
		"reservation":   {ResourcesUpdate{MemoryReservation: p64(4 * gib)}, false},
		"cpus twice":    {ResourcesUpdate{NanoCPUs: p64(1e9), CPUQuota: p64(1000)}, false},
		"cpuset":        {ResourcesUpdate{CpusetCpus: &set}, false},
		"mems":          {ResourcesUpdate{CpusetMems: &set}, false},
		"shares":        {ResourcesUpdate{CPUShares: p64(-1)}, false},
		"weight":        {ResourcesUpdate{BlkioWeight: &weight}, false},
	} {
		_, limits, err := ApplyUpdate(p, test.u, Policy{}, alice, testHost())
		if err == nil || limits != nil || (len(Refusals(err)) > 0) != test.refused {
			t.Errorf("%s: %v", name, err)
		}
	}
	after, limits, err := ApplyUpdate(p, ResourcesUpdate{PidsLimit: p64(-1)}, Policy{Allow: []Allow{{Rule: RuleLimit, Values: []string{"pids"}, Callers: []string{"alice"}, Reason: "r"}}}, alice, testHost())
	if err != nil || *limits.Pids.Limit != -1 || len(after.Relaxations) != 1 || len(p.Relaxations) != 0 {
		t.Errorf("%v: %+v", err, after.Relaxations)
	}
	if after, _, err = ApplyUpdate(after, ResourcesUpdate{PidsLimit: p64(0)}, Policy{}, alice, testHost()); err != nil || after.Limits.Pids != DefaultPids || len(after.Relaxations) != 0 {
		t.Errorf("%v: the default is back, its relaxation is not gone: %+v", err, after.Relaxations)
	}
}
