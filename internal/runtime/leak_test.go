package runtime

import (
	"bytes"
	"os"
	goruntime "runtime"
	"testing"
	"time"
)

// Many lives leave nothing behind: no goroutine, descriptor, mount, process or
// file.
func TestNothingLeaks(t *testing.T) {
	n := newNode(t)
	life := func(i int) {
		b := n.box("sh", "-c", "echo x; read y")
		b.prep.OpenStdin = true
		b.prepare()
		s := b.attach(AttachRequest{Stdin: true, Stdout: true})
		b.start()
		supervisor := b.SupervisorPid()
		id := randomHex(8)
		if _, err := b.Exec(b.ctx(), ExecRequest{ID: id, Process: b.process("true")}); err != nil {
			t.Fatal(err)
		}
		if _, err := b.ExecWait(b.ctx(), id); err != nil {
			t.Fatal(err)
		}
		if i%3 > 0 { // every third is deleted while it runs
			s.Write([]byte("y\n"))
			b.wait()
		}
		s.Close()
		if err := b.Delete(b.ctx()); err != nil {
			t.Fatal(err)
		}
		waitGone(t, supervisor)
		b.pair.Close()
		n.clean(b)
	}
	life(1)
	before := take(t)
	for i := range 30 {
		life(i)
	}
	// Goroutines and descriptors go a moment after what they waited for.
	var after inventory
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if after = take(t); after == before {
			break
		}
	}
	if after.goroutines > before.goroutines || after.files > before.files || after.mounts > before.mounts || after.children > before.children {
		buf := make([]byte, 64<<10)
		t.Errorf("before %+v, after %+v\n%s", before, after, buf[:goruntime.Stack(buf, true)])
	}
}

type inventory struct{ goroutines, files, mounts, children int }

func take(t *testing.T) (i inventory) {
	t.Helper()
	i.goroutines = goruntime.NumGoroutine()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	i.files = len(fds)
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	i.mounts = bytes.Count(mounts, []byte("\n"))
	tasks, _ := os.ReadDir("/proc/self/task")
	for _, task := range tasks {
		children, _ := os.ReadFile("/proc/self/task/" + task.Name() + "/children")
		i.children += len(bytes.Fields(children))
	}
	return i
}
