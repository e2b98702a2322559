package harness

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Footprint counts what a node holds of the machine. A test compares two of them.
type Footprint struct {
	Files     int // open descriptors of the daemon
	Threads   int // of the daemon
	Mounts    int // in the daemon's mount namespace
	Cgroups   int // of the node, in all hierarchies
	Links     int // network interfaces where the node runs
	Processes int // supervisors, runtimes and containers
	RunDirs   int // directories of containers below DIR/run and DIR/containers
}

// Footprint counts what the node holds at this moment; the daemon must run.
func (n *Node) Footprint() (Footprint, error) {
	proc := filepath.Join("/proc", strconv.Itoa(n.Pid()))
	var f Footprint
	for dir, count := range map[string]*int{proc + "/fd": &f.Files, proc + "/task": &f.Threads} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return f, fmt.Errorf("the daemon's footprint: %w", err)
		}
		*count = len(entries)
	}
	mounts, err := os.ReadFile(proc + "/mountinfo")
	if err != nil {
		return f, fmt.Errorf("the daemon's footprint: %w", err)
	}
	f.Mounts = strings.Count(string(mounts), "\n")
	f.Cgroups, f.Processes = len(n.cgroups()), len(n.processes())
	for _, dir := range []string{"run", "containers"} {
		entries, _ := os.ReadDir(filepath.Join(n.Dir, dir)) // absent until the first container
		for _, entry := range entries {
			if len(entry.Name()) == 64 {
				f.RunDirs++
			}
		}
	}
	return f, n.Do(func() error {
		links, err := net.Interfaces()
		f.Links = len(links)
		return err
	})
}
