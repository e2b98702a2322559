package runtime

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func (b *box) process(args ...string) *specs.Process {
	p := *b.req.Spec.Process
	p.Args, p.Terminal = args, false
	return &p
}

func TestExec(t *testing.T) {
	n := newNode(t)
	b := n.box("sleep", "100")
	b.start()
	id := randomHex(32)
	s := b.attach(AttachRequest{ExecID: id, Stdin: true, Stdout: true, Stderr: true})
	started, err := b.Exec(b.ctx(), ExecRequest{ID: id, OpenStdin: true, Process: b.process("sh", "-c", "cat; echo e >&2; exit 9")})
	if err != nil || started.Pid == 0 {
		t.Fatal(err)
	}
	s.Write([]byte("input"))
	s.CloseWrite()
	if out, errs, err := readAll(s); out != "input" || errs != "e\n" || err != nil {
		t.Errorf("%q %q %v", out, errs, err)
	}
	for range 2 {
		if e, err := b.ExecWait(b.ctx(), id); err != nil || e.Code != 9 {
			t.Errorf("%+v %v", e, err)
		}
	}
	if rec := readRecord(filepath.Join(b.prep.RunDir, "exec-"+id+".json")); rec == nil || rec.Code != 9 {
		t.Errorf("on disk: %+v", rec)
	}
	if _, err := b.Exec(b.ctx(), ExecRequest{ID: id, Process: b.process("true")}); err == nil {
		t.Error("an exec ran twice")
	}
	if _, err := b.ExecWait(b.ctx(), "abcdef"); !errors.Is(err, ErrNoExec) {
		t.Errorf("waiting for no exec: %v", err)
	}
	files, _ := filepath.Glob(filepath.Join(b.prep.RunDir, "exec-*"))
	if len(files) != 1 {
		t.Errorf("files of an exec are left: %v", files)
	}
}

func TestExecTerminalAndSignal(t *testing.T) {
	n := newNode(t)
	b := n.box("sleep", "100")
	b.start()
	id := randomHex(8)
	s := b.attach(AttachRequest{ExecID: id, Stdin: true, Stdout: true})
	p := b.process("sh", "-c", "stty size; sleep 100")
	if _, err := b.Exec(b.ctx(), ExecRequest{ID: id, Process: p, Terminal: true, OpenStdin: true, Rows: 12, Cols: 34}); err != nil {
		t.Fatal(err)
	}
	var got string
	for !strings.Contains(got, "\n") {
		_, out, err := s.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		got += string(out)
	}
	if got != "12 34\r\n" {
		t.Errorf("%q", got)
	}
	if err := b.SignalExec(b.ctx(), id, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if e, err := b.ExecWait(b.ctx(), id); err != nil || e.Code != 137 {
		t.Errorf("%+v %v", e, err)
	}
	if _, _, err := readAll(s); err != nil {
		t.Error(err)
	}
	if err := b.SignalExec(b.ctx(), id, syscall.SIGKILL); err == nil {
		t.Error("a signal after the end")
	}
}

func TestExecRefusals(t *testing.T) {
	n := newNode(t)
	b := n.box("sleep", "100")
	b.prepare()
	id := randomHex(8)
	if _, err := b.Exec(b.ctx(), ExecRequest{ID: id, Process: b.process("true")}); err == nil {
		t.Error("an exec before the start")
	}
	b.start()
	s := b.attach(AttachRequest{ExecID: id, Stdout: true})
	_, err := b.Exec(b.ctx(), ExecRequest{ID: id, Process: b.process("nope")})
	var refused *StartError
	if !errors.As(err, &refused) || refused.Code != 127 {
		t.Errorf("got %v", err)
	}
	if _, _, err := readAll(s); !errors.As(err, &refused) || refused.Code != 127 {
		t.Errorf("the attached client got %v", err)
	}
	for _, bad := range []string{"", "../../x", "ABC", strings.Repeat("a", 65)} {
		if _, err := b.Exec(b.ctx(), ExecRequest{ID: bad, Process: b.process("true")}); err == nil {
			t.Errorf("an exec named %q", bad)
		}
	}
	if err := b.Signal(b.ctx(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	b.wait()
	if _, err := b.Exec(b.ctx(), ExecRequest{ID: randomHex(8), Process: b.process("true")}); !errors.Is(err, ErrNotRunning) {
		t.Errorf("an exec after the end: %v", err)
	}
}

// The end of the container is the end of its execs.
func TestExecEndsWithTheContainer(t *testing.T) {
	n := newNode(t)
	b := n.box("sleep", "100")
	b.start()
	ids := []string{randomHex(8), randomHex(8), randomHex(8)}
	for _, id := range ids {
		if _, err := b.Exec(b.ctx(), ExecRequest{ID: id, Process: b.process("sleep", "100")}); err != nil {
			t.Fatal(err)
		}
	}
	b.Signal(b.ctx(), syscall.SIGKILL)
	b.wait()
	for _, id := range ids {
		if e, err := b.ExecWait(b.ctx(), id); err != nil || e.Code != 137 {
			t.Errorf("%+v %v", e, err)
		}
	}
}

// Many short execs at once: each gets its own status, also when a process ends
// before the runtime does.
func TestExecsAtOnce(t *testing.T) {
	n := newNode(t)
	b := n.box("sleep", "100")
	b.start()
	errs := make(chan error)
	const count = 12
	for i := range count {
		go func() {
			id := fmt.Sprintf("%x", 0x100+i)
			_, err := b.Exec(b.ctx(), ExecRequest{ID: id, Process: b.process("sh", "-c", fmt.Sprintf("exit %d", i))})
			if err == nil {
				var e Exit
				if e, err = b.ExecWait(b.ctx(), id); err == nil && e.Code != i {
					err = fmt.Errorf("exec %d exited with %d", i, e.Code)
				}
			}
			errs <- err
		}()
	}
	for range count {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

func TestExecsAreBounded(t *testing.T) {
	n := newNode(t)
	b := n.box("sleep", "100")
	b.start()
	var streams []*Stream
	defer func() {
		for _, s := range streams {
			s.Close()
		}
	}()
	refused := false
	for i := range 1000 {
		s, err := b.Attach(b.ctx(), AttachRequest{ExecID: fmt.Sprintf("%x", i), Stdout: true})
		if err != nil {
			refused = true
			break
		}
		streams = append(streams, s)
	}
	if !refused {
		t.Error("a thousand clients were taken")
	}
	for _, s := range streams {
		s.Close()
	}
	streams = nil
	// They are forgotten, and the container is of use again.
	for end := time.Now().Add(10 * time.Second); ; {
		_, err := b.Exec(b.ctx(), ExecRequest{ID: randomHex(8), Process: b.process("true")})
		if err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}
