package idrange

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"syscall"
)

// Reclaim frees this node's ranges from before Open that are not live, and
// those of nodes whose directory is gone. A range that a process of the machine still uses
// is kept whatever else is known of it. It returns how many it freed.
func (c *Claims) Reclaim(live map[uint32]bool) (freed int, err error) {
	unlock, err := c.lock()
	if err != nil {
		return 0, err
	}
	defer unlock()
	all, err := c.all()
	if err != nil {
		return 0, err
	}
	used, err := rangesInUse(c.proc)
	if err != nil {
		return 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var failed error
	for base, holder := range all {
		stale := holder == c.node && !live[base] && !c.held[base] || holder != c.node && gone(holder)
		if !stale || used[base] {
			continue
		}
		if err := os.Remove(c.path(base)); err != nil {
			failed = errors.Join(failed, fmt.Errorf("free user ids from %d: %w", base, err))
			continue
		}
		freed++
	}
	return freed, failed
}

// gone tells whether a node's directory is certainly no longer there.
func gone(dir string) bool {
	_, err := os.Lstat(dir)
	return errors.Is(err, fs.ErrNotExist)
}

// rangesInUse finds the ranges that running processes have their ids in: a
// directory of /proc belongs to its process's effective user.
func rangesInUse(proc string) (map[uint32]bool, error) {
	dir, err := os.Open(proc)
	if err != nil {
		return nil, fmt.Errorf("look for processes that use claimed ids: %w", err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("look for processes that use claimed ids: %w", err)
	}
	used := make(map[uint32]bool)
	for _, name := range names {
		if _, err := strconv.ParseUint(name, 10, 32); err != nil {
			continue
		}
		var s syscall.Stat_t
		if err := syscall.Lstat(proc+"/"+name, &s); err != nil {
			continue // it ended
		}
		if s.Uid >= Base && s.Uid < Base+Slots*Size {
			used[s.Uid-(s.Uid-Base)%Size] = true
		}
	}
	return used, nil
}
