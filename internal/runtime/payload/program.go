package payload

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Program is an executable file whose content is known.
type Program struct {
	Path string
	sum  [sha256.Size]byte

	mu       sync.Mutex
	identity identity
}

// ChangedError means that a program is not what it was when it was verified.
type ChangedError struct{ Path string }

func (e *ChangedError) Error() string {
	return e.Path + " is not what it was when it was verified: somebody replaced or changed it; " +
		"find out who, then restart bailey, which unpacks its own programs again"
}

// identity changes with any change of a file's content: the kernel stamps
// ctime, which nobody can set.
type identity struct {
	dev, ino     uint64
	size         int64
	mtime, ctime unix.Timespec
	mode         uint32
}

// Open reads and hashes an executable. It must belong to root, and nobody else
// may be able to write it.
func Open(path string) (*Program, error) {
	p := &Program{Path: path}
	var err error
	if p.sum, p.identity, err = read(path); err != nil {
		return nil, err
	}
	return p, nil
}

// Digest is "sha256:" and the hash of the content.
func (p *Program) Digest() string { return text(p.sum) }

func text(sum [sha256.Size]byte) string { return "sha256:" + hex.EncodeToString(sum[:]) }

// Verify makes sure, right before a use, that the file is the one that was
// read: by its identity, which costs two system calls, or by its content when
// that has changed. The error is a *ChangedError, or says why the file cannot
// be read.
func (p *Program) Verify() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var st unix.Stat_t
	if err := unix.Stat(p.Path, &st); err != nil {
		return fmt.Errorf("verify %s: %w", p.Path, err)
	}
	if identify(&st) == p.identity {
		return nil
	}
	sum, id, err := read(p.Path)
	if err != nil {
		return err
	}
	if sum != p.sum {
		return &ChangedError{p.Path}
	}
	p.identity = id
	return nil
}

func read(path string) (sum [sha256.Size]byte, id identity, err error) {
	f, err := os.Open(path)
	if err != nil {
		return sum, id, err
	}
	defer f.Close()
	var before, after unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &before); err != nil {
		return sum, id, fmt.Errorf("inspect %s: %w", path, err)
	}
	if before.Mode&unix.S_IFMT != unix.S_IFREG || before.Mode&0o111 == 0 {
		return sum, id, fmt.Errorf("%s is not an executable file", path)
	}
	if before.Uid != 0 || before.Mode&0o022 != 0 {
		return sum, id, fmt.Errorf("%s can be changed by others than root: `chown root %s && chmod go-w %s`", path, path, path)
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return sum, id, err
	}
	if err := unix.Fstat(int(f.Fd()), &after); err != nil {
		return sum, id, fmt.Errorf("inspect %s: %w", path, err)
	}
	if id = identify(&after); id != identify(&before) {
		return sum, id, &ChangedError{path}
	}
	h.Sum(sum[:0])
	return sum, id, nil
}

func identify(st *unix.Stat_t) identity {
	return identity{st.Dev, st.Ino, st.Size, st.Mtim, st.Ctim, st.Mode}
}

// String is the same for the same identity only.
func (i identity) String() string {
	return fmt.Sprintf("%d %d %d %d.%09d %d.%09d %o", i.dev, i.ino, i.size, i.mtime.Sec, i.mtime.Nsec, i.ctime.Sec, i.ctime.Nsec, i.mode)
}

// age is how long ago anything about the file was last changed.
func (i identity) age() time.Duration { return time.Since(time.Unix(i.ctime.Unix())) }
