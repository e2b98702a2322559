package cgroup

import (
	"errors"
	"io/fs"
	"reflect"
	"testing"
	"time"
)

func TestStatsV2(t *testing.T) {
	top := fixture(t, map[string]string{
		"bailey-n/c1/cpu.stat":            "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_periods 7\nnr_throttled 2\nthrottled_usec 5\n",
		"bailey-n/c1/memory.current":      "4096\n",
		"bailey-n/c1/memory.max":          "max\n",
		"bailey-n/c1/memory.peak":         "8192\n",
		"bailey-n/c1/memory.swap.current": "1\n",
		"bailey-n/c1/memory.swap.max":     "0\n",
		"bailey-n/c1/memory.events":       "low 0\nhigh 0\nmax 3\noom 2\noom_kill 1\n",
		"bailey-n/c1/memory.stat":         "anon 100\ninactive_file 512\n",
		"bailey-n/c1/pids.current":        "4\n",
		"bailey-n/c1/pids.max":            "512\n",
		"bailey-n/c1/io.stat":             "8:16 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\nbroken\n7:0 \n",
		"bailey-n/bare/cgroup.procs":      "",
	})
	m := &Manager{layout: layout{mode: V2, trees: []hierarchy{{mount: top, unified: true}}}, group: "/bailey-n"}
	got, err := m.Stats("c1")
	if err != nil || got.Read.IsZero() {
		t.Fatal(got.Read, err)
	}
	got.Read = time.Time{}
	want := Stats{
		CPU: CPU{Total: 30000, User: 20000, System: 10000, Periods: 7, ThrottledPeriods: 2, ThrottledTime: 5000},
		Memory: Memory{
			Usage: 4096, Limit: Unlimited, MaxUsage: 8192, Swap: 1, FailCount: 3, OOMKills: 1, InactiveFile: 512,
			Detail: map[string]uint64{"anon": 100, "inactive_file": 512},
		},
		Pids:  Pids{Current: 4, Limit: 512},
		Block: []Block{{Major: 8, Minor: 16, ReadBytes: 1, WriteBytes: 2, Reads: 3, Writes: 4}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
	if oom, err := m.OOMKilled("c1"); !oom || err != nil {
		t.Errorf("oom %v %v", oom, err)
	}
	bare, err := m.Stats("bare")
	if err != nil || bare.Memory.Limit != Unlimited || bare.Pids.Limit != Unlimited || bare.CPU.Total != 0 {
		t.Errorf("without controllers: %+v %v", bare, err)
	}
	if _, err := m.Stats("none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no group: %v", err)
	}
}

func TestStatsV1(t *testing.T) {
	top := fixture(t, map[string]string{
		"cpuacct/bailey-n/c1/cpuacct.usage":                           "30\n",
		"cpuacct/bailey-n/c1/cpuacct.usage_user":                      "20\n",
		"cpuacct/bailey-n/c1/cpuacct.usage_sys":                       "10\n",
		"cpuacct/bailey-n/c1/cpuacct.usage_percpu":                    "18 12 \n",
		"cpu/bailey-n/c1/cpu.stat":                                    "nr_periods 7\nnr_throttled 2\nthrottled_time 5\n",
		"memory/bailey-n/c1/memory.usage_in_bytes":                    "4096\n",
		"memory/bailey-n/c1/memory.limit_in_bytes":                    "8192\n",
		"memory/bailey-n/c1/memory.memsw.usage_in_bytes":              "4100\n",
		"memory/bailey-n/c1/memory.memsw.limit_in_bytes":              "8192\n",
		"memory/bailey-n/c1/memory.max_usage_in_bytes":                "5000\n",
		"memory/bailey-n/c1/memory.failcnt":                           "9\n",
		"memory/bailey-n/c1/memory.stat":                              "total_inactive_file 77\n",
		"memory/bailey-n/c1/memory.oom_control":                       "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
		"memory/bailey-n/c2/memory.limit_in_bytes":                    "9223372036854771712\n",
		"memory/bailey-n/c2/memory.memsw.usage_in_bytes":              "0\n",
		"pids/bailey-n/c1/pids.current":                               "4\n",
		"pids/bailey-n/c1/pids.max":                                   "max\n",
		"blkio/bailey-n/c1/blkio.throttle.io_service_bytes_recursive": "8:0 Read 1\n8:0 Write 2\n8:0 Total 3\nTotal 3\n",
		"blkio/bailey-n/c1/blkio.throttle.io_serviced":                "7:1 Read 5\n8:0 Read 3\n8:0 Write 4\nx:y Read 3\n",
	})
	m := &Manager{layout: layout{mode: V1}, group: "/bailey-n"}
	for _, c := range []string{"cpuacct", "cpu", "memory", "pids", "blkio"} {
		m.trees = append(m.trees, hierarchy{mount: top + "/" + c, controllers: []string{c}})
	}
	got, err := m.Stats("c1")
	if err != nil {
		t.Fatal(err)
	}
	got.Read = time.Time{}
	want := Stats{
		CPU: CPU{Total: 30, User: 20, System: 10, PerCPU: []uint64{18, 12}, Periods: 7, ThrottledPeriods: 2, ThrottledTime: 5},
		Memory: Memory{
			Usage: 4096, Limit: 8192, MaxUsage: 5000, Swap: 4, FailCount: 9, OOMKills: 1, InactiveFile: 77,
			Detail: map[string]uint64{"total_inactive_file": 77},
		},
		Pids:  Pids{Current: 4, Limit: Unlimited},
		Block: []Block{{Major: 7, Minor: 1, Reads: 5}, {Major: 8, ReadBytes: 1, WriteBytes: 2, Reads: 3, Writes: 4}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
	if oom, err := m.OOMKilled("c1"); !oom || err != nil {
		t.Errorf("oom %v %v", oom, err)
	}
	c2, err := m.Stats("c2")
	if err != nil || c2.Memory.Limit != Unlimited || c2.Memory.SwapLimit != Unlimited {
		t.Errorf("without limits: %+v %v", c2.Memory, err)
	}
}

func FuzzStats(f *testing.F) {
	f.Add("8:0 rbytes=1 wbytes=2", "nr_periods 7")
	f.Fuzz(func(t *testing.T, line, text string) {
		if b, ok := parseIO(line); ok && (b.Major > 1<<32 || b.Minor > 1<<32) {
			t.Fatalf("%q gives %+v", line, b)
		}
		table(text)
	})
}
