package sigaction

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// What is ignored here is not ignored in a child.
func TestIgnoredHereOnly(t *testing.T) {
	if was, err := Ignored(syscall.SIGTERM); was || err != nil {
		t.Skipf("SIGTERM is ignored already (%v, %v)", was, err)
	}
	before := ignoredByChild(t) // make starts programs with signal 32 ignored
	if err := Set(syscall.SIGTERM, Ignore); err != nil {
		t.Fatal(err)
	}
	defer Set(syscall.SIGTERM, Default)
	if is, err := Ignored(syscall.SIGTERM); !is || err != nil {
		t.Errorf("%v, %v", is, err)
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if now := ignoredByChild(t); now != before {
		t.Errorf("the child has %q, and %q before", now, before)
	}
}

func ignoredByChild(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("grep", "SigIgn", "/proc/self/status").Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestBadSignal(t *testing.T) {
	if err := Set(syscall.SIGKILL, Ignore); err == nil {
		t.Error("SIGKILL can be ignored")
	}
}
