package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bailey-run/bailey/test/harness"
)

// TestBuildEnds: what is left of builds that do not come to their end: nothing.
func TestBuildEnds(t *testing.T) {
	withStock(t, harness.Options{}, map[string]func(*testing.T, stock){"in order": func(t *testing.T, s stock) {
		t.Run("cancelled", func(t *testing.T) { buildCancelled(t, s) })
		t.Run("cancelled early", func(t *testing.T) { buildCancelledEarly(t, s) })
		t.Run("cancelled by id", func(t *testing.T) { buildCancelledByID(t, s) })
		t.Run("failed", func(t *testing.T) { buildLeavesNothing(t, s) })
		t.Run("killed", func(t *testing.T) { buildKilled(t, s) })
		t.Run("damaged databases", func(t *testing.T) { buildDamaged(t, s) })
		t.Run("stopped", func(t *testing.T) { buildStopped(t, s) })
	}})
}

// endless is a build whose step goes on until it is ended, with everything mounted that a step can have. The file that it
// makes tells that it has begun.
func endless(t *testing.T) (dir, mark string) {
	mark = fmt.Sprintf("mark-%d", time.Now().UnixNano())
	return directory(t, map[string]string{"Dockerfile": "FROM " + harness.Image + `
RUN --mount=type=cache,target=/c --mount=type=tmpfs,target=/t --mount=type=bind,target=/ctx --mount=type=secret,id=s \
    touch /c/` + mark + ` && sleep 1000
`, "secret": "x"}), mark
}

// begins starts an endless build and waits until its step runs.
func (s stock) begins(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	dir, mark := endless(t)
	cmd := s.BaileyCommand(t.Context(), append([]string{"build", "--progress", "plain", "--secret", "id=s,src=" + filepath.Join(dir, "secret")}, append(args, dir)...)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	eventually(t, buildWithin, "the step runs", func() bool {
		out, _ := exec.CommandContext(t.Context(), "find", filepath.Join(s.Dir, "image", "snapshots"), "-name", mark).Output()
		return len(out) > 0
	})
	return cmd
}

// nothing waits until nothing of a build is left.
func (s stock) nothing(t *testing.T) {
	t.Helper()
	look := func() []string {
		// The node's resolver is no build's.
		left := slices.DeleteFunc(s.Leftovers(), func(l string) bool { return strings.Contains(l, "bailey-resolver") })
		for _, pattern := range []string{"build/tmp/*", "build/tmp/pool/*", "containers/*"} {
			found, _ := filepath.Glob(filepath.Join(s.Dir, pattern))
			for _, f := range found {
				if filepath.Base(f) != "pool" {
					left = append(left, f)
				}
			}
		}
		return left
	}
	deadline := time.Now().Add(buildWithin)
	left := look()
	for len(left) > 0 && time.Now().Before(deadline) {
		time.Sleep(50 * time.Millisecond)
		left = look()
	}
	if len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func buildCancelled(t *testing.T, s stock) {
	cmd := s.begins(t)
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("a cancelled build succeeded")
	}
	s.nothing(t)
	// Also when its client is gone without a word.
	cmd = s.begins(t)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	s.nothing(t)
}

// buildCancelledEarly interrupts builds before the node knows of them, and while it begins with them: BuildKit's client asks
// for the progress of a build that never was, and is not to wait for it.
func buildCancelledEarly(t *testing.T, s stock) {
	early := func(after time.Duration) {
		dir, _ := endless(t)
		cmd := s.BaileyCommand(t.Context(), "build", "--progress", "plain", "--secret", "id=s,src="+filepath.Join(dir, "secret"), dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(after)
		interrupt(t, cmd, "after "+after.String())
	}
	for after := 10 * time.Millisecond; after <= 150*time.Millisecond; after += 10 * time.Millisecond {
		early(after)
	}
	s.nothing(t)
	// Also when the node says nothing at all, or nothing any more.
	running, pid := s.begins(t), s.Pid()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	interrupt(t, running, "in a step of a node that was stopped then")
	early(20 * time.Millisecond)
	early(200 * time.Millisecond)
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	s.nothing(t)
}

// interrupt sends a build SIGINT and waits for its client to end.
func interrupt(t *testing.T, cmd *exec.Cmd, when string) {
	t.Helper()
	at := time.Now()
	late := time.AfterFunc(buildWithin, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	_ = cmd.Process.Signal(syscall.SIGINT)
	if err := cmd.Wait(); err == nil {
		t.Errorf("a build that was cancelled %s succeeded", when)
	}
	if went := time.Since(at); went > endsWithin {
		t.Errorf("cancelled %s, the client went on for %v", when, went)
	}
}

// endsWithin is far more than a client takes to end, and less than BuildKit's wait for the progress of a build (5 s).
const endsWithin = 4 * time.Second

// buildCancelledByID is POST /build/cancel, which Docker's clients send for their classic builder.
func buildCancelledByID(t *testing.T, s stock) {
	dir, mark := endless(t)
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM "+harness.Image+"\nRUN --mount=type=cache,target=/c touch /c/"+mark+" && sleep 1000\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := s.DockerCommand(t.Context(), "build", dir)
	cmd.Env = append(cmd.Env, "DOCKER_BUILDKIT=0")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, buildWithin, "the step runs", func() bool {
		out, _ := exec.CommandContext(t.Context(), "find", filepath.Join(s.Dir, "image", "snapshots"), "-name", mark).Output()
		return len(out) > 0
	})
	_ = cmd.Process.Signal(syscall.SIGINT)
	_ = cmd.Wait()
	s.nothing(t)
}

func buildLeavesNothing(t *testing.T, s stock) {
	dir := directory(t, map[string]string{"Dockerfile": "FROM " + harness.Image + "\nRUN --mount=type=cache,target=/c --mount=type=tmpfs,target=/t sleep 1000 & false\n"})
	s.refuses(t, dir, nil, "exit code: 1")
	s.nothing(t)
}

// buildKilled kills the daemon while a step runs. The next one takes the step away, and builds.
func buildKilled(t *testing.T, s stock) {
	cmd := s.begins(t)
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the build of a daemon that was killed succeeded")
	}
	if err := s.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.nothing(t)
	s.buildsAndRuns(t, "after a kill")
}

// buildDamaged writes into each of the builder's databases what does not belong there.
func buildDamaged(t *testing.T, s stock) {
	s.buildsAndRuns(t, "before")
	for _, damage := range []func([]byte) []byte{
		func(b []byte) []byte { return []byte("this is no database") },
		func(b []byte) []byte { return b[:len(b)/2] },
		func(b []byte) []byte {
			for i := 8192; i < len(b); i += 7 {
				b[i] ^= 0xff
			}
			return b
		},
	} {
		for _, name := range []string{"solver.db", "refs.db", "history.db"} {
			if err := s.Stop(); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(s.Dir, "build", name)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, damage(data), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := s.Up(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.buildsAndRuns(t, "with a damaged "+name)
			s.ok(t, "run", "--rm", "before", "true")
		}
	}
	if !strings.Contains(s.Log(), "the build cache is emptied") {
		t.Error("the log says nothing of it")
	}
}

// buildStopped stops the daemon while a step runs.
func buildStopped(t *testing.T, s stock) {
	cmd := s.begins(t)
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if _, err := os.Stat(filepath.Join(s.Dir, "build", "open")); err == nil {
		t.Error("the cache was not closed")
	}
	if err := s.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.nothing(t)
	s.buildsAndRuns(t, "after a stop")
}

func (s stock) buildsAndRuns(t *testing.T, what string) {
	t.Helper()
	tag := strings.NewReplacer(" ", "-", ".", "-").Replace(what)
	dir := directory(t, map[string]string{"Dockerfile": "FROM " + harness.Image + "\nRUN echo " + tag + " > /x\nCMD [\"cat\", \"/x\"]\n"})
	s.built(t, "-t", tag, dir)
	s.prints(t, tag, tag)
}
