package harness

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Name is the node's short name, from which its control groups and its firewall table have theirs.
func (n *Node) Name() string { return nodeName(n.Dir) }

// Leftovers lists what of the node is on the machine although no daemon and no container of it runs: processes,
// control groups, mounts. It is empty when the node has cleaned up.
func (n *Node) Leftovers() []string {
	var left []string
	for _, p := range n.processes() {
		left = append(left, fmt.Sprintf("process %d (%s)", p, command(p)))
	}
	for _, dir := range n.cgroups() {
		if rel := strings.Split(dir, "/bailey-"); !strings.Contains(rel[len(rel)-1], "/") {
			continue // the node's own group, which stays while the node exists
		}
		if strings.HasSuffix(dir, "/supervisors") {
			continue
		}
		left = append(left, "control group "+dir)
	}
	return append(left, n.mounts()...)
}

// sweep removes what a stopped node left on the machine and reports it.
func (n *Node) sweep() error {
	// A supervisor ends a moment after its container was removed.
	deadline := time.Now().Add(5 * time.Second)
	left := n.Leftovers()
	for len(left) > 0 && time.Now().Before(deadline) {
		time.Sleep(20 * time.Millisecond)
		left = n.Leftovers()
	}
	for _, pid := range n.processes() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	n.removeGroups(time.Second)
	for _, mount := range n.mounts() {
		_ = syscall.Unmount(strings.TrimPrefix(mount, "mount "), syscall.MNT_DETACH)
	}
	if len(left) > 0 {
		return fmt.Errorf("the node left behind: %s", strings.Join(left, "; "))
	}
	return nil
}

// removeGroups removes the node's control groups. Processes that have ended stay in theirs until their parents know.
func (n *Node) removeGroups(within time.Duration) {
	groups := n.cgroups()
	slices.Reverse(groups) // children before parents
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		busy := false
		for _, dir := range groups {
			if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
				busy = true
			}
		}
		if !busy {
			return
		}
	}
}

// Supervisors are the node's supervisors, of which each running container has one.
func (n *Node) Supervisors() []int { return n.programs("bailey-supervisor") }

// Resolvers are the processes that answer the containers' DNS queries: one, but for a moment of an upgrade.
func (n *Node) Resolvers() []int { return n.programs("bailey-resolver") }

// programs are the node's processes that execute one of the programs that it carries.
func (n *Node) programs(name string) []int {
	var found []int
	for _, pid := range n.processes() {
		if exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); filepath.Base(strings.TrimSuffix(exe, " (deleted)")) == name {
			found = append(found, pid)
		}
	}
	return found
}

// processes are those that belong to the node without being its daemon: programs that were started from its
// directory (supervisors, the OCI runtime) and whatever is in its control groups.
func (n *Node) processes() []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var found []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == n.Pid() {
			continue
		}
		// A process that has ended and waits for its parent holds nothing; it has no program any more.
		exe, err := os.Readlink(filepath.Join("/proc", entry.Name(), "exe"))
		if err != nil {
			continue
		}
		groups, _ := os.ReadFile(filepath.Join("/proc", entry.Name(), "cgroup"))
		if strings.HasPrefix(exe, n.Dir+"/") || strings.Contains(string(groups), "/bailey-"+n.Name()+"/") {
			found = append(found, pid)
		}
	}
	return found
}

// cgroups are the node's control groups in every hierarchy, parents before children.
func (n *Node) cgroups() []string {
	var found []string
	for _, pattern := range []string{"/sys/fs/cgroup/bailey-", "/sys/fs/cgroup/*/bailey-"} {
		tops, err := filepath.Glob(pattern + n.Name())
		if err != nil {
			continue
		}
		for _, top := range tops {
			_ = filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
				if err == nil && entry.IsDir() {
					found = append(found, path)
				}
				return nil
			})
		}
	}
	return found
}

// mounts are those below the node's directory that this process can see; the node should keep its own to itself.
func (n *Node) mounts() []string {
	table, err := os.ReadFile("/proc/thread-self/mountinfo")
	if err != nil {
		return nil
	}
	var found []string
	for line := range strings.Lines(string(table)) {
		if fields := strings.Fields(line); len(fields) > 4 && strings.HasPrefix(fields[4], n.Dir+"/") {
			found = append(found, "mount "+fields[4])
		}
	}
	slices.Reverse(found)
	return found
}

// command is a process's command line, cut.
func command(pid int) string {
	line, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	return fmt.Sprintf("%.80s", strings.ReplaceAll(strings.TrimRight(string(line), "\x00"), "\x00", " "))
}

// nodeName derives a node's short name from its directory as the daemon does.
func nodeName(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return hex.EncodeToString(sum[:4])
}
