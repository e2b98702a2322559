package runtime

import (
	"strings"
	"syscall"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// withInit runs args below the shipped init.
func (n *node) withInit(args ...string) *box {
	b := n.box(append([]string{"/bailey-init", "--"}, args...)...)
	b.req.Spec.Mounts = append(b.req.Spec.Mounts, specs.Mount{
		Destination: "/bailey-init", Type: "bind", Source: n.InitPath(), Options: []string{"bind", "ro", "nosuid", "nodev"},
	})
	return b
}

func TestInitPassesTheExitCodeOn(t *testing.T) {
	n := newNode(t)
	for script, code := range map[string]int{"exit 0": 0, "exit 33": 33, "kill -9 $$": 137, "kill -15 $$": 143} {
		if e, _ := n.withInit("sh", "-c", script).run(); e.Code != code || e.Signal != 0 {
			t.Errorf("%q: %+v", script, e)
		}
	}
	for name, code := range map[string]int{"nope": 127, "/bin": 126} {
		if e, out := n.withInit(name).run(); e.Code != code || !strings.Contains(out, name) {
			t.Errorf("%s: %+v %q", name, e, out)
		}
	}
}

func TestInitReapsAndPassesSignalsOn(t *testing.T) {
	n := newNode(t)
	// The orphans' parent is the init; a zombie has the state Z.
	b := n.withInit("sh", "-c", `
		trap 'echo got it; exit 21' TERM
		for i in 1 2 3 4 5; do sh -c 'sleep 0.01 &'; done
		sleep 0.3
		for p in /proc/[0-9]*; do grep -q ' Z 1 ' $p/stat 2>/dev/null && echo zombie; done
		grep -E 'Sig(Ign|Blk)' /proc/self/status
		echo ready
		while :; do sleep 0.01; done`)
	b.start()
	b.waitOutput("ready\n")
	want := "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nready\n"
	if b.logged() != want {
		t.Errorf("%q", b.logged())
	}
	if err := b.Signal(b.ctx(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if e := b.wait(); e.Code != 21 || b.logged() != want+"got it\n" {
		t.Errorf("%+v %q", e, b.logged())
	}
}

// With a terminal the program is in the foreground: it may read, Ctrl-C reaches
// it once, and it has inherited no ignored signal.
func TestInitWithTerminal(t *testing.T) {
	n := newNode(t)
	b := n.withInit("sh", "-c", `
		trap 'echo interrupted; count=$((count+1))' INT
		grep -E 'Sig(Ign|Blk)' /proc/self/status
		read x; echo "is $x"
		echo ready
		while [ -z "$count" ]; do sleep 0.01; done
		sleep 0.2; exit $((40+count))`)
	b.prep.Terminal, b.prep.OpenStdin, b.req.Spec.Process.Terminal = true, true, true
	b.prepare()
	s := b.attach(AttachRequest{Stdin: true, Stdout: true})
	b.start()
	s.Write([]byte("typed\n"))
	b.waitOutput("ready")
	s.Write([]byte{3})
	e := b.wait()
	if e.Code != 41 || !strings.Contains(b.logged(), "is typed\r\n") ||
		!strings.Contains(b.logged(), "SigBlk:\t0000000000000000\r\nSigIgn:\t0000000000000000\r\n") {
		t.Errorf("%+v %q", e, b.logged())
	}
}
