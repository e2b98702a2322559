package daemon

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// lifeGC keeps the heap of a node small. Its live part is a few megabytes,
	// so that collecting more often costs next to nothing.
	lifeGC = 50

	// A node is idle when it used less than idleUse of a processor's time in
	// each of idleTurns turns.
	idleTurn  = time.Second
	idleTurns = 2
	idleUse   = 10 * time.Millisecond
)

// thrift gives memory back to the kernel each time that a node has become
// idle, until ctx ends.
func thrift(ctx context.Context) {
	ticker := time.NewTicker(idleTurn)
	defer ticker.Stop()
	select { // it collects at once, and whoever waits for the node to be ready need not wait for that
	case <-ctx.Done():
		return
	case <-ticker.C:
	}
	debug.SetGCPercent(lifeGC)
	before, still, given := processorTime(), 0, false
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := processorTime()
		if now-before >= idleUse {
			still, given = 0, false
		} else {
			still++
		}
		if still >= idleTurns && !given {
			debug.FreeOSMemory()
			_ = unmapProgram() // a saving and nothing more
			given, now = true, processorTime()
		}
		before = now
	}
}

// processorTime is what this process has used.
func processorTime() time.Duration {
	var use unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &use) // cannot fail
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// unmapProgram takes the program's own pages out of this process's memory.
// What is executed or read again comes back from the page cache, a few pages at
// a time; the initialisers of hundreds of packages do not.
func unmapProgram() error {
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return err
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(maps)) {
		fields := strings.Fields(line)
		// Only what can never have been written: it is as it is in the file.
		if len(fields) != 6 || fields[5] != exe || fields[1] != "r-xp" && fields[1] != "r--p" {
			continue
		}
		var from, to uintptr
		if _, err := fmt.Sscanf(fields[0], "%x-%x", &from, &to); err != nil {
			return err
		}
		if _, _, no := unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED); no != 0 {
			return no
		}
	}
	return nil
}
