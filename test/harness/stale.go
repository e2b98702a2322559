package harness

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// basePattern is how the directories of nodes with temporary directories are called.
const basePattern = "bailey-node-"

// removeStaleOnce is removeStale, once in each program.
var removeStaleOnce = sync.OnceValue(removeStale)

// removeStale removes the nodes of programs that were killed before they could: a test that timed out, for instance.
func removeStale() error {
	bases, err := filepath.Glob(filepath.Join(os.TempDir(), basePattern+"*"))
	if err != nil {
		return err
	}
	var failed []error
	for _, base := range bases {
		text, err := os.ReadFile(filepath.Join(base, "owner"))
		if err != nil || len(text) == 0 || alive(strings.TrimSpace(string(text))) {
			continue
		}
		n := &Node{Dir: filepath.Join(base, "node")}
		_ = n.sweep() // what it finds is the doing of whoever killed the program
		failed = append(failed, os.RemoveAll(base))
	}
	return errors.Join(failed...)
}

// self is this process as alive knows it.
func self() string { return fmt.Sprintf("%d %s", os.Getpid(), startOf(os.Getpid())) }

// alive tells whether the process that wrote owner with self still runs.
func alive(owner string) bool {
	pid, start, _ := strings.Cut(owner, " ")
	number, err := strconv.Atoi(pid)
	return err == nil && start != "" && startOf(number) == start
}

// startOf is when a process started, in clock ticks since boot (proc(5), stat, field 22): with its number it is unique. It is
// empty for a process that is gone.
func startOf(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	// The second field is the program's name in brackets and may hold anything.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 20 {
		return ""
	}
	return fields[19]
}
