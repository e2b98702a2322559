package probes

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/bailey-run/bailey/internal/prove/probe"
)

func rootFilesystem() []probe.Probe {
	return of("root-filesystem",
		probe.Probe{ID: "create", Tries: "add a file to the image", As: probe.Root, Attempt: create("/")},
		probe.Probe{ID: "create-in-etc", Tries: "add a file to /etc", As: probe.Root, Attempt: create("/etc")},
		probe.Probe{ID: "replace-program", Tries: "open a program of the image for writing", As: probe.Root,
			Attempt: probe.Writable("/etc/passwd")},
	)
}

// create makes a file in a directory, and removes it.
func create(dir string) func() error {
	return func() error {
		f, err := os.CreateTemp(dir, ".probe-")
		if err != nil {
			return err
		}
		return errors.Join(f.Close(), os.Remove(f.Name()))
	}
}

// temporary are the places in memory that every container can write to.
var temporary = []string{"/tmp", "/run", "/var/tmp", "/dev/shm"}

func temporarySpace() []probe.Probe {
	return of("temporary-space",
		probe.Probe{ID: "fill-tmp", Tries: "write more than 64 MiB to /tmp", As: probe.Root, Alone: true, Attempt: func() error { return fill("/tmp", 80<<20) }},
		probe.Probe{ID: "inodes-tmp", Tries: "make more than 16,384 files in /tmp", As: probe.Root, Alone: true, Attempt: func() error { return many("/tmp", 20_000) }},
	)
}

// fill writes a file of a size, and removes it.
func fill(dir string, size int) error {
	f, err := os.CreateTemp(dir, "fill-")
	if err != nil {
		return probe.Untried("%w", err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	piece := make([]byte, 1<<20)
	for ; size > 0; size -= len(piece) {
		if _, err := f.Write(piece); err != nil {
			return err
		}
	}
	return nil
}

// many makes empty files, and removes them.
func many(dir string, count int) error {
	home, err := os.MkdirTemp(dir, "many-")
	if err != nil {
		return probe.Untried("%w", err)
	}
	defer os.RemoveAll(home)
	for i := range count {
		fd, err := syscall.Open(fmt.Sprint(home, "/", i), syscall.O_CREAT|syscall.O_WRONLY|syscall.O_CLOEXEC, 0o600)
		if err != nil {
			return err
		}
		syscall.Close(fd)
	}
	return nil
}

func mountOptions() []probe.Probe {
	var list []probe.Probe
	for _, dir := range temporary {
		name := filepath.Base(dir)
		if dir == "/var/tmp" {
			name = "var-tmp"
		}
		list = append(list, probe.Probe{ID: "execute-in-" + name, Tries: "run a program that was written to " + dir, As: probe.Root,
			Twin: probe.Twin{Host: dir == "/dev/shm"}, Attempt: func() error { return executeIn(dir) }}) // no option of a container changes /dev/shm
	}
	return of("mount-options", append(list, newCode()...)...)
}

// executeIn runs a copy of this very program from a directory.
func executeIn(dir string) error {
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return probe.Untried("%w", err)
	}
	copied := filepath.Join(dir, fmt.Sprint("program-", os.Getpid()))
	if err := os.WriteFile(copied, self, 0o755); err != nil {
		return probe.Untried("%w", err)
	}
	defer os.Remove(copied)
	child, err := os.StartProcess(copied, []string{copied}, &os.ProcAttr{})
	if err != nil {
		return err
	}
	_, err = child.Wait()
	return err
}
