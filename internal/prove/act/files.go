package act

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// attribute prints an extended attribute of a file, in hexadecimal.
func attribute(args []string, w io.Writer) error {
	value := make([]byte, 4096)
	n, err := syscall.Getxattr(args[0], args[1], value)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%x\n", value[:n])
	return err
}

// stat prints a file's mode, owner, group and device number, without
// following a link at its end.
func stat(args []string, w io.Writer) error {
	var st syscall.Stat_t
	if err := syscall.Lstat(args[0], &st); err != nil {
		return &os.PathError{Op: "lstat", Path: args[0], Err: err}
	}
	_, err := fmt.Fprintf(w, "%o %d %d %d\n", st.Mode, st.Uid, st.Gid, st.Rdev)
	return err
}

// say writes a text so many times to the standard output of the container's
// first process, where the log takes it up.
func say(args []string, _ io.Writer) error {
	times, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	f, err := os.OpenFile("/proc/1/fd/1", os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.WriteString(f, strings.Repeat(args[0], times))
	return err
}

// link makes a symbolic link.
func link(args []string, _ io.Writer) error { return os.Symlink(args[0], args[1]) }

// remove removes a file or a link, where there is one.
func remove(args []string, _ io.Writer) error {
	if err := os.Remove(args[0]); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// cwd prints the directory that it is in, as the kernel calls it.
func cwd(_ []string, w io.Writer) error {
	path, err := os.Readlink("/proc/self/cwd")
	fmt.Fprintln(w, path)
	return err
}

// ipcCreate has shmget(2) make what is not there. Source: linux/ipc.h.
const ipcCreate = 0o1000

// shm finds shared memory by a key; with a size other than 0 it makes it. It
// goes with the container's namespace.
func shm(args []string, w io.Writer) error {
	key, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	size, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	flags := 0o600
	if size > 0 {
		flags |= ipcCreate
	}
	id, _, errno := syscall.Syscall(syscall.SYS_SHMGET, uintptr(key), uintptr(size), uintptr(flags))
	if errno != 0 {
		return os.NewSyscallError("shmget", errno)
	}
	_, err = fmt.Fprintln(w, id)
	return err
}
