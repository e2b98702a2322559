package engine

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/bailey-run/bailey/internal/runtime/cgroup"
	"github.com/moby/moby/api/types/container"
)

// statsInterval is how often a stream of stats has a sample.
const statsInterval = time.Second

// Stats yields what a container uses, once a second with stream. A single
// sample carries the one of a second before it, so that rates can be
// computed, unless oneShot says that it is not wanted.
func (e *Engine) Stats(ctx context.Context, ref string, stream, oneShot bool) (<-chan container.StatsResponse, error) {
	c, err := e.find(ref)
	if err != nil {
		return nil, err
	}
	out := make(chan container.StatsResponse)
	go func() {
		defer close(out)
		var last *container.StatsResponse
		for {
			s := e.sample(ctx, c)
			if last != nil {
				s.PreCPUStats, s.PreRead = last.CPUStats, last.Read
			}
			if stream || oneShot || last != nil {
				select {
				case out <- s:
				case <-ctx.Done():
					return
				}
				if !stream {
					return
				}
			}
			last = &s
			if c.current() == nil && !stream {
				out <- s
				return
			}
			select {
			case <-time.After(statsInterval):
			case <-ctx.Done():
				return
			}
			if _, err := e.find(c.id()); err != nil {
				return
			}
		}
	}()
	return out, nil
}

func (e *Engine) sample(ctx context.Context, c *cont) container.StatsResponse {
	rec := c.record()
	out := container.StatsResponse{ID: rec.ID, Name: "/" + rec.Name, OSType: "linux"}
	r := c.current()
	if r == nil || rec.State.Pid == 0 {
		return out
	}
	s, err := r.Stats(ctx)
	if err != nil {
		return out
	}
	out.Read = s.Read
	out.CPUStats = container.CPUStats{
		CPUUsage:    container.CPUUsage{TotalUsage: s.CPU.Total, PercpuUsage: s.CPU.PerCPU, UsageInKernelmode: s.CPU.System, UsageInUsermode: s.CPU.User},
		SystemUsage: systemCPU(), OnlineCPUs: uint32(e.opts.Facts.CPUs),
		ThrottlingData: container.ThrottlingData{Periods: s.CPU.Periods, ThrottledPeriods: s.CPU.ThrottledPeriods, ThrottledTime: s.CPU.ThrottledTime},
	}
	out.MemoryStats = container.MemoryStats{Usage: s.Memory.Usage, MaxUsage: s.Memory.MaxUsage, Failcnt: s.Memory.FailCount, Limit: s.Memory.Limit, Stats: s.Memory.Detail}
	if s.Memory.Limit == cgroup.Unlimited {
		out.MemoryStats.Limit = uint64(e.opts.Facts.Memory)
	}
	out.PidsStats = container.PidsStats{Current: s.Pids.Current, Limit: s.Pids.Limit}
	for _, b := range s.Block {
		out.BlkioStats.IoServiceBytesRecursive = append(out.BlkioStats.IoServiceBytesRecursive,
			container.BlkioStatEntry{Major: b.Major, Minor: b.Minor, Op: "read", Value: b.ReadBytes},
			container.BlkioStatEntry{Major: b.Major, Minor: b.Minor, Op: "write", Value: b.WriteBytes})
	}
	out.Networks = netStats(rec.State.Pid)
	return out
}

// systemCPU is the time that all processors of the host have spent, in
// nanoseconds: the sum of the first line of /proc/stat (proc_stat(5)), whose
// unit is a hundredth of a second.
func systemCPU() uint64 {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	first, _, _ := bytes.Cut(data, []byte("\n"))
	var total uint64
	for i, f := range strings.Fields(string(first)) {
		if i == 0 || i > 8 { // guest time is part of user time
			continue
		}
		n, _ := strconv.ParseUint(f, 10, 64)
		total += n
	}
	return total * uint64(10*time.Millisecond)
}

// netStats reads the counters of a process's network namespace from
// /proc/PID/net/dev (proc_net(5)).
func netStats(pid int) map[string]container.NetworkStats {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/dev", pid))
	if err != nil {
		return nil
	}
	out := make(map[string]container.NetworkStats)
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		name, rest, ok := strings.Cut(lines.Text(), ":")
		name = strings.TrimSpace(name)
		f := strings.Fields(rest)
		if !ok || name == "lo" || len(f) < 12 {
			continue
		}
		n := func(i int) uint64 { v, _ := strconv.ParseUint(f[i], 10, 64); return v }
		out[name] = container.NetworkStats{
			RxBytes: n(0), RxPackets: n(1), RxErrors: n(2), RxDropped: n(3),
			TxBytes: n(8), TxPackets: n(9), TxErrors: n(10), TxDropped: n(11),
		}
	}
	return out
}
