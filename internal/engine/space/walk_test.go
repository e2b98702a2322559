package space

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bailey-run/bailey/internal/runtime/quota"
	"golang.org/x/sys/unix"
)

func write(t testing.TB, path string, bytes int) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, make([]byte, bytes), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestWalkAgreesWithDu holds the sum against the tool that everybody knows.
func TestWalkAgreesWithDu(t *testing.T) {
	dir := t.TempDir()
	for i := range 300 {
		write(t, filepath.Join(dir, fmt.Sprint(i%7), strings.Repeat("x", i%200+1), "f"), i*100)
	}
	if err := os.Link(filepath.Join(dir, "0", "x", "f"), filepath.Join(dir, "again")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/usr", filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil { // opening it would block
		t.Fatal(err)
	}
	out, err := exec.Command("du", "-s", "-B1", dir).Output()
	if err != nil {
		t.Fatal(err)
	}
	var want int64
	if _, err := fmt.Sscan(string(out), &want); err != nil {
		t.Fatal(err)
	}
	got, err := Walk(t.Context(), dir, quota.Cap{})
	if err != nil || got.Bytes != want {
		t.Errorf("got %+v, %v; du says %d", got, err, want)
	}
	if out, err = exec.Command("du", "-s", "--inodes", dir).Output(); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(string(out), &want); err != nil || got.Inodes != want {
		t.Errorf("%d files; du says %d (%v)", got.Inodes, want, err)
	}
}

func TestWalkStops(t *testing.T) {
	dir := t.TempDir()
	for i := range 100 {
		write(t, filepath.Join(dir, fmt.Sprint(i)), 10_000)
	}
	if got, err := Walk(t.Context(), dir, quota.Cap{Inodes: 10}); err != nil || got.Inodes != 11 {
		t.Errorf("by files: %+v, %v", got, err)
	}
	if got, err := Walk(t.Context(), dir, quota.Cap{Bytes: 100_000}); err != nil || got.Inodes > 20 {
		t.Errorf("by bytes: %+v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Walk(ctx, dir, quota.Cap{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a walk that nobody wants: %v", err)
	}
}

// TestWalkOfATreeThatHides makes a tree deeper than any path can name.
func TestWalkOfATreeThatHides(t *testing.T) {
	dir := t.TempDir()
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	for range maxDepth + 10 {
		if err := unix.Mkdirat(fd, "d", 0o755); err != nil {
			t.Fatal(err)
		}
		next, err := unix.Openat(fd, "d", unix.O_RDONLY|unix.O_DIRECTORY, 0)
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(fd)
		fd = next
	}
	unix.Close(fd)
	before := openFiles(t)
	if _, err := Walk(t.Context(), dir, quota.Cap{}); !errors.Is(err, ErrDepth) {
		t.Errorf("got %v", err)
	}
	if after := openFiles(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// TestWalkOfATreeThatChanges looks while directories become links and back.
func TestWalkOfATreeThatChanges(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	for i := range 2000 {
		write(t, filepath.Join(outside, fmt.Sprint(i)), 1)
	}
	write(t, filepath.Join(dir, "a", "f"), 1)
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 3000 {
			_ = unix.Renameat2(unix.AT_FDCWD, filepath.Join(dir, "a"), unix.AT_FDCWD, filepath.Join(dir, "link"), unix.RENAME_EXCHANGE)
		}
	}()
	for {
		if got, err := Walk(t.Context(), dir, quota.Cap{}); err != nil || got.Inodes > 10 {
			t.Fatalf("got %+v, %v", got, err)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

func TestDeletedFilesAreFound(t *testing.T) {
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "hidden"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	same, err := os.Open(f.Name()) // the same file a second time counts once
	if err != nil {
		t.Fatal(err)
	}
	defer same.Close()
	points := mountPoints("/proc/self")
	mount := points[mountOf("/proc/self", fmt.Sprint(f.Fd()))]
	if mount == "" {
		t.Fatal("the mount of a file is not found")
	}
	if got := Deleted([]int{os.Getpid()}, []string{mount})[mount]; got.Bytes >= 1<<20 {
		t.Errorf("a file with a name: %+v", got)
	}
	if err := os.Remove(f.Name()); err != nil {
		t.Fatal(err)
	}
	if got := Deleted([]int{os.Getpid()}, []string{mount})[mount]; got.Bytes < 1<<20 || got.Bytes >= 2<<20 {
		t.Errorf("a file without a name: %+v", got)
	}
	if got := Deleted([]int{os.Getpid()}, []string{"/elsewhere"}); len(got) != 0 {
		t.Errorf("on another mount: %+v", got)
	}
}
