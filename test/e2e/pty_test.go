package e2e

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// typist is a command line that runs at a terminal.
type typist struct {
	t      *testing.T
	cmd    *exec.Cmd
	master *os.File
	mu     sync.Mutex
	seen   strings.Builder // what the terminal shows
	from   int             // how much of it was expected already
	ended  chan struct{}
}

// terminal runs a docker command line at a terminal of a size in characters.
func (s stock) terminal(t *testing.T, rows, cols uint16, args ...string) *typist {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), stockWithin)
	t.Cleanup(cancel)
	return atTerminal(t, s.DockerCommand(ctx, args...), rows, cols)
}

// atTerminal runs a command line at a terminal of a size in characters.
func atTerminal(t *testing.T, cmd *exec.Cmd, rows, cols uint16) *typist {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("no terminals on this machine: %v", err)
	}
	t.Cleanup(func() { master.Close() })
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer slave.Close()
	p := &typist{t: t, cmd: cmd, master: master, ended: make(chan struct{})}
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = slave, slave, slave
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	p.resize(rows, cols)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go p.watch()
	return p
}

// watch keeps what the terminal shows.
func (p *typist) watch() {
	defer close(p.ended)
	buf := make([]byte, 4096)
	for {
		n, err := p.master.Read(buf)
		p.mu.Lock()
		p.seen.Write(buf[:n])
		p.mu.Unlock()
		if err != nil {
			return // EIO when the last program at the terminal has gone
		}
	}
}

// say types.
func (p *typist) say(text string) {
	p.t.Helper()
	if _, err := p.master.WriteString(text); err != nil {
		p.t.Fatal(err)
	}
}

// expect waits until the terminal shows text, after what was expected before.
func (p *typist) expect(text string) {
	p.t.Helper()
	deadline := time.Now().Add(stockWithin / 2)
	for {
		p.mu.Lock()
		shown := p.seen.String()[p.from:]
		at := strings.Index(shown, text)
		if at >= 0 {
			p.from += at + len(text)
		}
		p.mu.Unlock()
		if at >= 0 {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("%v: the terminal does not show %q but %q", p.cmd.Args, text, shown)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// resize changes the terminal's size.
func (p *typist) resize(rows, cols uint16) {
	p.t.Helper()
	if err := unix.IoctlSetWinsize(int(p.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: cols}); err != nil {
		p.t.Fatal(err)
	}
	if p.cmd.Process != nil {
		_ = p.cmd.Process.Signal(syscall.SIGWINCH)
	}
}

// wait returns the exit status of the command line.
func (p *typist) wait() int {
	p.t.Helper()
	_ = p.cmd.Wait()
	<-p.ended
	return p.cmd.ProcessState.ExitCode()
}
