package e2e

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"github.com/bailey-run/bailey/test/harness"
)

// TestStockLife: what happens to containers, and how a client sees it.
func TestStockLife(t *testing.T) {
	withStock(t, harness.Options{}, map[string]func(*testing.T, stock){
		"ps":             lists,
		"logs":           logs,
		"logs followed":  logsFollowed,
		"copy":           copies,
		"stop":           stops,
		"kill":           kills,
		"restart":        restarts,
		"pause":          pauses,
		"rename":         renames,
		"update":         updates,
		"remove":         removes,
		"events":         eventsSeen,
		"stats and top":  stats,
		"diff, export":   diffs,
		"restart policy": restartPolicy,
		"health":         health,
		"memory limit":   memoryLimit,
		"process limit":  pidsLimit,
		"read-only root": readOnlyRoot,
		"name conflict":  nameConflict,
		"slow reader":    slowReader,
	})
}

func lists(t *testing.T, s stock) {
	up := s.run(t, []string{"--label", "team=blue", "--label", "lists"}, "sleep 1000")
	down := s.run(t, []string{"--label", "team=red", "--label", "lists"}, "exit 4")
	s.becomes(t, down, ".State.Status", "exited")
	ps := func(args ...string) string {
		return s.ok(t, append([]string{"ps", "--filter", "label=lists", "--format", "{{.Names}}"}, args...)...)
	}
	equal(t, "running", ps(), up)
	equal(t, "all", ps("-a"), down+"\n"+up)
	equal(t, "by label", ps("-a", "--filter", "label=team=blue"), up)
	equal(t, "by status", ps("-a", "--filter", "status=exited"), down)
	equal(t, "by exit code", ps("-a", "--filter", "exited=4"), down)
	equal(t, "by other exit code", ps("-a", "--filter", "exited=0"), "")
	equal(t, "by name", ps("-a", "--filter", "name=^/"+up+"$"), up)
	equal(t, "by ancestor", ps("--filter", "ancestor="+harness.Image), up)
	equal(t, "before", ps("-a", "--filter", "before="+down), up)
	equal(t, "since", ps("-a", "--filter", "since="+up), down)
	equal(t, "last", s.ok(t, "ps", "-a", "-n", "1", "--filter", "label=lists", "--format", "{{.Names}}"), down)
	equal(t, "status", s.ok(t, "ps", "-a", "--filter", "name="+down, "--format", "{{.Image}} {{.Label \"team\"}} {{printf \"%.10s\" .Status}}"), harness.Image+" red Exited (4)")
	if r := s.do(t, nil, "ps", "--filter", "nosuch=1"); r.Code == 0 {
		t.Error("an unknown filter was ignored")
	}
}

func logs(t *testing.T, s stock) {
	name := s.run(t, nil, "echo one; echo two >&2; sleep 1.2; echo three; printf four")
	s.becomes(t, name, ".State.Status", "exited")
	r := s.do(t, nil, "logs", name)
	equal(t, "standard output", r.Stdout, "one\nthree\nfour")
	equal(t, "standard error", r.Stderr, "two\n")
	equal(t, "tail", s.ok(t, "logs", "--tail", "2", name), "three\nfour")
	equal(t, "no tail", s.ok(t, "logs", "--tail", "0", name), "")
	stamped := s.ok(t, "logs", "--timestamps", name)
	var moments []time.Time
	for line := range strings.Lines(stamped) {
		word, _, _ := strings.Cut(line, " ")
		at, err := time.Parse(time.RFC3339Nano, word)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		moments = append(moments, at)
	}
	if len(moments) != 3 {
		t.Fatalf("%q", stamped)
	}
	between := moments[1].Add(-500 * time.Millisecond).Format(time.RFC3339Nano)
	equal(t, "since", s.ok(t, "logs", "--since", between, name), "three\nfour")
	equal(t, "until", s.ok(t, "logs", "--until", between, name), "one")
}

func logsFollowed(t *testing.T, s stock) {
	name := s.run(t, nil, "for i in 1 2 3; do echo line $i; sleep 0.3; done; until [ -e /tmp/go ]; do sleep 0.05; done; echo last")
	s.logs(t, name, "line 1")
	followed := make(chan harness.Result, 1)
	go func() { followed <- s.Docker(t.Context(), "logs", "-f", "--tail", "1", name) }()
	s.logs(t, name, "line 3")
	s.ok(t, "exec", name, "touch", "/tmp/go")
	select {
	case r := <-followed:
		if r.Code != 0 || !strings.HasSuffix(r.Stdout, "line 3\nlast\n") || strings.Count(r.Stdout, "line 3") != 1 {
			t.Errorf("followed: %+v", r)
		}
	case <-time.After(stockWithin):
		t.Error("following does not end with the container")
	}
	equal(t, "following one that has ended", s.ok(t, "logs", "-f", "--tail", "1", name), "last")
}

func copies(t *testing.T, s stock) {
	dir := t.TempDir()
	for name, text := range map[string]string{"d/one": "1", "d/sub/two": "2"} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o640)); err != nil {
			t.Fatal(err)
		}
	}
	name := s.run(t, []string{"-v", "/data"}, "sleep 1000")
	s.ok(t, "cp", dir+"/d/one", name+":/data/file")
	s.ok(t, "cp", dir+"/d", name+":/tmp/tree")
	equal(t, "copied in", s.ok(t, "exec", name, "cat", "/data/file", "/tmp/tree/one", "/tmp/tree/sub/two"), "112")
	equal(t, "mode", s.ok(t, "exec", name, "stat", "-c", "%a %u", "/data/file"), "640 0")
	s.ok(t, "cp", name+":/tmp/tree", dir+"/back")
	text, err := os.ReadFile(dir + "/back/sub/two")
	if err != nil || string(text) != "2" {
		t.Errorf("copied out: %q, %v", text, err)
	}
	archive := s.do(t, nil, "cp", name+":/tmp/tree", "-")
	if r := s.do(t, strings.NewReader(archive.Stdout), "cp", "-", name+":/data"); r.Code != 0 {
		t.Errorf("from standard input: %+v", r)
	}
	equal(t, "from standard input", s.ok(t, "exec", name, "cat", "/data/tree/sub/two"), "2")
	s.fails(t, 1, []string{"nosuch"}, "cp", name+":/nosuch", dir)
	s.fails(t, 1, []string{"read-only"}, "cp", dir+"/d/one", name+":/etc/x")
	s.ok(t, "kill", name)
	s.becomes(t, name, ".State.Status", "exited")
	s.ok(t, "cp", name+":/etc/passwd", dir+"/passwd")
	if text, err := os.ReadFile(dir + "/passwd"); err != nil || !strings.HasPrefix(string(text), "root:") {
		t.Errorf("copied out of a stopped one: %q, %v", text, err)
	}
	s.ok(t, "cp", dir+"/d/one", name+":/etc/x") // it is there when it starts again
}

func stops(t *testing.T, s stock) {
	polite := s.run(t, nil, "trap 'exit 21' TERM; trap 'exit 22' USR1; echo up; while :; do sleep 0.05; done")
	s.logs(t, polite, "up")
	s.ok(t, "stop", polite)
	equal(t, "stopped by SIGTERM", s.field(t, polite, ".State.ExitCode"), "21")
	s.ok(t, "start", polite)
	eventually(t, stockWithin/2, "up again", func() bool { return strings.Count(s.ok(t, "logs", polite), "up") == 2 })
	s.ok(t, "stop", "--signal", "USR1", polite)
	equal(t, "stopped by SIGUSR1", s.field(t, polite, ".State.ExitCode"), "22")
	s.ok(t, "stop", polite) // one that does not run is stopped already

	deaf := s.run(t, []string{"--stop-timeout", "1"}, "trap '' TERM; echo up; while :; do sleep 0.1; done")
	s.logs(t, deaf, "up")
	begun := time.Now()
	s.ok(t, "stop", deaf)
	if took := time.Since(begun); took < time.Second || took > 9*time.Second {
		t.Errorf("a grace of 1 s took %v", took)
	}
	equal(t, "stopped by SIGKILL", s.field(t, deaf, ".State.ExitCode"), "137")
	chosen := s.run(t, []string{"--stop-signal", "INT"}, "trap 'exit 23' INT; echo up; while :; do sleep 0.05; done")
	s.logs(t, chosen, "up")
	s.ok(t, "stop", chosen)
	equal(t, "stopped by its own signal", s.field(t, chosen, ".State.ExitCode"), "23")
}

func kills(t *testing.T, s stock) {
	name := s.run(t, nil, "trap 'echo hup' HUP; echo up; while :; do sleep 0.05; done")
	s.logs(t, name, "up")
	s.ok(t, "kill", "-s", "HUP", name)
	s.logs(t, name, "hup")
	s.ok(t, "kill", name)
	s.becomes(t, name, ".State.Status", "exited")
	equal(t, "exit code", s.ok(t, "wait", name), "137")
	s.fails(t, 1, []string{"is not running"}, "kill", name)
	s.fails(t, 1, []string{"NOSUCH"}, "kill", "-s", "NOSUCH", name)
}

func restarts(t *testing.T, s stock) {
	name := s.run(t, []string{"-v", "/data"}, "echo x >> /data/count; wc -l < /data/count; exec sleep 1000")
	s.logs(t, name, "1")
	before := s.field(t, name, ".State.Pid")
	s.ok(t, "restart", "-t", "0", name)
	s.logs(t, name, "1\n2")
	if after := s.field(t, name, ".State.Pid"); after == before || after == "0" {
		t.Errorf("pid %s after a restart, %s before", after, before)
	}
}

func pauses(t *testing.T, s stock) {
	name := s.run(t, nil, "while :; do echo tick; sleep 0.02; done")
	s.logs(t, name, "tick")
	s.ok(t, "pause", name)
	equal(t, "status", s.field(t, name, ".State.Status"), "paused")
	equal(t, "listed", s.ok(t, "ps", "--filter", "name="+name, "--filter", "status=paused", "--format", "{{.Names}}"), name)
	first := s.ok(t, "logs", name)
	time.Sleep(200 * time.Millisecond)
	equal(t, "output of a paused container", s.ok(t, "logs", name), first)
	s.fails(t, 1, []string{"paused"}, "exec", name, "true")
	s.fails(t, 1, []string{"paused"}, "pause", name)
	s.ok(t, "unpause", name)
	eventually(t, stockWithin/2, "it goes on", func() bool { return s.ok(t, "logs", name) != first })
}

func renames(t *testing.T, s stock) {
	name, other := s.run(t, nil, "sleep 1000"), s.name(t)
	s.ok(t, "rename", name, other)
	equal(t, "new name", s.field(t, other, ".Name"), "/"+other)
	s.fails(t, 1, []string{"No such"}, "inspect", "--type", "container", name)
	taken := s.run(t, nil, "sleep 1000")
	s.fails(t, 1, []string{taken, "in use"}, "rename", other, taken)
	s.run(t, nil, "true")
	s.ok(t, "create", "--name", name, harness.Image, "true") // the old one is free
}

func updates(t *testing.T, s stock) {
	name := s.run(t, []string{"--memory", "64m"}, "sleep 1000")
	limit := "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max"
	equal(t, "limit inside", s.ok(t, "exec", name, "sh", "-c", limit), "67108864")
	s.ok(t, "update", "--memory", "96m", "--memory-swap", "96m", name)
	equal(t, "new limit inside", s.ok(t, "exec", name, "sh", "-c", limit), "100663296")
	equal(t, "new limit told", s.field(t, name, ".HostConfig.Memory"), "100663296")
	s.ok(t, "restart", "-t", "0", name)
	equal(t, "limit after a restart", s.ok(t, "exec", name, "sh", "-c", limit), "100663296")
}

func removes(t *testing.T, s stock) {
	name := s.run(t, []string{"-v", "/data"}, "sleep 1000")
	volume := s.field(t, name, "(index .Mounts 0).Name")
	s.fails(t, 1, []string{name, "stop"}, "rm", name)
	s.ok(t, "rm", "-f", name)
	s.fails(t, 1, []string{"No such"}, "inspect", "--type", "container", name)
	equal(t, "its volume stays without -v", s.ok(t, "volume", "inspect", "--format", "{{.Name}}", volume), volume)
	s.ok(t, "volume", "rm", volume)
	s.fails(t, 1, []string{"No such container"}, "rm", name)
	s.ok(t, "rm", "-f", name)
}

func eventsSeen(t *testing.T, s stock) {
	begun := time.Now()
	live := make(chan harness.Result, 1)
	name := s.name(t)
	go func() {
		live <- s.Docker(t.Context(), "events", "--filter", "container="+name, "--filter", "event=die", "--since", begun.Format(time.RFC3339Nano), "--until", begun.Add(4*time.Second).Format(time.RFC3339Nano), "--format", "{{.Action}} {{.Actor.Attributes.exitCode}}")
	}()
	s.do(t, nil, "run", "--name", name, "--label", "seen=yes", harness.Image, "sh", "-c", "exit 5")
	s.ok(t, "rm", name)
	seen := func(args ...string) string {
		all := append([]string{"events", "--since", begun.Format(time.RFC3339Nano), "--until", time.Now().Format(time.RFC3339Nano), "--format", "{{.Action}}"}, args...)
		return strings.ReplaceAll(s.ok(t, all...), "\n", " ")
	}
	equal(t, "of the container", seen("--filter", "container="+name), "create attach start die destroy")
	equal(t, "by label", seen("--filter", "label=seen=yes", "--filter", "event=start", "--filter", "event=die"), "start die")
	equal(t, "of another type", seen("--filter", "container="+name, "--filter", "type=volume"), "")
	if r := <-live; r.Stdout != "die 5\n" || r.Code != 0 {
		t.Errorf("live: %+v", r)
	}
}

func stats(t *testing.T, s stock) {
	name := s.run(t, []string{"--memory", "64m"}, "sleep 1000")
	out := s.ok(t, "stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}} {{.PIDs}}", name)
	if !strings.HasPrefix(out, name+" ") || !strings.Contains(out, "/ 64MiB") || strings.Contains(out, "0B /") || strings.HasSuffix(out, " 0") {
		t.Errorf("stats: %q", out)
	}
	if top := s.ok(t, "top", name); !strings.Contains(top, "sleep 1000") || !strings.Contains(top, "PID") {
		t.Errorf("top: %q", top)
	}
	s.ok(t, "kill", name)
	s.becomes(t, name, ".State.Status", "exited")
	s.fails(t, 1, []string{"is not running"}, "top", name)
}

func diffs(t *testing.T, s stock) {
	name := s.run(t, []string{"-v", "/data"}, "echo x > /data/x; sleep 1000")
	if out := s.ok(t, "diff", name); strings.Contains(out, "etc/passwd") {
		t.Errorf("diff: %q", out)
	}
	if r := s.do(t, nil, "export", name); r.Code != 0 || !strings.Contains(r.Stdout, "bin/busybox") || !strings.Contains(r.Stdout, "root:x:0:0:") {
		t.Errorf("export: %d bytes, %s", len(r.Stdout), r.Stderr)
	}
}

func restartPolicy(t *testing.T, s stock) {
	name := s.run(t, []string{"--restart", "always"}, "echo run; exit 3")
	s.becomes(t, name, ".RestartCount", "5")
	s.becomes(t, name, ".State.Status", "exited")
	equal(t, "runs", fmt.Sprint(strings.Count(s.ok(t, "logs", name), "run")), "6")
	once := s.run(t, []string{"--restart", "on-failure:1"}, "echo run; exit 3")
	s.becomes(t, once, ".RestartCount", "1")
	s.becomes(t, once, ".State.Status", "exited")
	well := s.run(t, []string{"--restart", "on-failure"}, "exit 0")
	s.becomes(t, well, ".State.Status", "exited")
	equal(t, "restarts of one that succeeds", s.field(t, well, ".RestartCount"), "0")
}

func health(t *testing.T, s stock) {
	name := s.run(t, []string{"--health-cmd", "test -e /tmp/ok || { echo not yet; exit 1; }", "--health-interval", "100ms", "--health-retries", "2"}, "sleep 1000")
	s.becomes(t, name, ".State.Health.Status", "unhealthy")
	equal(t, "probe's output", s.field(t, name, "(index .State.Health.Log 0).Output"), "not yet")
	equal(t, "listed", s.ok(t, "ps", "--filter", "health=unhealthy", "--filter", "name="+name, "--format", "{{.Names}}"), name)
	s.ok(t, "exec", name, "touch", "/tmp/ok")
	s.becomes(t, name, ".State.Health.Status", "healthy")
}

func memoryLimit(t *testing.T, s stock) {
	name := s.run(t, []string{"--memory", "16m"}, "tail /dev/zero")
	s.becomes(t, name, ".State.Status", "exited")
	equal(t, "end", s.field(t, name, ".State.OOMKilled"), "true")
	fine := s.run(t, []string{"--memory", "16m"}, "kill -9 $$")
	s.becomes(t, fine, ".State.Status", "exited")
	equal(t, "end without a limit hit", s.field(t, fine, ".State.OOMKilled"), "false")
}

func pidsLimit(t *testing.T, s stock) {
	r := s.do(t, nil, "run", "--rm", "--pids-limit", "10", harness.Image, "sh", "-c", "for i in $(seq 20); do sleep 1 & done; wait")
	if !strings.Contains(r.Stderr, "fork") {
		t.Errorf("20 processes with a limit of 10: %+v", r)
	}
}

func readOnlyRoot(t *testing.T, s stock) {
	name := s.run(t, nil, "echo x > /etc/motd")
	s.becomes(t, name, ".State.Status", "exited")
	if r := s.do(t, nil, "logs", name); !strings.Contains(r.Stderr, "/etc/motd") || !strings.Contains(r.Stderr, "-v /etc") {
		t.Errorf("logs do not explain: %+v", r)
	}
	eventually(t, 5*time.Second, "an event write-refused", func() bool {
		out := s.ok(t, "events", "--since", "10m", "--until", time.Now().Format(time.RFC3339Nano), "--filter", "event=write-refused", "--filter", "container="+name, "--format", "{{.Actor.Attributes.path}} {{.Actor.Attributes.flag}}")
		return out == "/etc/motd -v /etc"
	})
	opened := s.run(t, []string{"-v", "/etc"}, "echo x > /etc/motd")
	s.becomes(t, opened, ".State.Status", "exited")
	equal(t, "with what the hint says", s.field(t, opened, ".State.ExitCode"), "0")
}

func nameConflict(t *testing.T, s stock) {
	name := s.run(t, nil, "sleep 1000")
	s.fails(t, 125, []string{name, "in use"}, "run", "-d", "--name", name, harness.Image, "true")
	fought := s.name(t)
	var wait sync.WaitGroup
	results := make([]error, 12)
	for i := range results {
		wait.Go(func() {
			_, results[i] = s.Client.ContainerCreate(t.Context(), shell(fought, "true"))
		})
	}
	wait.Wait()
	won := 0
	for _, err := range results {
		switch {
		case err == nil:
			won++
		case !errdefs.IsConflict(err):
			t.Errorf("a loser is told %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d clients have the name", won)
	}
}

func slowReader(t *testing.T, s stock) {
	name := s.name(t)
	launch(t, s.Node, shell(name, "yes 0123456789abcdef0123456789abcdef | head -c 8000000; touch /tmp/written; sleep 1000"))
	lines, err := s.Client.ContainerLogs(t.Context(), name, client.ContainerLogsOptions{ShowStdout: true, Follow: true})
	if err != nil {
		t.Fatal(err)
	}
	defer lines.Close()
	if _, err := io.ReadFull(lines, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	eventually(t, stockWithin/2, "it has written everything although nobody reads", func() bool {
		return s.do(t, nil, "exec", name, "test", "-e", "/tmp/written").Code == 0
	})
}
