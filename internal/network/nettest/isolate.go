package nettest

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const marker = "BAILEY_NETTEST_ISOLATED"

// TB is what the package needs of a testing.TB, without linking package testing into whatever links it.
type TB interface {
	Helper()
	Skip(args ...any)
	Fatal(args ...any)
	Cleanup(f func())
}

// Main is a TestMain that runs the whole test binary again in a fresh network namespace. Without the right to make one the
// tests run where they are, and those that call [Require] skip.
func Main(m interface{ Run() int }) {
	if os.Getenv(marker) != "" || fuzzing() || os.Geteuid() != 0 {
		os.Exit(m.Run())
	}
	runtime.LockOSThread() // Pdeathsig is about the thread
	child, err := os.StartProcess("/proc/self/exe", os.Args, &os.ProcAttr{
		Env:   append(os.Environ(), marker+"=1"),
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
		Sys:   &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		os.Exit(m.Run())
	}
	state, err := child.Wait()
	if err != nil {
		fmt.Fprintln(os.Stderr, "run the tests in a network namespace of their own:", err)
		os.Exit(1)
	}
	os.Exit(state.ExitCode())
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

// Require skips a test that is not in a network namespace of its own.
func Require(t TB) {
	t.Helper()
	if os.Getenv(marker) == "" {
		t.Skip("needs root and the right to make a network namespace")
	}
}

// NewNS makes an empty network namespace that lives until the test ends.
func NewNS(t TB) *os.File {
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
func In(t TB, netns *os.File, f func()) {
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
