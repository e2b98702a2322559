package idrange

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// envClaim makes the re-executed test binary claim and release as a node:
// "dir\x1fnode".
const envClaim = "BAILEY_IDRANGE_TEST_CLAIM"

func TestMain(m *testing.M) {
	if s := os.Getenv(envClaim); s != "" {
		dir, node, _ := strings.Cut(s, "\x1f")
		claimAndRelease(dir, node)
		return
	}
	os.Exit(m.Run())
}

func open(t testing.TB, dir, node string) *Claims {
	t.Helper()
	c, err := Open(dir, node)
	if err != nil {
		t.Fatal(err)
	}
	c.subids = nil
	c.proc = t.TempDir()
	return c
}

// reopen is a node's restart.
func reopen(t testing.TB, c *Claims) *Claims {
	t.Helper()
	again := open(t, c.dir, c.node)
	again.proc = c.proc
	return again
}

func claim(t testing.TB, c *Claims) uint32 {
	t.Helper()
	base, err := c.Claim()
	if err != nil {
		t.Fatal(err)
	}
	return base
}

func TestClaimReleaseList(t *testing.T) {
	dir := t.TempDir() + "/ids"
	a, b := open(t, dir, "/a"), open(t, dir, "/b")
	first, second := claim(t, a), claim(t, a)
	other := claim(t, b)
	if first == second || first == other || second == other {
		t.Errorf("shared: %d %d %d", first, second, other)
	}
	want := []uint32{first, second}
	slices.Sort(want)
	if got, err := a.List(); err != nil || !slices.Equal(got, want) {
		t.Errorf("list: %v %v, want %v", got, err, want)
	}
	if err := a.Release(other); err == nil {
		t.Error("a node released another's range")
	}
	if err := a.Release(first); err != nil {
		t.Error(err)
	}
	if err := a.Release(first); err == nil {
		t.Error("released twice")
	}
	for _, base := range []uint32{first, second, other} {
		if base < Base || base >= 0x80000000 || (base-Base)%Size != 0 {
			t.Errorf("range at %d", base)
		}
	}
}

func TestClaimAll(t *testing.T) {
	c := open(t, t.TempDir(), "/a")
	seen := make(map[uint32]bool)
	for range Slots {
		seen[claim(t, c)] = true
	}
	if len(seen) != Slots {
		t.Errorf("%d different ranges of %d", len(seen), Slots)
	}
	if _, err := c.Claim(); !errors.Is(err, ErrExhausted) {
		t.Errorf("one more: %v", err)
	}
	any := Base + 17*Size
	if err := c.Release(any); err != nil {
		t.Fatal(err)
	}
	if got := claim(t, c); got != any {
		t.Errorf("%d, want the one that was released, %d", got, any)
	}
}

func TestClaimAvoidsSubids(t *testing.T) {
	c := open(t, t.TempDir(), "/a")
	file := t.TempDir() + "/subuid"
	// All but slots 5 and 9; entries touch the ends of both.
	text := fmt.Sprintf("# comment:1:2\nbroken\nalice:%d:%d\nbob:%d:%d\n1000:%d:4294967295\nneg:-5:3\n",
		Base, 5*Size, Base+6*Size, 3*Size, Base+10*Size)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c.subids = []string{t.TempDir() + "/missing", file}
	got := []uint32{claim(t, c), claim(t, c)}
	slices.Sort(got)
	if got[0] != Base+5*Size || got[1] != Base+9*Size {
		t.Errorf("claimed %v", got)
	}
	if _, err := c.Claim(); !errors.Is(err, ErrExhausted) {
		t.Errorf("a third: %v", err)
	}
	if err := os.WriteFile(file, make([]byte, maxSubids+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Claim(); err == nil || errors.Is(err, ErrExhausted) {
		t.Errorf("an endless file: %v", err)
	}
}

func TestReclaim(t *testing.T) {
	dir, here := t.TempDir(), t.TempDir()
	a := open(t, dir, "/a")
	there, vanished := open(t, dir, here), open(t, dir, here+"/vanished")
	live, stale, busy := claim(t, a), claim(t, a), claim(t, a)
	kept, lost, haunted := claim(t, there), claim(t, vanished), claim(t, vanished)
	for i, base := range []uint32{busy + 1000, haunted + Size - 1} { // processes of these ranges still run
		proc := filepath.Join(a.proc, strconv.Itoa(100+i))
		if err := os.Mkdir(proc, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(proc, int(base), 0); err != nil {
			t.Skipf("needs root: %v", err)
		}
	}
	a = reopen(t, a)
	fresh := claim(t, a)
	freed, err := a.Reclaim(map[uint32]bool{live: true})
	if err != nil || freed != 2 {
		t.Errorf("freed %d, %v", freed, err)
	}
	all, err := a.all()
	want := map[uint32]string{live: "/a", fresh: "/a", busy: "/a", kept: here, haunted: here + "/vanished"}
	if err != nil || !maps.Equal(all, want) {
		t.Errorf("left %v, want %v (stale %d, lost %d)", all, want, stale, lost)
	}
}

func TestRangesInUseSeesRealProcesses(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("running as another user needs root")
	}
	uid := Base + 4095*Size + 123
	cmd := exec.Command("cat")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer in.Close()
	used, err := rangesInUse("/proc")
	if err != nil || !used[Base+4095*Size] {
		t.Errorf("used %v %v", used, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	if _, err := Open(t.TempDir(), "relative"); err == nil {
		t.Error("a relative node directory")
	}
	open1 := t.TempDir() + "/open"
	if err := errors.Join(os.Mkdir(open1, 0o700), os.Chmod(open1, 0o777)); err != nil {
		t.Fatal(err)
	}
	link := t.TempDir() + "/link"
	if err := os.Symlink(t.TempDir(), link); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{open1, link} {
		if _, err := Open(dir, "/a"); err == nil {
			t.Errorf("%s was accepted", dir)
		}
	}
}

// claimAndRelease marks each range it holds with a file that must not exist.
func claimAndRelease(dir, node string) {
	c, err := Open(dir, node)
	if err != nil {
		fmt.Println(err)
		return
	}
	c.subids = nil
	c.next = 0 // everybody wants the same ranges
	for range 300 {
		base, err := c.Claim()
		if err != nil {
			fmt.Println(err)
			return
		}
		mark := filepath.Join(dir, "held-"+strconv.Itoa(int(base)))
		f, err := os.OpenFile(mark, os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			fmt.Println("shared:", err)
			return
		}
		f.Close()
		if rand.IntN(10) == 0 {
			if _, err := c.Reclaim(map[uint32]bool{base: true}); err != nil {
				fmt.Println(err)
			}
		}
		if err := errors.Join(os.Remove(mark), c.Release(base)); err != nil {
			fmt.Println(err)
			return
		}
		c.next = 0
	}
}

// Processes that claim, release and reclaim at once, with vanished nodes'
// claims in their way, never hold one range together.
func TestNoTwoHoldOneRange(t *testing.T) {
	dir := t.TempDir()
	gone := open(t, dir, t.TempDir()+"/gone")
	gone.next = 0
	for range 20 {
		claim(t, gone)
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			cmd := exec.Command("/proc/self/exe")
			cmd.Env = append(os.Environ(), envClaim+"="+dir+"\x1f"+filepath.Join(t.TempDir()))
			if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("node %d: %v %s", i, err, out)
			}
		})
	}
	all.Wait()
	left, err := gone.all()
	if err != nil || len(left) != 0 {
		t.Errorf("left %v %v", left, err)
	}
}

// Whoever removes claims waits for whoever else does.
func TestRemovingTakesTheLock(t *testing.T) {
	c := open(t, t.TempDir(), "/a")
	base := claim(t, c)
	for name, remove := range map[string]func() error{
		"reclaim": func() error { _, err := c.Reclaim(nil); return err },
		"release": func() error { return c.Release(base) },
	} {
		unlock, err := c.lock()
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- remove() }()
		select {
		case <-done:
			t.Errorf("%s did not wait", name)
			unlock()
			continue
		case <-time.After(20 * time.Millisecond):
		}
		unlock()
		if err := <-done; err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseSubid(f *testing.F) {
	f.Add("alice:100000:65536")
	f.Add("bob:4294967295:4294967295")
	f.Fuzz(func(t *testing.T, line string) {
		if x, ok := parseSubid(line); ok && (x[1] < x[0] || x[0] > 1<<32-1) {
			t.Fatalf("%q gives %v", line, x)
		}
	})
}

func BenchmarkClaimRelease(b *testing.B) {
	c, err := Open(b.TempDir(), "/a")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := c.Release(claim(b, c)); err != nil {
			b.Fatal(err)
		}
	}
}
