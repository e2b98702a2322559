package idrange

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
)

// The ranges: slot n begins at Base + n*Size. Base is where systemd's ranges
// for containers end ("Users, Groups, UIDs and GIDs on systemd systems"); the
// last slot ends where ids would be negative for programs that take them for
// signed numbers.
const (
	Base  uint32 = 0x70000000
	Size  uint32 = 65536
	Slots        = 4096
)

// DefaultDir is where the nodes of a machine meet.
const DefaultDir = "/run/bailey/ids"

// ErrExhausted means that every range of the machine is taken.
var ErrExhausted = errors.New("every range of user ids on this machine is taken: remove stopped containers, or see who holds them with: ls -l " + DefaultDir)

// Claims is one node's view of the machine's ranges. Its methods may be
// called at the same time from several goroutines.
type Claims struct {
	dir, node string
	subids    []string // files that give ranges to users: subuid(5), subgid(5)
	proc      string

	mu   sync.Mutex
	next int             // the slot to try first
	held map[uint32]bool // claimed since Open
}

// Open prepares dir (DefaultDir when empty) for the node whose directory is
// node (absolute).
func Open(dir, node string) (*Claims, error) {
	if dir == "" {
		dir = DefaultDir
	}
	if !filepath.IsAbs(node) || filepath.Clean(node) != node {
		return nil, fmt.Errorf("the node's directory %q is not an absolute, clean path", node)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("prepare the machine's claims of user ids: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return nil, fmt.Errorf("prepare the machine's claims of user ids: %w", err)
	}
	owner := info.Sys().(*syscall.Stat_t).Uid
	if !info.IsDir() || info.Mode().Perm()&0o022 != 0 || int(owner) != os.Geteuid() {
		return nil, fmt.Errorf("%s can be changed by others, who could make containers share user ids; mend it with: chown root %s && chmod 700 %s", dir, dir, dir)
	}
	return &Claims{
		dir: dir, node: node, next: rand.IntN(Slots), held: make(map[uint32]bool), proc: "/proc",
		subids: []string{"/etc/subuid", "/etc/subgid"},
	}, nil
}

// Claim takes a free range and returns its first id. It is ErrExhausted when
// there is none.
func (c *Claims) Claim() (base uint32, err error) {
	reserved, err := readReserved(c.subids)
	if err != nil {
		return 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for range Slots {
		base := Base + uint32(c.next)*Size
		c.next = (c.next + 1) % Slots
		if reserved.overlap(base) {
			continue
		}
		err := os.Symlink(c.node, c.path(base))
		if err == nil {
			c.held[base] = true
			return base, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return 0, fmt.Errorf("claim a range of user ids: %w", err)
		}
	}
	return 0, ErrExhausted
}

// Release gives a range back. A range that this node does not hold is an error.
func (c *Claims) Release(base uint32) error {
	unlock, err := c.lock()
	if err != nil {
		return err
	}
	defer unlock()
	holder, err := os.Readlink(c.path(base))
	if err != nil || holder != c.node {
		return fmt.Errorf("release user ids from %d: this node does not hold them", base)
	}
	if err := os.Remove(c.path(base)); err != nil {
		return fmt.Errorf("release user ids from %d: %w", base, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.held, base)
	return nil
}

// List returns the first ids of the ranges that this node holds, ascending.
func (c *Claims) List() ([]uint32, error) {
	all, err := c.all()
	if err != nil {
		return nil, err
	}
	var own []uint32
	for base, holder := range all {
		if holder == c.node {
			own = append(own, base)
		}
	}
	slices.Sort(own)
	return own, nil
}

// all maps the first id of each claimed range to its holder.
func (c *Claims) all() (map[uint32]string, error) {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return nil, fmt.Errorf("read the machine's claims of user ids: %w", err)
	}
	all := make(map[uint32]string, len(entries))
	for _, e := range entries {
		slot, err := strconv.ParseUint(e.Name(), 10, 16)
		if err != nil || slot >= Slots {
			continue
		}
		base := Base + uint32(slot)*Size
		if holder, err := os.Readlink(c.path(base)); err == nil {
			all[base] = holder
		}
	}
	return all, nil
}

func (c *Claims) path(base uint32) string {
	return filepath.Join(c.dir, strconv.Itoa(int((base-Base)/Size)))
}

// lock keeps everybody else on the machine from removing claims.
func (c *Claims) lock() (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(c.dir, ".lock"), os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the machine's claims of user ids: %w", err)
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if err != syscall.EINTR {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock the machine's claims of user ids: %w", err)
	}
	return func() { f.Close() }, nil
}
