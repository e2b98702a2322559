package quota

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// open looks at the file system of a directory of the test's, which BAILEY_QUOTA_DIR
// puts on one that has project quotas.
func open(t *testing.T) (*FileSystem, string) {
	t.Helper()
	dir, err := os.MkdirTemp(os.Getenv("BAILEY_QUOTA_DIR"), "quota-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	fs, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return fs, dir
}

func hard(t *testing.T) (*FileSystem, string) {
	fs, dir := open(t)
	if !fs.Hard {
		t.Skipf("needs a file system with project quotas, and this one has none: %s; make test-v2 has one", fs.Why)
	}
	return fs, dir
}

func TestOpenSaysWhatThereIs(t *testing.T) {
	fs, _ := open(t)
	if fs.Hard != (fs.Why == "") || fs.Bytes <= 0 {
		t.Errorf("got %+v", fs)
	}
	free, err := fs.Free()
	if err != nil || free.Bytes < 0 || free.Bytes > fs.Bytes {
		t.Errorf("free: %+v, %v", free, err)
	}
	mem, err := Open("/proc")
	if err != nil || mem.Hard || mem.Why == "" {
		t.Errorf("/proc: %+v, %v", mem, err)
	}
	if _, err := Open("/does/not/exist"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestWithoutQuotasNothingIsCapped(t *testing.T) {
	fs := &FileSystem{dir: t.TempDir()}
	if _, capped, err := fs.Capped(fs.dir); capped || err != nil {
		t.Error(capped, err)
	}
	if err := fs.Release(fs.dir); err != nil {
		t.Error(err)
	}
}

// TestCapHolds writes as somebody whom quotas are for: root of the machine
// may pass those of ext4.
func TestCapHolds(t *testing.T) {
	fs, dir := hard(t)
	upper, work := filepath.Join(dir, "upper"), filepath.Join(dir, "work")
	for _, d := range []string{upper, work} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := fs.Limit(Cap{Bytes: 1 << 20, Inodes: 20}, upper, work); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(upper, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread() // and let it go with the test
	dropCapability(t)
	err := os.WriteFile(filepath.Join(upper, "sub", "big"), bytes.Repeat([]byte("x"), 2<<20), 0o600)
	if !errors.Is(err, unix.EDQUOT) && !errors.Is(err, unix.ENOSPC) {
		t.Errorf("2 MiB below a cap of 1 MiB: %v", err)
	}
	if use, capped, err := fs.Capped(work); err != nil || !capped || use.Bytes > 1<<20 || use.Inodes != 4 {
		t.Errorf("usage: %+v, %v, %v", use, capped, err)
	}
	if err := os.Rename(filepath.Join(upper, "sub"), filepath.Join(work, "sub")); err != nil {
		t.Errorf("from one directory of a cap to the other: %v", err)
	}
	if err := fs.Limit(Cap{Bytes: 4 << 20, Inodes: 20}, upper, work); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(work, "sub", "big"), bytes.Repeat([]byte("x"), 2<<20), 0o600); err != nil {
		t.Errorf("2 MiB below a cap of 4 MiB: %v", err)
	}
	for i := range 30 {
		if err = os.WriteFile(filepath.Join(work, string(rune('a'+i))), nil, 0o600); err != nil {
			break
		}
	}
	if !errors.Is(err, unix.EDQUOT) && !errors.Is(err, unix.ENOSPC) {
		t.Errorf("30 files below a cap of 20: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "beside"), bytes.Repeat([]byte("x"), 8<<20), 0o600); err != nil {
		t.Errorf("beside the capped directories: %v", err)
	}
	if err := fs.Release(upper); err != nil {
		t.Error(err)
	}
}

func TestProjectsDiffer(t *testing.T) {
	fs, dir := hard(t)
	seen := make(map[uint32]bool)
	for i := range 20 {
		d := filepath.Join(dir, string(rune('a'+i)))
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := fs.Limit(Cap{Bytes: 1 << 20}, d); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(d)
		if err != nil {
			t.Fatal(err)
		}
		project, err := tagOf(f)
		f.Close()
		if err != nil || project < first || seen[project] {
			t.Errorf("project %d, %v", project, err)
		}
		seen[project] = true
	}
}

// dropCapability takes CAP_SYS_RESOURCE, which ext4 lets pass every quota, from this thread and what it does.
func dropCapability(t *testing.T) {
	t.Helper()
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&head, &data[0]); err != nil {
		t.Fatal(err)
	}
	data[0].Effective &^= 1 << unix.CAP_SYS_RESOURCE
	if err := unix.Capset(&head, &data[0]); err != nil {
		t.Fatal(err)
	}
}
