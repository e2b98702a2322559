package probe

import (
	"errors"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Bad is an address that no process has: a system call that gets it fails
// with EFAULT, after its permission was checked.
const Bad = ^uintptr(0) - 4095

// Call makes a system call and returns its error.
func Call(number uintptr, args ...uintptr) error {
	var a [6]uintptr
	copy(a[:], args)
	if _, _, errno := syscall.Syscall6(number, a[0], a[1], a[2], a[3], a[4], a[5]); errno != 0 {
		return errno
	}
	return nil
}

// Reached says that an attempt got past the check of its permission: these
// errors are given only afterwards. Other errors are returned as they are.
func Reached(err error, afterwards ...syscall.Errno) error {
	var errno syscall.Errno
	if errors.As(err, &errno) && slices.Contains(afterwards, errno) {
		return nil
	}
	return err
}

// Reaches is an attempt that is one system call, with the errors that the
// kernel gives only after it has checked the permission.
func Reaches(afterwards []syscall.Errno, name string, args ...uintptr) func() error {
	return func() error { return Reached(Sys(name, args...), afterwards...) }
}

// Socket is an attempt that opens a socket.
func Socket(family, kind, protocol int) func() error {
	return func() error {
		fd, err := syscall.Socket(family, kind, protocol)
		if err == nil {
			syscall.Close(fd)
		}
		return err
	}
}

// Readable is an attempt that opens a file and reads from it. An empty file
// tells nothing and counts as stopped.
func Readable(path string) func() error {
	return func() error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if n, err := f.Read(make([]byte, 64)); n == 0 {
			return errors.Join(errors.New(path+" is empty"), err)
		}
		return nil
	}
}

// Writable is an attempt that opens a file for writing, and writes nothing.
func Writable(path string) func() error {
	return func() error {
		fd, err := syscall.Open(path, syscall.O_WRONLY|syscall.O_CLOEXEC, 0)
		if err == nil {
			syscall.Close(fd)
		}
		return err
	}
}

// OnOneThread makes an attempt on a thread that ends with it, for calls that
// change the thread, or after which the kernel ends it: a filter that kills
// takes the thread of a foreign ABI, and leaves the process waiting for it.
func OnOneThread(attempt func() error) func() error {
	return func() error {
		result, begun := make(chan error, 1), make(chan int)
		go func() {
			runtime.LockOSThread() // and never unlocks: the thread dies with the goroutine
			begun <- syscall.Gettid()
			result <- attempt()
		}()
		thread := <-begun
		for {
			select {
			case err := <-result:
				return err
			case <-time.After(10 * time.Millisecond):
				if ended(thread) {
					return errors.New("killed: its thread")
				}
			}
		}
	}
}

// ended says that a thread of this process is no more. The first one stays as
// a zombie until the last has ended.
func ended(thread int) bool {
	stat, err := os.ReadFile("/proc/self/task/" + strconv.Itoa(thread) + "/stat")
	_, state, _ := strings.Cut(string(stat), ") ")
	return errors.Is(err, os.ErrNotExist) || strings.HasPrefix(state, "Z")
}

// Number is a system call's, on this architecture.
func Number(name string) (uintptr, bool) {
	number, ok := numbers[name]
	return number, ok
}

// Sys makes the system call of that name. One that this architecture does not
// have cannot be tried.
func Sys(name string, args ...uintptr) error {
	number, ok := numbers[name]
	if !ok {
		return Untried("%s has no system call %s", runtime.GOARCH, name)
	}
	return Call(number, args...)
}
