package runtime

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func (b *box) attach(req AttachRequest) *Stream {
	b.n.t.Helper()
	s, err := b.Attach(b.ctx(), req)
	if err != nil {
		b.n.t.Fatalf("attach: %v", err)
	}
	b.n.t.Cleanup(func() { s.Close() })
	return s
}

// Nothing is missed by a client that attached before the start, and the end of
// its input is the end of the container's, while the output goes on.
func TestAttachHalfClose(t *testing.T) {
	n := newNode(t)
	b := n.box("sh", "-c", "echo begin; cat; echo error >&2; echo end")
	b.prep.OpenStdin, b.prep.StdinOnce = true, true
	b.prepare()
	s := b.attach(AttachRequest{Stdin: true, Stdout: true, Stderr: true})
	if _, err := s.Write([]byte("before the start\n")); err != nil {
		t.Fatal(err)
	}
	b.start()
	big := strings.Repeat("0123456789abcdef\n", 20_000)
	go func() {
		io.Copy(s, strings.NewReader(big))
		s.CloseWrite()
	}()
	out, errs, err := readAll(s)
	if want := "begin\nbefore the start\n" + big + "end\n"; err != nil || out != want || errs != "error\n" {
		t.Errorf("%d bytes of %d, %q, %v", len(out), len(want), errs, err)
	}
	if e := b.wait(); e.Code != 0 {
		t.Errorf("%+v", e)
	}
}

// A client that has said everything before the process runs, which a fast one
// has, is not forgotten to have left off.
func TestInputEndsBeforeTheStart(t *testing.T) {
	n := newNode(t)
	b := n.box("sh", "-c", "cat; echo end; sleep 100")
	b.prep.OpenStdin, b.prep.StdinOnce = true, true
	b.prepare()
	s := b.attach(AttachRequest{Stdin: true})
	s.Write([]byte("early\n"))
	s.CloseWrite()
	b.start()
	b.waitOutput("early\nend\n")

	id := randomHex(32)
	x := b.attach(AttachRequest{ExecID: id, Stdin: true, Stdout: true})
	x.Write([]byte("early\n"))
	x.CloseWrite()
	if _, err := b.Exec(b.ctx(), ExecRequest{ID: id, OpenStdin: true, Process: b.process("cat")}); err != nil {
		t.Fatal(err)
	}
	if out, _, err := readAll(x); out != "early\n" || err != nil {
		t.Errorf("%q %v", out, err)
	}
}

// A client may say all it has to say, and more than a pipe holds, before the
// process runs; that ends the input only where the container was made so.
func TestInputThatEndsBeforeTheStart(t *testing.T) {
	n := newNode(t)
	text := strings.Repeat("early\n", 30_000)
	for _, leave := range []bool{false, true} {
		b := n.box("cat")
		b.prep.OpenStdin, b.prep.StdinOnce = true, true
		b.prepare()
		s := b.attach(AttachRequest{Stdin: true, Stdout: true})
		s.Write([]byte(text))
		s.CloseWrite()
		if leave {
			s.Close()
		}
		b.start()
		if e := b.wait(); e.Code != 0 || b.logged() != text {
			t.Errorf("leave %v: %+v, %d bytes of %d", leave, e, len(b.logged()), len(text))
		}
	}
	b := n.box("cat")
	b.prep.OpenStdin = true
	b.prepare()
	s := b.attach(AttachRequest{Stdin: true})
	s.Write([]byte("first\n"))
	s.Close()
	b.start()
	b.waitOutput("first\n")
	if b.ended() {
		t.Error("the input of a container without StdinOnce was ended")
	}
}

func TestAttachWithoutStdin(t *testing.T) {
	n := newNode(t)
	b := n.box("cat")
	b.prepare()
	s := b.attach(AttachRequest{Stdin: true, Stdout: true})
	s.Write([]byte("x"))
	b.start()
	if out, _, err := readAll(s); out != "" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
}

// A client that comes later sees what comes later, one after the other or at
// once; each stream goes to whoever asked for it.
func TestAttachLaterAndSeveral(t *testing.T) {
	n := newNode(t)
	b := n.box("sh", "-c", "echo one; read x; echo two; echo three >&2")
	b.prep.OpenStdin = true
	b.start()
	b.waitOutput("one\n")
	both := b.attach(AttachRequest{Stdout: true, Stderr: true})
	errs := b.attach(AttachRequest{Stderr: true})
	in := b.attach(AttachRequest{Stdin: true})
	in.Write([]byte("go\n"))
	if o, e, err := readAll(both); o != "two\n" || e != "three\n" || err != nil {
		t.Errorf("both: %q %q %v", o, e, err)
	}
	if o, e, err := readAll(errs); o != "" || e != "three\n" || err != nil {
		t.Errorf("errors: %q %q %v", o, e, err)
	}
	if o, e, err := readAll(in); o != "" || e != "" || err != nil {
		t.Errorf("input: %q %q %v", o, e, err)
	}
}

// Without StdinOnce a client may come and go.
func TestStdinOutlivesAClient(t *testing.T) {
	n := newNode(t)
	b := n.box("cat")
	b.prep.OpenStdin = true
	b.start()
	first := b.attach(AttachRequest{Stdin: true})
	first.Write([]byte("first\n"))
	first.CloseWrite()
	first.Close()
	b.waitOutput("first\n")
	second := b.attach(AttachRequest{Stdin: true})
	second.Write([]byte("second\n"))
	b.waitOutput("second\n")
	if b.ended() {
		t.Error("it has ended")
	}
}

// With StdinOnce a client that goes ends the input, but a daemon that dies
// does not.
func TestStdinOnce(t *testing.T) {
	n := newNode(t)
	b := n.box("cat")
	b.prep.OpenStdin, b.prep.StdinOnce = true, true
	b.start()
	died := b.attach(AttachRequest{Stdin: true})
	died.Write([]byte("died\n"))
	died.conn.Close()
	b.waitOutput("died\n")
	left := b.attach(AttachRequest{Stdin: true})
	left.Write([]byte("left\n"))
	b.waitOutput("left\n")
	left.Close()
	if e := b.wait(); e.Code != 0 {
		t.Errorf("%+v", e)
	}
}

func TestTerminal(t *testing.T) {
	n := newNode(t)
	b := n.box("sh", "-c", "stty size; read x; stty size; echo is $x; test -t 0 && test -t 1 && test -t 2 && exit 7")
	b.prep.Terminal, b.prep.OpenStdin = true, true
	b.req.Spec.Process.Terminal = true
	b.req.Rows, b.req.Cols = 33, 111
	b.prepare()
	s := b.attach(AttachRequest{Stdin: true, Stdout: true, Stderr: true})
	b.start()
	b.waitOutput("33 111\r\n")
	if err := b.Resize(b.ctx(), "", 44, 122); err != nil {
		t.Fatal(err)
	}
	s.Write([]byte("typed\n"))
	out, errs, err := readAll(s)
	if want := "33 111\r\ntyped\r\n44 122\r\nis typed\r\n"; out != want || errs != "" || err != nil {
		t.Errorf("%q %q %v", out, errs, err)
	}
	if e := b.wait(); e.Code != 7 {
		t.Errorf("%+v", e)
	}
}

// Ctrl-C at the terminal is the kernel's business.
func TestTerminalInterrupt(t *testing.T) {
	n := newNode(t)
	b := n.box("sh", "-c", "echo ready; cat; echo not reached")
	b.prep.Terminal, b.prep.OpenStdin = true, true
	b.req.Spec.Process.Terminal = true
	b.prepare()
	s := b.attach(AttachRequest{Stdin: true, Stdout: true})
	b.start()
	b.waitOutput("ready")
	b.waitCommand("cat")
	s.Write([]byte{3})
	if e := b.wait(); e.Code == 0 || strings.Contains(b.logged(), "not reached") {
		t.Errorf("%+v, %q", e, b.logged())
	}
}

// waitCommand waits until a process of that name runs in the container.
func (b *box) waitCommand(name string) {
	b.n.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		pids, err := b.Pids(b.ctx())
		if err != nil {
			b.n.t.Fatal(err)
		}
		for _, pid := range pids {
			if c, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); strings.TrimSpace(string(c)) == name {
				return
			}
		}
		if time.Now().After(end) {
			b.n.t.Fatalf("no %s in the container", name)
		}
	}
}

func TestResizeWithoutTerminal(t *testing.T) {
	n := newNode(t)
	b := n.box("sleep", "100")
	b.start()
	if err := b.Resize(b.ctx(), "", 10, 10); err == nil || !strings.Contains(err.Error(), "no terminal") {
		t.Errorf("got %v", err)
	}
	if err := b.Resize(b.ctx(), "abc", 10, 10); err == nil {
		t.Error("an exec that does not exist was resized")
	}
}

// A client that does not read holds up what was started for it, and when it
// reads on nothing is missing.
func TestSlowForegroundClientMissesNothing(t *testing.T) {
	n := newNode(t)
	const lines = 400_000
	b := n.box("seq", fmt.Sprint(lines))
	b.prepare()
	s := b.attach(AttachRequest{Stdout: true})
	b.start()
	var size int64
	for stable := 0; stable < 20; time.Sleep(10 * time.Millisecond) {
		st, err := os.Stat(b.prep.Log.Path)
		if err != nil {
			t.Fatal(err)
		}
		if stable++; st.Size() != size {
			size, stable = st.Size(), 0
		}
	}
	if b.ended() {
		t.Fatal("the container did not wait for its client")
	}
	out, _, err := readAll(s)
	if n := strings.Count(out, "\n"); err != nil || n != lines || !strings.HasSuffix(out, fmt.Sprintf("\n%d\n", lines)) {
		t.Errorf("%d lines, %v", n, err)
	}
	if e := b.wait(); e.Code != 0 {
		t.Errorf("%+v", e)
	}
}

// What a client has not read yet when the container ends is still delivered,
// also when everything else is deleted meanwhile.
func TestOutputIsDeliveredAfterTheEnd(t *testing.T) {
	n := newNode(t)
	b := n.box("seq", "100000")
	b.prepare()
	s := b.attach(AttachRequest{Stdout: true})
	b.start()
	b.wait()
	if err := b.Delete(b.ctx()); err != nil {
		t.Fatal(err)
	}
	out, _, err := readAll(s)
	if n := strings.Count(out, "\n"); n != 100000 || err != nil {
		t.Errorf("%d lines, %v", n, err)
	}
}

func TestDescendantThatHoldsThePipes(t *testing.T) {
	n := newNode(t)
	b := n.box("sh", "-c", "sleep 100 & echo done")
	// Without a namespace of process ids the child survives its parent.
	b.req.Spec.Linux.Namespaces = withoutNamespace(b.req.Spec.Linux.Namespaces, specs.PIDNamespace)
	b.req.Spec.Mounts[0] = specs.Mount{Destination: "/proc", Type: "bind", Source: "/proc", Options: []string{"rbind"}}
	before := time.Now()
	b.start()
	e := b.wait()
	if took := time.Since(before); e.Code != 0 || took > 10*time.Second || b.logged() != "done\n" {
		t.Errorf("%+v after %v, %q", e, took, b.logged())
	}
	if err := b.Delete(b.ctx()); err != nil {
		t.Fatal(err)
	}
	n.clean(b)
}

func withoutNamespace(list []specs.LinuxNamespace, kind specs.LinuxNamespaceType) (rest []specs.LinuxNamespace) {
	for _, ns := range list {
		if ns.Type != kind {
			rest = append(rest, ns)
		}
	}
	return rest
}
