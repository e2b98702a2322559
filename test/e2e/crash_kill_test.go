package e2e

import (
	"context"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/bailey-run/bailey/test/harness"
)

// counting writes numbers for as long as it lives.
const counting = `i=0; while :; do echo $i; i=$((i+1)); sleep 0.05; done`

// TestDaemonKilled kills the daemon with SIGKILL at random moments, also while it starts, while clients create, start, enter,
// stop and remove containers. What was acknowledged must still be so afterwards. BAILEY_KILLS says how often.
func TestDaemonKilled(t *testing.T) {
	kills := number(t, "BAILEY_KILLS", 200)
	node := harness.New(t, harness.Options{})
	var counters []lived
	for _, name := range []string{"counter-a", "counter-b"} {
		id := launch(t, node, shell(name, counting))
		got := inspect(t, node, id)
		counters = append(counters, lived{id: id, name: name, pid: got.State.Pid, started: got.State.StartedAt})
	}
	t.Cleanup(func() { // however it ended: what is left is judged with a daemon that had its chance to clean up
		if !node.Running() {
			_ = node.Up(context.Background())
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	var workers sync.WaitGroup
	defer workers.Wait()
	defer cancel()
	var clients []*crashClient
	work := func(name string, step func(*crashClient, int)) {
		c := &crashClient{t: t, ctx: ctx, node: node, name: name}
		clients = append(clients, c)
		workers.Go(func() {
			for i := 0; ctx.Err() == nil && !t.Failed(); i++ {
				step(c, i)
			}
		})
	}
	work("life-1", (*crashClient).life)
	work("life-2", (*crashClient).life)
	work("ender", (*crashClient).end)
	work("vanisher", (*crashClient).vanish)
	work("reader", func(c *crashClient, _ int) { c.follow(counters[0].id) })

	killRepeatedly(t, node, kills, counters)
	cancel()
	workers.Wait()
	for _, c := range clients {
		t.Logf("%s: %d rounds, %d answers, %d requests without an answer", c.name, c.rounds, c.answers, c.unknown)
		if c.rounds == 0 {
			t.Errorf("%s did not finish one round", c.name)
		}
	}
	for _, c := range counters {
		c.check(t, node)
		checkCount(t, node, c.id)
	}
	checkAfterKills(t, node, len(counters))
}

// killRepeatedly kills the daemon and starts it again.
func killRepeatedly(t *testing.T, node *harness.Node, kills int, counters []lived) {
	t.Helper()
	begun, early := time.Now(), 0
	if err := node.Kill(); err != nil {
		t.Fatal(err)
	}
	for i := 1; i < kills; i++ {
		if t.Failed() {
			t.FailNow()
		}
		if i%4 == 3 { // while it starts
			early++
			short, cancel := context.WithTimeout(t.Context(), rand.N(80*time.Millisecond))
			_ = node.Up(short)
			cancel()
		} else {
			if err := node.Up(t.Context()); err != nil {
				t.Fatalf("after %d kills: %v", i, err)
			}
			if i%10 == 0 {
				for _, c := range counters {
					c.check(t, node)
				}
			}
			time.Sleep(rand.N(350 * time.Millisecond))
		}
		if err := node.Kill(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(rand.N(40 * time.Millisecond))
	}
	if err := node.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d kills in %v, %d of them before the daemon was ready", kills, time.Since(begun).Round(time.Millisecond), early)
}

// lived is a container that must go on living as the same process.
type lived struct {
	id, name, started string
	pid               int
}

func (l lived) check(t *testing.T, node *harness.Node) {
	t.Helper()
	got := inspect(t, node, l.name)
	if got.ID != l.id || !got.State.Running || got.State.Pid != l.pid || got.State.StartedAt != l.started {
		t.Errorf("%s was process %d since %s and is now %+v", l.name, l.pid, l.started, got.State)
	}
}

// checkCount reads a counter's log, in which no number may be missing or be there twice.
func checkCount(t *testing.T, node *harness.Node, id string) {
	t.Helper()
	text, err := logged(t.Context(), node, id)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) < 10 {
		t.Fatalf("the counter wrote %d lines", len(lines))
	}
	for i, line := range lines {
		if line != strconv.Itoa(i) {
			t.Fatalf("line %d of %d of the counter's log is %q", i, len(lines), line)
		}
	}
	t.Logf("counter: %d lines, none missing", len(lines))
}

// checkAfterKills looks for what the killed daemons may have left: containers that nobody has, ranges of ids, links.
func checkAfterKills(t *testing.T, node *harness.Node, live int) {
	t.Helper()
	list, err := node.Client.ContainerList(t.Context(), client.ContainerListOptions{All: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list.Items {
		// Those of the last, unfinished rounds may be there.
		if name := strings.TrimPrefix(c.Names[0], "/"); !strings.HasPrefix(name, "counter-") && !strings.HasSuffix(name, "-last") {
			if _, err := node.Client.ContainerRemove(t.Context(), c.ID, client.ContainerRemoveOptions{Force: true}); err != nil {
				t.Errorf("removing %s: %v", name, err)
			}
		}
	}
	const pool = 8 // what the node keeps ready
	eventually(t, 10*time.Second, "the node holds no more than its live containers and its pool need", func() bool {
		f, err := node.Footprint()
		if err != nil {
			t.Fatal(err)
		}
		held := claims(t, node)
		ok := held <= live+pool && f.RunDirs <= 2*live && len(node.Supervisors()) == live && f.Links <= 2+live+pool
		if !ok {
			t.Logf("%d claims of ids, %d supervisors, %+v", held, len(node.Supervisors()), f)
			time.Sleep(500 * time.Millisecond)
		}
		return ok
	})
}
