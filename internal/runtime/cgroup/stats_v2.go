package cgroup

import (
	"strconv"
	"strings"
)

// readV2 reads a group of version 2; see the kernel's
// Documentation/admin-guide/cgroup-v2.rst for the files.
func (s *Stats) readV2(dir string) {
	get := func(name string) string { return readShort(dir + "/" + name) }
	cpu := table(get("cpu.stat"))
	s.CPU = CPU{
		Total: cpu["usage_usec"] * 1000, User: cpu["user_usec"] * 1000, System: cpu["system_usec"] * 1000,
		Periods: cpu["nr_periods"], ThrottledPeriods: cpu["nr_throttled"], ThrottledTime: cpu["throttled_usec"] * 1000,
	}
	events := table(get("memory.events"))
	detail := table(get("memory.stat"))
	s.Memory = Memory{
		Usage: number(get("memory.current")), Limit: limit(get("memory.max")), MaxUsage: number(get("memory.peak")),
		Swap: number(get("memory.swap.current")), SwapLimit: limit(get("memory.swap.max")),
		FailCount: events["max"], OOMKills: events["oom_kill"],
		InactiveFile: detail["inactive_file"], Detail: detail,
	}
	s.Pids = Pids{Current: number(get("pids.current")), Limit: limit(get("pids.max"))}
	for line := range strings.SplitSeq(get("io.stat"), "\n") {
		if b, ok := parseIO(line); ok {
			s.Block = append(s.Block, b)
		}
	}
}

// limit is a number that is Unlimited where the host has no such file.
func limit(s string) uint64 {
	if s == "" {
		return Unlimited
	}
	return number(s)
}

// parseIO reads a line of io.stat: "8:0 rbytes=1 wbytes=2 rios=3 wios=4 …".
func parseIO(line string) (b Block, ok bool) {
	f := strings.Fields(line)
	if len(f) < 2 {
		return b, false
	}
	if b.Major, b.Minor, ok = device(f[0]); !ok {
		return b, false
	}
	for _, pair := range f[1:] {
		key, value, _ := strings.Cut(pair, "=")
		switch key {
		case "rbytes":
			b.ReadBytes = number(value)
		case "wbytes":
			b.WriteBytes = number(value)
		case "rios":
			b.Reads = number(value)
		case "wios":
			b.Writes = number(value)
		}
	}
	return b, true
}

// device parses "major:minor".
func device(s string) (major, minor uint64, ok bool) {
	a, b, found := strings.Cut(s, ":")
	major, err := strconv.ParseUint(a, 10, 32)
	if err != nil || !found {
		return 0, 0, false
	}
	minor, err = strconv.ParseUint(b, 10, 32)
	return major, minor, err == nil
}
