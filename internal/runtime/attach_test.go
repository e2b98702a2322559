package runtime

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
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

// Nothing of the host is open in the container, neither in its first process
// nor in an exec, neither with pipes nor with a terminal.
func TestNoDescriptorLeaks(t *testing.T) {
	n := newNode(t)
	show := `for f in /proc/1/fd/* /proc/self/fd/*; do echo -n "$f "; readlink $f || echo; done`
	check := func(what, out string) {
		t.Helper()
		if !strings.Contains(out, "/proc/1/fd/0") {
			t.Errorf("%s: %q", what, out)
		}
		for line := range strings.Lines(out) {
			name, target, _ := strings.Cut(strings.TrimSpace(line), " ")
			fd := filepath.Base(name)
			std := fd == "0" || fd == "1" || fd == "2"
			if target == "" || name == "shown" || strings.HasPrefix(target, "/proc/") { // the listing itself
				continue
			}
			if !std || !strings.HasPrefix(target, "pipe:") && target != "/dev/null" && !strings.HasPrefix(target, "/dev/pts/") && target != "/dev/console" {
				t.Errorf("%s: %s is open on %s", what, target, name)
			}
		}
	}
	b := n.box("sh", "-c", show+"; echo shown; sleep 100")
	b.start()
	b.waitOutput("shown\n")
	check("main", b.logged())
	for _, tty := range []bool{false, true} {
		id := randomHex(8)
		s := b.attach(AttachRequest{ExecID: id, Stdout: true, Stderr: true})
		if _, err := b.Exec(b.ctx(), ExecRequest{ID: id, Process: b.process("sh", "-c", show), Terminal: tty}); err != nil {
			t.Fatal(err)
		}
		out, _, _ := readAll(s)
		check(fmt.Sprintf("exec, terminal %v", tty), out)
	}
	tty := n.box("sh", "-c", show)
	tty.prep.Terminal, tty.req.Spec.Process.Terminal = true, true
	_, out := tty.run()
	check("terminal", out)
}

// The pipes belong to the container's user, who may open them by name.
func TestStdoutByName(t *testing.T) {
	n := newNode(t)
	b := n.box("sh", "-c", "echo out > /dev/stdout; echo err > /dev/stderr")
	b.req.Spec.Process.User = specs.User{UID: 1000, GID: 1000}
	if e, out := b.run(); e.Code != 0 || !strings.Contains(out, "out\n") || !strings.Contains(out, "err\n") {
		t.Errorf("%+v %q", e, out)
	}
}

func TestLogRotates(t *testing.T) {
	n := newNode(t)
	b := n.box("seq", "20000")
	b.prep.Log.MaxSize, b.prep.Log.MaxFiles = 50_000, 2
	b.run()
	names, _ := filepath.Glob(b.prep.Log.Path + "*")
	if len(names) != 2 || !strings.HasSuffix(b.logged(), "\n20000\n") {
		t.Errorf("%v, %.100q", names, b.logged())
	}
	for _, name := range names {
		if st, _ := os.Stat(name); st.Size() > 50_000 {
			t.Errorf("%s has %d bytes", name, st.Size())
		}
	}
}

func TestNoLog(t *testing.T) {
	n := newNode(t)
	b := n.box("echo", "hello")
	b.prep.Log.Disabled = true
	b.prepare()
	s := b.attach(AttachRequest{Stdout: true})
	b.start()
	if out, _, err := readAll(s); out != "hello\n" || err != nil {
		t.Errorf("%q %v", out, err)
	}
	b.wait()
	if _, err := os.Stat(b.prep.Log.Path); !os.IsNotExist(err) {
		t.Error("there is a log")
	}
}

// A container whose log's disk is full goes on, and its end is recorded.
func TestFullDiskStopsNothing(t *testing.T) {
	n := newNode(t)
	b := n.box("sh", "-c", "echo first; read x; seq 20000; exit 6")
	b.prep.OpenStdin = true
	small := filepath.Join(n.dir, "small")
	os.Mkdir(small, 0o755)
	if err := unix.Mount("tmpfs", small, "tmpfs", 0, "size=128k"); err != nil {
		t.Skip("needs to mount a tmpfs:", err)
	}
	t.Cleanup(func() { unix.Unmount(small, unix.MNT_DETACH) })
	b.prep.ContainerDir, b.prep.Log.Path = small, filepath.Join(small, "log.json")
	b.prepare()
	s := b.attach(AttachRequest{Stdin: true, Stdout: true})
	b.start()
	b.waitOutput("first\n")
	os.WriteFile(filepath.Join(small, "ballast"), make([]byte, 256<<10), 0o600)
	s.Write([]byte("go\n"))
	out, _, err := readAll(s)
	if err != nil || !strings.HasSuffix(out, "\n20000\n") {
		t.Errorf("the client missed something: %v", err)
	}
	if e := b.wait(); e.Code != 6 {
		t.Errorf("%+v", e)
	}
	if rec := readRecord(b.exitPath()); rec == nil || rec.Code != 6 {
		t.Errorf("the end is not on disk: %+v", rec)
	}
}
