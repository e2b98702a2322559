package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestTerminal runs the command line on a terminal and through a pipe, with a
// node whose container has hostile labels and a hostile log.
func TestTerminal(t *testing.T) {
	dir := t.TempDir()
	stop, err := startFakeNode(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	for _, c := range []struct {
		args         string
		shown, piped string
	}{
		{"ps --format {{.Labels}}", "l=x^Jforged  row^[[2J\r\n", "l=" + hostileLabel + "\n"},
		{"logs web", "^[]0;owned^G\x1b[31mred\x1b[0m over^Mwritten\r\n", hostileLog},
		{"inspect -f {{.Posture.Marker}} web", "raw kept\r\n", "raw kept\n"},
		{"run img", "^[]0;owned^G\x1b[31mred\x1b[0m over^Mwritten\r\n", ""},
		{"run refused\x1b[2J", "", ""},
		// Who asks for a terminal gets the container's.
		{"run -t img", strings.ReplaceAll(hostileLog, "\n", "\r\n"), ""},
		{"attach --no-stdin tty", strings.ReplaceAll(hostileLog, "\n", "\r\n"), ""},
		{"attach --no-stdin web", "^[]0;owned^G\x1b[31mred\x1b[0m over^Mwritten\r\n", ""},
	} {
		t.Run(c.args, func(t *testing.T) {
			shown := onTerminal(t, dir, strings.Split(c.args, " ")...)
			if c.shown != "" && shown != c.shown {
				t.Errorf("on a terminal: %q, want %q", shown, c.shown)
			}
			if strings.Contains(shown, "\x1b[2J") {
				t.Errorf("the terminal was cleared: %q", shown)
			}
			if c.piped == "" {
				return
			}
			if piped := string(output(t, dir, strings.Split(c.args, " ")...)); piped != c.piped {
				t.Errorf("through a pipe: %q, want %q", piped, c.piped)
			}
		})
	}
}

// bailey prepares this test binary as the command line (see TestMain).
func bailey(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := exec.LookPath("bailey")
	if err != nil {
		t.Skip("testscript did not install the command line")
	}
	cmd := exec.Command(exe, args...)
	cmd.Env = append(os.Environ(), "BAILEY_HOST="+dir, "BAILEY_CONFIG="+t.TempDir())
	return cmd
}

func output(t *testing.T, dir string, args ...string) []byte {
	t.Helper()
	out, err := bailey(t, dir, args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// onTerminal returns what arrives at a terminal.
func onTerminal(t *testing.T, dir string, args ...string) string {
	t.Helper()
	master, slave := openTerminal(t)
	cmd := bailey(t, dir, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = slave.Close()
	var out bytes.Buffer
	if _, err := io.Copy(&out, master); err != nil && !errors.Is(err, syscall.EIO) { // EIO is how a terminal ends
		t.Fatal(err)
	}
	_ = cmd.Wait()
	return out.String()
}

// openTerminal makes a pseudo-terminal (pts(4)).
func openTerminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { _ = master.Close() })
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, slave
}
