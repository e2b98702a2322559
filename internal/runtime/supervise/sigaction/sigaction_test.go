package sigaction

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// What is ignored here is not ignored in a child.
func TestIgnoredHereOnly(t *testing.T) {
	if was, err := Ignored(syscall.SIGTERM); was || err != nil {
		t.Skipf("SIGTERM is ignored already (%v, %v)", was, err)
	}
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
	out, err := exec.Command("grep", "SigIgn", "/proc/self/status").Output()
	if err != nil || strings.TrimSpace(string(out)) != "SigIgn:\t0000000000000000" {
		t.Errorf("the child has %q, %v", out, err)
	}
}

func TestBadSignal(t *testing.T) {
	if err := Set(syscall.SIGKILL, Ignore); err == nil {
		t.Error("SIGKILL can be ignored")
	}
}
