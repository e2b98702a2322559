package runtime

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// BenchmarkRunTrue is a container's whole life, and how long each part takes.
func BenchmarkRunTrue(b *testing.B) {
	n := newNode(b)
	parts := map[string]time.Duration{}
	var last time.Time
	mark := func(name string) {
		now := time.Now()
		parts[name] += now.Sub(last)
		last = now
	}
	for b.Loop() {
		b.StopTimer()
		c := n.box("true")
		b.StartTimer()
		last = time.Now()
		c.prepare()
		mark("prepare")
		c.start()
		mark("start")
		c.wait()
		mark("wait")
		if err := c.Delete(c.ctx()); err != nil {
			b.Fatal(err)
		}
		mark("delete")
	}
	for name, d := range parts {
		b.ReportMetric(float64(d.Microseconds())/1000/float64(b.N), name+"-ms/op")
	}
}

// BenchmarkBareRuntime is what the OCI runtime alone takes for the same.
func BenchmarkBareRuntime(b *testing.B) {
	n := newNode(b)
	c := n.box("true")
	c.prepare()
	c.attach(AttachRequest{}) // answered when the namespaces have their names
	// The spec's paths are valid in the supervisor's mount namespace.
	spec := *c.req.Spec
	spec.Root = &specs.Root{Path: n.layer, Readonly: true}
	text, err := config(&StartRequest{Spec: &spec})
	if err == nil {
		err = os.WriteFile(filepath.Join(c.prep.RunDir, "config.json"), text, 0o600)
	}
	if err != nil {
		b.Fatal(err)
	}
	var run, del time.Duration
	for b.Loop() {
		begin := time.Now()
		nsenter := []string{"-t", strconv.Itoa(c.SupervisorPid()), "-m", n.oci.Path, "--root", n.runtimeDir(), "run", "--bundle", c.prep.RunDir, c.id}
		if out, err := exec.Command("nsenter", nsenter...).CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		run += time.Since(begin)
		begin = time.Now()
		_ = exec.Command(n.oci.Path, "--root", n.runtimeDir(), "delete", c.id).Run()
		del += time.Since(begin)
	}
	b.ReportMetric(float64(run.Microseconds())/1000/float64(b.N), "run-ms/op")
}

// BenchmarkIdleSupervisors measures the memory of supervisors whose containers
// have nothing to do, shared pages counted by share.
func BenchmarkIdleSupervisors(b *testing.B) {
	n := newNode(b)
	const count = 50
	var boxes []*box
	for range count {
		c := n.box("sleep", "1000")
		// As long as a specification with a filter for system calls is.
		c.req.Spec.Annotations = map[string]string{"padding": strings.Repeat("x", 60<<10)}
		c.start()
		boxes = append(boxes, c)
	}
	time.Sleep(4 * time.Second) // until the last has given back what it can
	var total float64
	for b.Loop() {
		total = 0
		for _, c := range boxes {
			total += pss(b, c.SupervisorPid())
		}
	}
	b.ReportMetric(total/count/1024, "MiB/supervisor")
}

// pss is a process's proportional memory in KiB.
func pss(b *testing.B, pid int) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		b.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		if f := bytes.Fields(line); len(f) == 3 && string(f[0]) == "Pss:" {
			kib, _ := strconv.ParseFloat(string(f[1]), 64)
			return kib
		}
	}
	b.Fatal("no Pss")
	return 0
}

// BenchmarkOpen is what a daemon's start pays for its programs.
func BenchmarkOpen(b *testing.B) {
	n := newNode(b)
	for b.Loop() {
		if _, err := Open(b.Context(), n.opts); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStartFifty is fifty containers started at once.
func BenchmarkStartFifty(b *testing.B) {
	n := newNode(b)
	const count = 50
	for b.Loop() {
		b.StopTimer()
		boxes := make([]*box, count)
		for i := range boxes {
			boxes[i] = n.box("sleep", "1000")
		}
		b.StartTimer()
		var all sync.WaitGroup
		for _, c := range boxes {
			all.Go(func() { c.start() })
		}
		all.Wait()
		b.StopTimer()
		for _, c := range boxes {
			if err := c.Delete(c.ctx()); err != nil {
				b.Error(err)
			}
		}
		b.StartTimer()
	}
}
