package address

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Claims are files in one directory that all nodes of a machine share: a file per subnet and per interface prefix, whose
// content names the node's directory and the network that it runs in, a line each. A claim whose node's directory is gone
// is stale: it may be taken, and [Held.Sweep] removes it.
type Claims struct{ dir, owner, scope string }

const (
	maxClaims     = 4096
	maxClaimBytes = 4096
	tagPrefix     = "tag-"
)

// OpenClaims returns the claims in dir for the node whose directory is owner (absolute) and that runs in the network
// namespace which scope identifies. It creates dir, 0755, if missing.
func OpenClaims(dir, owner, scope string) (*Claims, error) {
	if !filepath.IsAbs(owner) || strings.ContainsAny(owner+scope, "\n") {
		return nil, fmt.Errorf("claims in %s: owner %q is not an absolute path of one line", dir, owner)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the directory for machine-wide claims: %w", err)
	}
	return &Claims{dir: dir, owner: owner, scope: scope}, nil
}

// Locked runs f while no other node of the machine can change claims.
func (c *Claims) Locked(f func(*Held) error) error {
	lock, err := os.OpenFile(filepath.Join(c.dir, ".lock"), os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return fmt.Errorf("lock the machine-wide claims: %w", err)
	}
	defer lock.Close()
	for {
		err := unix.Flock(int(lock.Fd()), unix.LOCK_EX)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("lock the machine-wide claims in %s: %w", c.dir, err)
		}
	}
	return f(&Held{c})
}

// Held is the right to change claims, inside [Claims.Locked].
type Held struct{ c *Claims }

// Others returns the subnets that other living nodes hold, and the tags.
func (h *Held) Others() (subnets []netip.Prefix, tags []string, err error) {
	return h.list(func(c claim) bool { return c.owner != h.c.owner })
}

// Neighbours returns the tags of the other living nodes in this node's network namespace.
func (h *Held) Neighbours() ([]string, error) {
	_, tags, err := h.list(func(c claim) bool { return c.owner != h.c.owner && c.scope == h.c.scope })
	return tags, err
}

// Mine returns the subnets and tags that this node holds.
func (h *Held) Mine() (subnets []netip.Prefix, tags []string, err error) {
	return h.list(func(c claim) bool { return c.owner == h.c.owner })
}

// Sweep removes the claims of nodes that are gone.
func (h *Held) Sweep() error {
	names, err := h.names()
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		if h.read(name).owner != "" {
			continue
		}
		if err := os.Remove(filepath.Join(h.c.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("remove a stale claim: %w", err))
		}
	}
	return errors.Join(errs...)
}

// names are the files that are claims.
func (h *Held) names() ([]string, error) {
	d, err := os.Open(h.c.dir)
	if err != nil {
		return nil, fmt.Errorf("read the machine-wide claims: %w", err)
	}
	defer d.Close()
	all, err := d.Readdirnames(maxClaims)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the machine-wide claims: %w", err)
	}
	if len(all) == maxClaims {
		return nil, fmt.Errorf("%s holds %d files or more: remove those of nodes that are gone", h.c.dir, maxClaims)
	}
	var out []string
	for _, name := range all {
		if _, ok := parseSubnetName(name); ok || strings.HasPrefix(name, tagPrefix) {
			out = append(out, name)
		}
	}
	return out, nil
}

func (h *Held) list(want func(claim) bool) (subnets []netip.Prefix, tags []string, err error) {
	names, err := h.names()
	if err != nil {
		return nil, nil, err
	}
	for _, name := range names {
		c := h.read(name)
		if c.owner == "" || !want(c) {
			continue
		}
		if tag, ok := strings.CutPrefix(name, tagPrefix); ok {
			tags = append(tags, tag)
		} else if subnet, ok := parseSubnetName(name); ok {
			subnets = append(subnets, subnet)
		}
	}
	return subnets, tags, nil
}

// Subnet claims a subnet. It does not look at overlaps: [Held.Others] tells them.
func (h *Held) Subnet(p netip.Prefix) (bool, error) { return h.take(subnetName(p)) }

// Tag claims the four hexadecimal digits that mark the names of a node's interfaces.
func (h *Held) Tag(tag string) (bool, error) { return h.take(tagPrefix + tag) }

// FreeSubnet gives a subnet back, if it is this node's.
func (h *Held) FreeSubnet(p netip.Prefix) error { return h.free(subnetName(p)) }

// FreeTag gives a tag back, if it is this node's.
func (h *Held) FreeTag(tag string) error { return h.free(tagPrefix + tag) }

func (h *Held) take(name string) (bool, error) {
	path := filepath.Join(h.c.dir, name)
	switch h.read(name).owner {
	case h.c.owner:
		return true, nil
	case "":
		// Nobody's, or left by a node whose directory is gone, or by one that died while it wrote.
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, fmt.Errorf("take over a stale claim: %w", err)
		}
	default:
		return false, nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|unix.O_NOFOLLOW, 0o644)
	if err != nil {
		return false, fmt.Errorf("claim %s for this node: %w", name, err)
	}
	defer f.Close()
	if _, err := f.WriteString(h.c.owner + "\n" + h.c.scope + "\n"); err != nil {
		return false, fmt.Errorf("claim %s for this node: %w", name, err)
	}
	return true, nil
}

func (h *Held) free(name string) error {
	if h.read(name).owner != h.c.owner {
		return nil
	}
	if err := os.Remove(filepath.Join(h.c.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("give back the claim on %s: %w", name, err)
	}
	return nil
}

// claim is what a file says: who has it, "" for nobody that lives, and in which network.
type claim struct{ owner, scope string }

func (h *Held) read(name string) claim {
	f, err := os.OpenFile(filepath.Join(h.c.dir, name), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return claim{}
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxClaimBytes))
	owner, scope, _ := strings.Cut(string(b), "\n")
	if err != nil || !filepath.IsAbs(owner) {
		return claim{}
	}
	if st, err := os.Stat(owner); err != nil || !st.IsDir() {
		return claim{}
	}
	return claim{owner, strings.TrimSuffix(scope, "\n")}
}

func subnetName(p netip.Prefix) string {
	return p.Masked().Addr().String() + "_" + strconv.Itoa(p.Bits())
}

func parseSubnetName(name string) (netip.Prefix, bool) {
	a, bits, ok := strings.Cut(name, "_")
	if !ok {
		return netip.Prefix{}, false
	}
	p, err := netip.ParsePrefix(a + "/" + bits)
	return p, err == nil && p == p.Masked() && p.Addr().Is4()
}
