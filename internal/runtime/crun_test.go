package runtime

import (
	"errors"
	"strings"
	"syscall"
	"testing"
)

// crun has the same command line and leaves the same behind. The machine's may
// be too old to be used in earnest; to be tested it serves.
func TestCrun(t *testing.T) {
	n := newNode(t)
	n.useCrun()
	b := n.box("sh", "-c", "echo out; read x; echo got $x >&2; exit 5")
	b.prep.OpenStdin, b.prep.StdinOnce = true, true
	b.prepare()
	s := b.attach(AttachRequest{Stdin: true, Stdout: true, Stderr: true})
	b.start()
	id := randomHex(8)
	es := b.attach(AttachRequest{ExecID: id, Stdin: true, Stdout: true})
	p := b.process("sh", "-c", "cat; stty size; exit 3")
	if _, err := b.Exec(b.ctx(), ExecRequest{ID: id, Process: b.process("sh", "-c", "cat; exit 3"), OpenStdin: true}); err != nil {
		t.Fatal(err)
	}
	es.Write([]byte("to the exec"))
	es.CloseWrite()
	if out, _, err := readAll(es); out != "to the exec" || err != nil {
		t.Errorf("exec: %q %v", out, err)
	}
	if e, err := b.ExecWait(b.ctx(), id); e.Code != 3 || err != nil {
		t.Errorf("exec: %+v %v", e, err)
	}
	id = randomHex(8)
	es = b.attach(AttachRequest{ExecID: id, Stdin: true, Stdout: true})
	p.Args[2] = "stty size"
	if _, err := b.Exec(b.ctx(), ExecRequest{ID: id, Process: p, Terminal: true, Rows: 20, Cols: 60}); err != nil {
		t.Fatal(err)
	}
	if err := b.Resize(b.ctx(), id, 20, 60); err != nil && !strings.Contains(err.Error(), "ended") && !errors.Is(err, ErrNotRunning) {
		t.Log(err)
	}
	if out, _, err := readAll(es); !strings.HasSuffix(out, "\r\n") || err != nil {
		t.Errorf("exec with a terminal: %q %v", out, err)
	}
	s.Write([]byte("input\n"))
	if out, errs, err := readAll(s); out != "out\n" || errs != "got input\n" || err != nil {
		t.Errorf("%q %q %v", out, errs, err)
	}
	if e := b.wait(); e.Code != 5 {
		t.Errorf("%+v", e)
	}
	if err := b.Delete(b.ctx()); err != nil {
		t.Fatal(err)
	}
	n.clean(b)
}

func TestCrunTerminalAndKill(t *testing.T) {
	n := newNode(t)
	n.useCrun()
	b := n.box("sh", "-c", "stty size; sleep 100")
	b.prep.Terminal, b.req.Spec.Process.Terminal = true, true
	b.req.Rows, b.req.Cols = 33, 111
	b.start()
	b.waitOutput("33 111\r\n")
	b.Signal(b.ctx(), syscall.SIGKILL)
	if e := b.wait(); e.Code != 137 {
		t.Errorf("%+v", e)
	}
}

func TestCrunRefusals(t *testing.T) {
	n := newNode(t)
	n.useCrun()
	for arg, code := range map[string]int{"nope": 127, "/bin/nope": 127, "/etc": 126} {
		b := n.box(arg).prepare()
		_, err := b.Start(b.ctx(), b.req)
		var refused *StartError
		if !errors.As(err, &refused) || refused.Code != code {
			t.Errorf("%s: %#v", arg, err)
		}
	}
	b := n.box("sleep", "100")
	b.start()
	_, err := b.Exec(b.ctx(), ExecRequest{ID: randomHex(8), Process: b.process("nope")})
	var refused *StartError
	if !errors.As(err, &refused) || refused.Code != 127 {
		t.Errorf("exec: %#v", err)
	}
}
