package nettest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const marker = "BAILEY_NETTEST_ISOLATED"

// Main is a TestMain that runs the whole test binary again in a fresh network namespace. Without the right to make one the
// tests run where they are, and those that call [Require] skip.
func Main(m *testing.M) {
	if os.Getenv(marker) != "" || !possible() || fuzzing() {
		os.Exit(m.Run())
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), marker+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread() // Pdeathsig is about the thread
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		os.Exit(exit.ExitCode())
	case err != nil:
		fmt.Fprintln(os.Stderr, "run the tests in a network namespace of their own:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// fuzzing reports whether this process is the coordinator or a worker of go test -fuzz, which talk over inherited files.
func fuzzing() bool {
	for _, a := range os.Args {
		if strings.HasPrefix(a, "-test.fuzz=") || strings.HasPrefix(a, "-test.fuzzworker") {
			return true
		}
	}
	return false
}

// possible reports whether a child in a network namespace of its own can be made here.
func possible() bool {
	cmd := exec.Command("/proc/self/exe", "-test.run=^$", "-test.list=^$")
	cmd.Env = append(os.Environ(), marker+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	return os.Geteuid() == 0 && cmd.Run() == nil
}

// Require skips a test that is not in a network namespace of its own.
func Require(t testing.TB) {
	t.Helper()
	if os.Getenv(marker) == "" {
		t.Skip("needs root and the right to make a network namespace")
	}
}

// NewNS makes an empty network namespace that lives until the test ends.
func NewNS(t testing.TB) *os.File {
	t.Helper()
	Require(t)
	f, err := OpenNS()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// OpenNS makes an empty network namespace that lives as long as the file.
func OpenNS() (*os.File, error) {
	var f *os.File
	err := onThread(func() (err error) {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("make a network namespace: %w", err)
		}
		f, err = os.Open("/proc/thread-self/ns/net")
		return err
	})
	return f, err
}

// In runs f on a thread that is in a network namespace. Sockets that f makes stay there.
func In(t testing.TB, netns *os.File, f func()) {
	t.Helper()
	err := onThread(func() error {
		if err := unix.Setns(int(netns.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter a network namespace: %w", err)
		}
		f()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// onThread runs f on a thread that ends afterwards, so that whatever f does to its thread is done to no other.
func onThread(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the runtime ends the thread with the goroutine
		done <- f()
	}()
	return <-done
}
