package filelock

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func open(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// TestTake: one has it; another waits for a holder that is about to go, and is told of one that stays.
func TestTake(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, second := open(t, path), open(t, path)
	if err := Take(first); err != nil {
		t.Fatal(err)
	}
	if err := Take(second); !errors.Is(err, ErrHeld) {
		t.Fatalf("got %v", err)
	}
	time.AfterFunc(50*time.Millisecond, func() { first.Close() })
	if err := Take(second); err != nil {
		t.Fatal(err)
	}
}
