package e2e

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/moby/moby/client"

	"github.com/bailey-run/bailey/test/harness"
)

// holdings is what a node holds of the machine.
type holdings struct {
	harness.Footprint
	Claims, Rules int // ranges of user ids; rules and set elements in the firewall
}

// TestCycles lives many lives, four at once, and compares what the node holds before and after. BAILEY_CYCLES says how many.
func TestCycles(t *testing.T) {
	cycles := number(t, "BAILEY_CYCLES", 1000)
	node := harness.New(t, harness.Options{})
	live := func(count int) {
		var next atomic.Int64
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				for n := next.Add(1); n <= int64(count) && !t.Failed(); n = next.Add(1) {
					if err := cycle(t, node, fmt.Sprintf("cycle-%d", n)); err != nil {
						t.Errorf("cycle %d: %v", n, err)
					}
				}
			})
		}
		group.Wait()
	}
	live(12) // caches, connections and pools have their size after that
	before := settled(t, node)
	begun := time.Now()
	live(cycles)
	t.Logf("%d lives in %v", cycles, time.Since(begun).Round(time.Millisecond))
	// A pool may be refilled and a connection be idle at one moment and not at the other.
	var after holdings
	eventually(t, 20*time.Second, "the node holds what it held before", func() bool {
		after = settled(t, node)
		ok := !grown(before, after)
		if !ok {
			t.Logf("before %+v\nafter  %+v", before, after)
		}
		return ok
	})
	t.Logf("before %+v\nafter  %+v", before, after)
	if goroutines := dump(t, node); goroutines > 60 {
		t.Errorf("the idle daemon has %d goroutines", goroutines)
	} else {
		t.Logf("the idle daemon has %d goroutines", goroutines)
	}
	if err := node.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// cycle is one life.
func cycle(t *testing.T, node *harness.Node, name string) error {
	options := shell(name, "sleep 1000")
	options.Config.StopSignal = "SIGKILL"
	made, err := node.Client.ContainerCreate(t.Context(), options)
	if err != nil {
		return err
	}
	if _, err := node.Client.ContainerStart(t.Context(), made.ID, client.ContainerStartOptions{}); err != nil {
		return err
	}
	if _, err := node.Client.ContainerStop(t.Context(), made.ID, client.ContainerStopOptions{}); err != nil {
		return err
	}
	_, err = node.Client.ContainerRemove(t.Context(), made.ID, client.ContainerRemoveOptions{})
	return err
}

// grown tells whether a node holds more than before. Threads are made by Go when many system calls block at once, and stay.
func grown(before, after holdings) bool {
	const slack, threads = 2, 12
	return after.Files > before.Files+slack || after.Threads > before.Threads+threads || after.Mounts > before.Mounts ||
		after.Cgroups > before.Cgroups || after.Links > before.Links || after.Processes > before.Processes ||
		after.RunDirs > before.RunDirs || after.Claims > before.Claims || after.Rules > before.Rules
}

// settled is what a node holds when that has not changed for a while: its pool is full.
func settled(t *testing.T, node *harness.Node) holdings {
	t.Helper()
	last, since := holdings{}, time.Now()
	deadline := since.Add(20 * time.Second)
	for time.Since(since) < 500*time.Millisecond {
		if time.Now().After(deadline) {
			t.Fatalf("the node does not come to rest: %+v", last)
		}
		time.Sleep(20 * time.Millisecond)
		footprint, err := node.Footprint()
		if err != nil {
			t.Fatal(err)
		}
		now := holdings{Footprint: footprint, Claims: claims(t, node), Rules: rules(t, node)}
		if now != last {
			last, since = now, time.Now()
		}
	}
	return last
}

// rules counts the rules and the elements of sets in the network namespace of a node.
func rules(t *testing.T, node *harness.Node) int {
	t.Helper()
	count := 0
	err := node.Do(func() error {
		conn, err := nftables.New()
		if err != nil {
			return err
		}
		tables, err := conn.ListTables()
		if err != nil {
			return err
		}
		chains, err := conn.ListChains()
		if err != nil {
			return err
		}
		for _, chain := range chains {
			found, err := conn.GetRules(chain.Table, chain)
			if err != nil {
				return err
			}
			count += len(found)
		}
		for _, table := range tables {
			sets, err := conn.GetSets(table)
			if err != nil {
				return err
			}
			for _, set := range sets {
				elements, err := conn.GetSetElements(set)
				if err != nil {
					return err
				}
				count += len(elements)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return count
}

// dump ends the daemon with SIGQUIT, which makes Go print every goroutine, and counts them.
func dump(t *testing.T, node *harness.Node) int {
	t.Helper()
	said := len(node.Log())
	if err := syscall.Kill(node.Pid(), syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "the daemon ends", func() bool { return !node.Running() })
	log := node.Log()
	count := strings.Count(log[min(said, len(log)):], "\ngoroutine ")
	if count == 0 {
		t.Fatal("the daemon printed no goroutines")
	}
	return count
}

// traces lists what is on the machine under a node's name: files, control groups, interfaces, firewall tables.
func traces(t *testing.T, node *harness.Node) []string {
	t.Helper()
	var found []string
	for _, pattern := range []string{node.Dir, "/sys/fs/cgroup/bailey-" + node.Name(), "/sys/fs/cgroup/*/bailey-" + node.Name()} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, paths...)
	}
	err := node.Do(func() error {
		links, err := net.Interfaces()
		if err != nil {
			return err
		}
		for _, link := range links {
			if link.Name != "lo" { // the room had no other
				found = append(found, "interface "+link.Name)
			}
		}
		conn, err := nftables.New()
		if err != nil {
			return err
		}
		tables, err := conn.ListTables()
		for _, table := range tables {
			if strings.Contains(table.Name, node.Name()) {
				found = append(found, "firewall table "+table.Name)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
