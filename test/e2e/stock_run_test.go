package e2e

import (
	"strings"
	"testing"

	"github.com/bailey-run/bailey/test/harness"
)

// TestStockRun: docker run, exec and attach, with exit codes, standard input and terminals.
func TestStockRun(t *testing.T) {
	withStock(t, harness.Options{}, map[string]func(*testing.T, stock){
		"exit codes":     runExitCodes,
		"standard input": runStdin,
		"removes itself": runRemoves,
		"init":           runInit,
		"environment":    runEnvironment,
		"exec":           execs,
		"exec terminal":  execTerminal,
		"terminal":       terminal,
		"attach":         attaches,
		"detach":         detaches,
	})
}

func runExitCodes(t *testing.T, s stock) {
	for want, command := range map[int][]string{
		0:   {"true"},
		7:   {"sh", "-c", "exit 7"},
		126: {"/etc/passwd"},
		127: {"nosuch"},
		137: {"sh", "-c", "kill -9 $$ & sleep 1; kill -9 0; exit 137"},
	} {
		r := s.do(t, nil, append([]string{"run", "--name", s.name(t), harness.Image}, command...)...)
		if r.Code != want {
			t.Errorf("%v: exit status %d, want %d: %s", command, r.Code, want, r.Stderr)
		}
		if strings.Contains(strings.ToLower(r.Stderr), "waiting for container") {
			t.Errorf("%v: a failed start makes waiting fail too: %s", command, r.Stderr)
		}
	}
	r := s.do(t, nil, "run", "--rm", harness.Image, "sh", "-c", "echo out; echo err >&2")
	equal(t, "standard output", r.Stdout, "out\n")
	equal(t, "standard error", r.Stderr, "err\n")
}

func runStdin(t *testing.T, s stock) {
	for range 5 {
		r := s.do(t, strings.NewReader("hello\n"), "run", "--rm", "-i", harness.Image, "cat")
		equal(t, "cat", r.Stdout, "hello\n")
	}
	big := strings.Repeat("0123456789abcdef\n", 100_000)
	r := s.do(t, strings.NewReader(big), "run", "--rm", "-i", harness.Image, "sh", "-c", "cat; echo end")
	if r.Stdout != big+"end\n" {
		t.Errorf("%d bytes came back of %d", len(r.Stdout), len(big))
	}
	r = s.do(t, strings.NewReader("unread"), "run", "--rm", "-i", harness.Image, "sh", "-c", "exit 4")
	if r.Code != 4 {
		t.Errorf("exit status %d of one that reads nothing", r.Code)
	}
}

func runRemoves(t *testing.T, s stock) {
	name := s.name(t)
	s.ok(t, "run", "--rm", "--name", name, "-v", "/data", harness.Image, "touch", "/data/x")
	s.fails(t, 1, []string{"No such"}, "inspect", "--type", "container", name)
	s.ok(t, "run", "--rm", "--name", name, harness.Image, "true") // the name is free at once
}

func runInit(t *testing.T, s stock) {
	name := s.run(t, []string{"--init"}, "sleep 1000")
	equal(t, "first process", s.ok(t, "exec", name, "cat", "/proc/1/comm"), ".bailey-init")
	s.ok(t, "exec", "-d", name, "sh", "-c", "sh -c 'sleep 0.1 & exec sleep 0'")
	s.ok(t, "stop", "-t", "30", name) // it passes the signal on
	equal(t, "exit code", s.field(t, name, ".State.ExitCode"), "143")
}

func runEnvironment(t *testing.T, s stock) {
	out := s.ok(t, "run", "--rm", "-e", "A=b c", "-w", "/tmp", "-u", "nobody", "-h", "box", "--entrypoint", "sh", harness.Image,
		"-c", `echo "$A"; pwd; id -u; hostname`)
	equal(t, "environment", out, "b c\n/tmp\n65534\nbox")
}

func execs(t *testing.T, s stock) {
	name := s.run(t, nil, "sleep 1000")
	for range 10 {
		if r := s.do(t, nil, "exec", name, "sh", "-c", "exit 3"); r.Code != 3 {
			t.Fatalf("exit status %d, want 3: %s", r.Code, r.Stderr)
		}
	}
	r := s.do(t, strings.NewReader("hello\n"), "exec", "-i", name, "sh", "-c", "cat; echo err >&2")
	if r.Stdout != "hello\n" || r.Stderr != "err\n" || r.Code != 0 {
		t.Errorf("%+v", r)
	}
	equal(t, "options", s.ok(t, "exec", "-e", "A=1", "-w", "/tmp", "-u", "65534", name, "sh", "-c", "echo $A $(pwd) $(id -u)"), "1 /tmp 65534")
	s.fails(t, 127, []string{"nosuch"}, "exec", name, "nosuch")
	s.ok(t, "exec", "-d", name, "sh", "-c", "echo detached > /tmp/d")
	eventually(t, stockWithin/2, "the detached exec runs", func() bool { return s.do(t, nil, "exec", name, "cat", "/tmp/d").Stdout == "detached\n" })
	s.ok(t, "kill", name)
	s.fails(t, 1, []string{"is not running"}, "exec", name, "true")
}

func execTerminal(t *testing.T, s stock) {
	name := s.run(t, nil, "sleep 1000")
	tty := s.terminal(t, 30, 100, "exec", "-it", name, "sh")
	tty.say("test -t 0 && test -t 1 && stty size; echo mar''ker\n")
	tty.expect("30 100\r\n")
	tty.expect("marker\r\n")
	tty.resize(41, 121)
	tty.say("while [ \"$(stty size)\" != '41 121' ]; do sleep 0.1; done; echo resi''zed; exit 5\n")
	tty.expect("resized\r\n")
	if code := tty.wait(); code != 5 {
		t.Errorf("exit status %d, want 5", code)
	}
}

func terminal(t *testing.T, s stock) {
	name := s.name(t)
	tty := s.terminal(t, 33, 99, "run", "-it", "--name", name, harness.Image, "sh")
	tty.say("until [ \"$(stty size)\" = '33 99' ]; do sleep 0.1; done; echo siz''ed\n")
	tty.expect("sized\r\n")
	tty.say("echo slee''ping; sleep 1000\n")
	tty.expect("sleeping\r\n")
	tty.say("\x03") // ^C ends the sleep and not the shell
	tty.say("echo on''ward; exit 6\n")
	tty.expect("onward\r\n")
	if code := tty.wait(); code != 6 {
		t.Errorf("exit status %d, want 6", code)
	}
}

func attaches(t *testing.T, s stock) {
	name := s.name(t)
	s.ok(t, "create", "-i", "--name", name, harness.Image, "sh", "-c", "read x; echo got $x; exit 9")
	r := s.do(t, strings.NewReader("this\n"), "start", "-ai", name)
	if r.Stdout != "got this\n" || r.Code != 9 {
		t.Errorf("%+v", r)
	}
	long := s.run(t, nil, "trap 'echo bye; exit 8' TERM; echo up; while :; do sleep 0.1; done")
	s.logs(t, long, "up")
	attached := make(chan harness.Result, 1)
	go func() { attached <- s.Docker(t.Context(), "attach", "--no-stdin", long) }()
	eventually(t, stockWithin/2, "it is attached", func() bool {
		return strings.Contains(s.ok(t, "events", "--since", "10m", "--until", "1s", "--filter", "container="+long, "--format", "{{.Action}}"), "attach")
	})
	s.ok(t, "stop", long)
	if r := <-attached; r.Code != 8 || r.Stdout != "bye\n" {
		t.Errorf("attached: %+v", r)
	}
}

func detaches(t *testing.T, s stock) {
	name := s.name(t)
	tty := s.terminal(t, 24, 80, "run", "-it", "--name", name, harness.Image, "sh")
	tty.say("echo fir''st\n")
	tty.expect("first\r\n")
	tty.say("\x10")
	tty.say("\x11")
	tty.wait()
	equal(t, "after detaching", s.field(t, name, ".State.Running"), "true")
	again := s.terminal(t, 24, 80, "attach", "--detach-keys", "ctrl-a,x", name)
	again.say("echo sec''ond\n")
	again.expect("second\r\n")
	again.say("\x01x")
	again.wait()
	equal(t, "after detaching again", s.field(t, name, ".State.Running"), "true")
	s.fails(t, 0, nil, "kill", name)
}
