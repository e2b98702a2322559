package cgroup

import (
	"cmp"
	"slices"
	"strings"
)

// A version 1 limit at or above this is none: the kernel rounds "unlimited"
// down to a whole page.
const v1Unlimited = 0x7fffffffffff0000

// readV1 reads a container's groups of version 1, whose directory for each
// controller dir tells (empty when the host lacks it); see the kernel's
// Documentation/admin-guide/cgroup-v1 for the files.
func (s *Stats) readV1(dir func(controller string) string) {
	get := func(controller, name string) string {
		d := dir(controller)
		if d == "" {
			return ""
		}
		return readShort(d + "/" + name)
	}
	s.CPU = CPU{
		Total:  number(get("cpuacct", "cpuacct.usage")),
		User:   number(get("cpuacct", "cpuacct.usage_user")),
		System: number(get("cpuacct", "cpuacct.usage_sys")),
	}
	for _, word := range words(get("cpuacct", "cpuacct.usage_percpu")) {
		s.CPU.PerCPU = append(s.CPU.PerCPU, number(word))
	}
	cpu := table(get("cpu", "cpu.stat"))
	s.CPU.Periods, s.CPU.ThrottledPeriods, s.CPU.ThrottledTime = cpu["nr_periods"], cpu["nr_throttled"], cpu["throttled_time"]
	s.Memory = memoryV1(func(name string) string { return get("memory", name) })
	s.Pids = Pids{Current: number(get("pids", "pids.current")), Limit: limit(get("pids", "pids.max"))}
	s.Block = blockV1(func(name string) string { return get("blkio", name) })
}

func memoryV1(get func(name string) string) Memory {
	detail := table(get("memory.stat"))
	m := Memory{
		Usage:        number(get("memory.usage_in_bytes")),
		Limit:        limitV1(get("memory.limit_in_bytes")),
		MaxUsage:     number(get("memory.max_usage_in_bytes")),
		FailCount:    number(get("memory.failcnt")),
		OOMKills:     table(get("memory.oom_control"))["oom_kill"],
		InactiveFile: detail["total_inactive_file"],
		Detail:       detail,
		SwapLimit:    Unlimited,
	}
	// The counters of version 1 are of memory and swap together.
	if both := get("memory.memsw.usage_in_bytes"); both != "" {
		m.Swap = less(number(both), m.Usage)
		if l := limitV1(get("memory.memsw.limit_in_bytes")); l != Unlimited && m.Limit != Unlimited {
			m.SwapLimit = less(l, m.Limit)
		}
	}
	return m
}

func limitV1(s string) uint64 {
	if n := limit(s); n < v1Unlimited {
		return n
	}
	return Unlimited
}

// less is a-b, or 0: the two were not read at one instant.
func less(a, b uint64) uint64 { return a - min(a, b) }

// blockV1 puts the lines "8:0 Read 123" of two files together.
func blockV1(get func(name string) string) []Block {
	devices := make(map[[2]uint64]*Block)
	add := func(file string, put func(b *Block, op string, n uint64)) {
		text := get("blkio.throttle." + file + "_recursive")
		if text == "" {
			text = get("blkio.throttle." + file)
		}
		for line := range strings.SplitSeq(text, "\n") {
			f := strings.Fields(line)
			if len(f) != 3 {
				continue
			}
			major, minor, ok := device(f[0])
			if !ok {
				continue
			}
			key := [2]uint64{major, minor}
			if devices[key] == nil {
				devices[key] = &Block{Major: major, Minor: minor}
			}
			put(devices[key], f[1], number(f[2]))
		}
	}
	add("io_service_bytes", func(b *Block, op string, n uint64) {
		switch op {
		case "Read":
			b.ReadBytes = n
		case "Write":
			b.WriteBytes = n
		}
	})
	add("io_serviced", func(b *Block, op string, n uint64) {
		switch op {
		case "Read":
			b.Reads = n
		case "Write":
			b.Writes = n
		}
	})
	var all []Block
	for _, b := range devices {
		all = append(all, *b)
	}
	slices.SortFunc(all, func(a, b Block) int {
		return cmp.Or(cmp.Compare(a.Major, b.Major), cmp.Compare(a.Minor, b.Minor))
	})
	return all
}
