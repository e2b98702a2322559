package supervise

import (
	"bytes"
	"path/filepath"
	"testing"
	"time"

	"github.com/bailey-run/bailey/internal/runtime/supervise/jsonlog"
	"github.com/bailey-run/bailey/internal/runtime/supervise/loop"
	"github.com/bailey-run/bailey/internal/runtime/wire"
	"golang.org/x/sys/unix"
)

// lab is a supervisor without a container: its main process is a pipe into
// which the test writes.
type lab struct {
	*Supervisor
	t       testing.TB
	output  int // the writing end
	log     string
	stopped chan struct{}
}

func newLab(t testing.TB) *lab {
	t.Helper()
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	s := &Supervisor{loop: l, scratch: make([]byte, ioSize+jsonlog.ScratchSize), logged: ownLogMax}
	s.main = newProcess(s, "")
	s.main.asked, s.main.running = true, true
	b := &lab{Supervisor: s, t: t, log: filepath.Join(t.TempDir(), "log.json"), stopped: make(chan struct{})}
	if s.main.log, err = jsonlog.Open(b.log, 1<<30, 1, s.logScratch()); err != nil {
		t.Fatal(err)
	}
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	unix.SetNonblock(p[0], true)
	s.main.outs[0].fd, b.output = p[0], p[1]
	t.Cleanup(func() { unix.Close(p[1]) })
	return b
}

// connect makes an attached client; the returned end is the other one.
func (b *lab) connect(foreground bool) (c *client, far int) {
	b.t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	unix.SetNonblock(fds[0], true)
	c = b.adopt(fds[0])
	b.main.running = !foreground
	if err := c.attach((&wire.Attach{Stdout: true}).Append(nil)); err != nil {
		b.t.Fatal(err)
	}
	b.main.running = true
	c.watch()
	b.t.Cleanup(func() { unix.Close(fds[1]) })
	return c, fds[1]
}

// run runs the loop until the process has written everything and d has passed.
func (b *lab) run(text []byte, d time.Duration) (written int) {
	b.t.Helper()
	b.main.flow()
	done := make(chan int, 1)
	go func() {
		n := 0
		for n < len(text) {
			m, err := unix.Write(b.output, text[n:min(n+4096, len(text))])
			if err != nil {
				break
			}
			n += m
			written = n
		}
		done <- n
	}()
	var end loop.Timer
	b.loop.After(&end, d, b.loop.Stop)
	if err := b.loop.Run(); err != nil {
		b.t.Fatal(err)
	}
	select {
	case n := <-done:
		return n
	case <-time.After(50 * time.Millisecond):
		return -1 // still waiting
	}
}

func TestOrdinaryClientThatDoesNotReadIsLetGo(t *testing.T) {
	b := newLab(t)
	defer func(d time.Duration) { patience = d }(patience)
	patience = 100 * time.Millisecond
	c, _ := b.connect(false)
	text := bytes.Repeat([]byte("a line\n"), 3<<20/7)
	if n := b.run(text, 2*time.Second); n != len(text) {
		t.Errorf("the process wrote %d bytes of %d", n, len(text))
	}
	if c.fd >= 0 || len(b.main.clients) != 0 {
		t.Error("the client is still there")
	}
	if c.out != nil {
		t.Error("its memory is still there")
	}
}

func TestForegroundClientIsWaitedFor(t *testing.T) {
	b := newLab(t)
	defer func(d time.Duration) { patience = d }(patience)
	patience = 50 * time.Millisecond
	c, far := b.connect(true)
	text := bytes.Repeat([]byte("a line\n"), 3<<20/7)
	if n := b.run(text, time.Second); n >= 0 {
		t.Errorf("the process was not stopped: it wrote %d bytes", n)
	}
	if c.fd < 0 {
		t.Error("the client was let go")
	}
	if p := c.pending(); p < full || p > full+2*wire.MaxData {
		t.Errorf("%d bytes are kept for it", p)
	}
	unix.Close(far) // and when it goes, everything goes on
	b.loop.Idle(func() {})
}

// A client that reads slowly, but reads, is an ordinary client too.
func TestSlowClientIsKept(t *testing.T) {
	b := newLab(t)
	defer func(d time.Duration) { patience = d }(patience)
	patience = 1500 * time.Millisecond // far more than a busy machine delays the reader
	c, far := b.connect(false)
	stop := make(chan struct{})
	go func() {
		buf := make([]byte, 64<<10)
		for {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
				unix.Read(far, buf[:8<<10])
			}
		}
	}()
	b.run(bytes.Repeat([]byte("a line\n"), 8<<20/7), 4*time.Second)
	close(stop)
	if c.fd < 0 {
		t.Error("it was let go")
	}
}

// A client that asks and never reads the answers costs a bounded amount.
func TestQuestionsWithoutReading(t *testing.T) {
	b := newLab(t)
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[1])
	unix.SetNonblock(fds[0], true)
	c := b.adopt(fds[0])
	c.watch()
	b.main.pid = 1
	ask := wire.AppendFrame(nil, wire.KindWait, nil)
	for range 200_000 {
		c.take(ask)
		if len(c.out) > room {
			t.Fatalf("%d bytes are kept", len(c.out))
		}
	}
	if len(b.main.waiters) > 1 {
		t.Errorf("it waits %d times", len(b.main.waiters))
	}
}

// FuzzFrames feeds a connection with what may come over it.
func FuzzFrames(f *testing.F) {
	f.Add(wire.AppendFrame(nil, wire.KindAttach, (&wire.Attach{ExecID: "ab", Stdin: true}).Append(nil)))
	f.Add(wire.AppendFrame(nil, wire.KindWait, (&wire.Wait{ExecID: "ab"}).Append(nil)))
	f.Add(wire.AppendFrame(nil, wire.KindResize, (&wire.Resize{Rows: 1, Cols: 1}).Append(nil)))
	f.Add(wire.AppendFrame(wire.AppendFrame(nil, wire.KindAttach, nil), wire.KindStdin, []byte("x")))
	f.Add(wire.AppendFrame(wire.AppendFrame(nil, wire.KindAttach, nil), wire.KindDetach, nil))
	b := newLab(f)
	b.main.over = true // nothing is executed
	f.Fuzz(func(t *testing.T, data []byte) {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fds[1])
		unix.SetNonblock(fds[0], true)
		c := b.adopt(fds[0])
		c.watch()
		half := len(data) / 2
		c.hold(c.take(data[:half]))
		c.hold(data[half:])
		c.resume()
		c.close()
		if len(b.main.clients) != 0 || len(b.execs) != 0 || len(b.main.waiters) != 0 {
			t.Error("the client is gone and not forgotten")
		}
	})
}
