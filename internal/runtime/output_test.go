package runtime

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

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
