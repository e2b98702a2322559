package process

import (
	"bytes"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// restAfter is when the pages of the program that only its start needed are given back.
const restAfter = 2 * time.Second

// pages are parts of this process's memory that hold the program as it is on disk.
type pages [][2]uintptr

// programPages finds them. They are never written, so that the kernel reads them again when they are needed.
func programPages() pages {
	table, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return nil
	}
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return nil
	}
	var found pages
	for line := range bytes.Lines(table) {
		fields := bytes.Fields(line)
		if len(fields) < 6 || string(fields[5]) != exe || fields[1][1] == 'w' {
			continue
		}
		from, to, _ := bytes.Cut(fields[0], []byte("-"))
		start, err1 := strconv.ParseUint(string(from), 16, 64)
		end, err2 := strconv.ParseUint(string(to), 16, 64)
		if err1 == nil && err2 == nil {
			found = append(found, [2]uintptr{uintptr(start), uintptr(end)})
		}
	}
	return found
}

// release takes the pages out of the process. One resolver is no great matter; all that a node runs is promised to be small.
func (p pages) release() {
	for _, r := range p {
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, r[0], r[1]-r[0], unix.MADV_DONTNEED)
	}
}
