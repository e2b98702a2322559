package daemon

import (
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestSettle: a descriptor that this process inherited does not reach its children.
func TestSettle(t *testing.T) {
	t.Chdir(t.TempDir())
	mask := unix.Umask(0o077)
	defer unix.Umask(mask)
	fd, err := unix.Open("/dev/null", unix.O_RDONLY, 0) // without O_CLOEXEC, as one that a parent left
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	if err := settle(); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("/bin/sh", "-c", "ls -l /proc/$$/fd; pwd; umask").Output()
	if err != nil {
		t.Fatal(err)
	}
	text := string(out)
	if strings.Count(text, "/dev/null") > 2 || !strings.HasSuffix(text, "\n/\n0022\n") {
		t.Errorf("a child sees:\n%s", text)
	}
}
