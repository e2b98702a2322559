package debian

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestEntry: of several that want the same entry one builds it, another recipe is another entry, and a failure leaves nothing.
func TestEntry(t *testing.T) {
	c := cache{t.TempDir()}
	var built atomic.Int64
	build := func(dir string) error {
		built.Add(1)
		return os.WriteFile(filepath.Join(dir, "x"), nil, 0o644)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			dir, err := c.entry("a", []string{"1"}, build)
			if err != nil {
				t.Error(err)
			} else if _, err := os.Stat(filepath.Join(dir, "x")); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := built.Load(); n != 1 {
		t.Errorf("built %d times", n)
	}
	if _, err := c.entry("a", []string{"2"}, build); err != nil || built.Load() != 2 {
		t.Errorf("another recipe: built %d times, %v", built.Load(), err)
	}
	failed := errors.New("no")
	if _, err := c.entry("b", nil, func(string) error { return failed }); !errors.Is(err, failed) {
		t.Errorf("a build that fails: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(c.dir, "*.new")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestEntryOfAKilledProgram: what it had half done is not taken for an entry.
func TestEntryOfAKilledProgram(t *testing.T) {
	c := cache{t.TempDir()}
	dir, err := c.entry("a", nil, func(string) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir, dir+".new"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir+".new", "half"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if dir, err = c.entry("a", nil, func(string) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "half")); err == nil {
		t.Error("a half entry was used")
	}
}

// TestExpire: an entry that is not fresh is made anew, and one that nobody wants any more is removed.
func TestExpire(t *testing.T) {
	c := cache{t.TempDir()}
	built := 0
	build := func(string) error { built++; return nil }
	dir, err := c.entry("a", nil, build)
	if err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-fresh - time.Hour)
	if err := os.Chtimes(dir, old, old); err != nil {
		t.Fatal(err)
	}
	if _, err := c.entry("a", nil, build); err != nil || built != 2 {
		t.Errorf("built %d times, %v", built, err)
	}
	if err := c.expire(time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Errorf("a fresh entry: %v", err)
	}
	if err := c.expire(time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(c.dir); len(left) > 0 {
		t.Errorf("%d old entries are left", len(left))
	}
}
