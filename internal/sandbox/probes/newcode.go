package probes

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"github.com/bailey-run/bailey/internal/prove/probe"
)

// Flags of memfd_create(2) and execveat(2).
const (
	mfdExec     = 0x10
	atEmptyPath = 0x1000
)

// newCode are the ways to run a program from a mount that is not the image's,
// beside starting it by its name.
func newCode() []probe.Probe {
	return []probe.Probe{
		{ID: "map-in-tmp", Tries: "map a file of /tmp to be executed, as `ld.so /tmp/program` does", Source: "ld.so(8)",
			Attempt: inTmp(func(f *os.File) error { return mapped(f, syscall.PROT_READ|syscall.PROT_EXEC) })},
		{ID: "protect-in-tmp", Tries: "map a file of /tmp, and make it executable afterwards", Source: "mprotect(2)", Attempt: inTmp(protected)},
		{ID: "execute-by-descriptor", Tries: "execute a file of /tmp by its descriptor", Source: "fexecve(3)", Attempt: inTmp(byProc)},
		{ID: "execveat-in-tmp", Tries: "execute a file of /tmp by execveat", Source: "execveat(2)", Attempt: inTmp(byExecveat)},
		{ID: "execute-deleted", Tries: "execute a file of /tmp that has no name any more", Source: "CVE-2019-5736", Attempt: inTmp(func(f *os.File) error {
			return errors.Join(os.Remove(f.Name()), byProc(f))
		})},
		{ID: "script-in-tmp", Tries: "execute a script of /tmp by its #! line", Source: "execve(2)", Attempt: script},
		{ID: "another-mount", Tries: "find a directory for writing, beside the image, that lets programs run", As: probe.Root, Attempt: executable},
	}
}

func memoryFiles() []probe.Probe {
	return of("memory-files",
		probe.Probe{ID: "execute", Tries: "execute a file that exists in memory only", Source: "memfd_create(2)", Attempt: inMemory(0, byProc)},
		probe.Probe{ID: "execveat", Tries: "execute a file in memory by execveat, without /proc", Source: "execveat(2)", Attempt: inMemory(0, byExecveat)},
		probe.Probe{ID: "ask-for-exec", Tries: "make a file in memory that is to be executed (MFD_EXEC)", Source: "memfd_create(2)", Attempt: inMemory(mfdExec, byProc)},
		probe.Probe{ID: "change-mode", Tries: "make a file in memory executable by its mode", Source: "F_SEAL_EXEC in fcntl(2)", Attempt: inMemory(0, func(f *os.File) error {
			if err := f.Chmod(0o755); err != nil {
				return err
			}
			return byProc(f)
		})},
		probe.Probe{ID: "lower", Tries: "open the setting that keeps files in memory from being executed", As: probe.Root,
			Twin: probe.Twin{Host: true}, Attempt: probe.Writable("/proc/sys/vm/memfd_noexec")},
	)
}

// inTmp gives an attempt a copy of this program in /tmp, open for reading.
func inTmp(attempt func(*os.File) error) func() error {
	return func() error {
		self, err := os.ReadFile("/proc/self/exe")
		if err != nil {
			return probe.Untried("%w", err)
		}
		path := filepath.Join("/tmp", fmt.Sprint("code-", os.Getpid()))
		defer os.Remove(path)
		if err := os.WriteFile(path, self, 0o755); err != nil {
			return probe.Untried("%w", err)
		}
		f, err := os.Open(path)
		if err != nil {
			return probe.Untried("%w", err)
		}
		defer f.Close()
		return attempt(f)
	}
}

// inMemory gives an attempt a copy of this program in memory, open for reading:
// a file that is open for writing is not executed anyway.
func inMemory(flags uintptr, attempt func(*os.File) error) func() error {
	return func() error {
		self, err := os.ReadFile("/proc/self/exe")
		if err != nil {
			return probe.Untried("%w", err)
		}
		w, err := memfd(flags)
		if err != nil {
			return err
		}
		defer w.Close()
		if _, err := w.Write(self); err != nil {
			return probe.Untried("%w", err)
		}
		r, err := os.Open("/proc/self/fd/" + strconv.Itoa(int(w.Fd())))
		if err != nil {
			return err
		}
		defer r.Close()
		if err := w.Close(); err != nil {
			return probe.Untried("%w", err)
		}
		return attempt(r)
	}
}

// memfd makes a file in memory.
func memfd(flags uintptr) (*os.File, error) {
	name, _ := syscall.BytePtrFromString("code")
	number, ok := probe.Number("memfd_create")
	if !ok {
		return nil, probe.Untried("no memfd_create on this architecture")
	}
	fd, _, errno := syscall.Syscall(number, uintptr(unsafe.Pointer(name)), flags, 0)
	if errno != 0 {
		return nil, os.NewSyscallError("memfd_create", errno)
	}
	return os.NewFile(fd, "memory"), nil
}

// byProc becomes the program in a file, by its name in /proc.
func byProc(f *os.File) error {
	return os.NewSyscallError("execve", syscall.Exec("/proc/self/fd/"+strconv.Itoa(int(f.Fd())), reborn, nil))
}

// byExecveat becomes the program in a file, by its descriptor alone.
func byExecveat(f *os.File) error {
	empty, _ := syscall.BytePtrFromString("")
	argv, err := syscall.SlicePtrFromStrings(reborn)
	if err != nil {
		return probe.Untried("%w", err)
	}
	env := []*byte{nil}
	return os.NewSyscallError("execveat", probe.Sys("execveat", f.Fd(), uintptr(unsafe.Pointer(empty)),
		uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&env[0])), atEmptyPath))
}

// reborn are the arguments with which a program that was executed says so.
var reborn = []string{"bailey-probe", probe.Reborn}

// script executes a script whose interpreter is this program.
func script() error {
	path := filepath.Join("/tmp", fmt.Sprint("script-", os.Getpid()))
	defer os.Remove(path)
	if err := os.WriteFile(path, []byte("#!/proc/self/exe "+probe.Reborn+"\n"), 0o755); err != nil {
		return probe.Untried("%w", err)
	}
	return os.NewSyscallError("execve", syscall.Exec(path, []string{path}, nil))
}

// mapped maps a page of a file.
func mapped(f *os.File, protection int) error {
	page, err := syscall.Mmap(int(f.Fd()), 0, os.Getpagesize(), protection, syscall.MAP_PRIVATE)
	if err != nil {
		return os.NewSyscallError("mmap", err)
	}
	return syscall.Munmap(page)
}

// protected maps a page of a file for reading, and then wants to execute it.
func protected(f *os.File) error {
	page, err := syscall.Mmap(int(f.Fd()), 0, os.Getpagesize(), syscall.PROT_READ, syscall.MAP_PRIVATE)
	if err != nil {
		return probe.Untried("%w", err)
	}
	defer func() { _ = syscall.Munmap(page) }()
	return os.NewSyscallError("mprotect", syscall.Mprotect(page, syscall.PROT_READ|syscall.PROT_EXEC))
}

// executable looks for a directory that is mounted for writing, beside the
// image's root, and lets programs run. What is mounted on a single file is the
// engine's: devices, masks, its own init.
func executable() error {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return probe.Untried("%w", err)
	}
	for line := range strings.SplitSeq(strings.TrimSpace(string(table)), "\n") {
		f := strings.Fields(line) // see proc_pid_mountinfo(5)
		if len(f) < 6 || f[4] == "/" || !strings.HasPrefix(f[5], "rw") || strings.Contains(","+f[5]+",", ",noexec,") {
			continue
		}
		if st, err := os.Stat(f[4]); err != nil || st.IsDir() {
			return nil
		}
	}
	return errors.New("every mount for writing is noexec")
}
