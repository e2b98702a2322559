package debian

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// fresh is how long an entry is used: security updates leave the mirror's old versions behind. A day later it is removed, when
// nobody can have just begun to use it.
const fresh = 14 * 24 * time.Hour

// cache is a directory of entries, each a directory that was made in one step.
type cache struct{ dir string }

// openCache opens the user's cache of packages and removes what is too old.
func openCache() (cache, error) {
	user, err := os.UserCacheDir()
	if err != nil {
		return cache{}, fmt.Errorf("a place to keep packages: %w", err)
	}
	c := cache{filepath.Join(user, "bailey", "debian")}
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return cache{}, fmt.Errorf("a place to keep packages: %w", err)
	}
	return c, c.expire(time.Now().Add(-fresh - 24*time.Hour))
}

// expire removes entries, halves of entries and locks that are older than a moment.
func (c cache) expire(before time.Time) error {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) || err == nil && info.ModTime().After(before) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(c.dir, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// entry returns the directory of the entry that is called name and made from parts, whose digest makes it another one
// when they change. When there is none, or one that is not fresh, build fills a new one; of several programs that want the same entry
// one builds and the others wait.
func (c cache) entry(name string, parts []string, build func(dir string) error) (string, error) {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	dir := filepath.Join(c.dir, name+"-"+hex.EncodeToString(sum[:8]))
	unlock, err := lock(dir + ".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if info, err := os.Stat(dir); err == nil && time.Since(info.ModTime()) < fresh {
		return dir, nil
	}
	half := dir + ".new" // of a program that was killed, perhaps
	if err := errors.Join(os.RemoveAll(half), os.RemoveAll(dir)); err != nil {
		return "", err
	}
	if err := os.Mkdir(half, 0o755); err != nil {
		return "", err
	}
	if err := build(half); err != nil {
		return "", errors.Join(err, os.RemoveAll(half))
	}
	return dir, os.Rename(half, dir)
}

// lock waits for the lock that a file stands for; the kernel lets go of it when the program dies.
func lock(path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		if err = unix.Flock(int(file.Fd()), unix.LOCK_EX); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	now := time.Now()
	return func() { file.Close() }, os.Chtimes(path, now, now)
}
