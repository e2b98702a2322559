package rootfs

import (
	"golang.org/x/sys/unix"
)

// layerSet holds descriptors of layer directories inside idmapped mounts. One
// mount is shared by the layers of one store, because each costs the kernel a
// grace period when it is let go.
type layerSet struct {
	c      *Config
	lower  []int
	upper  int
	work   int
	memory int // the mount that upper and work are in, when that is in memory
	mounts map[string]mountRoot
	opened []int
}

type mountRoot struct {
	fd    int
	mount uint64 // id of the host's mount it is a copy of
}

func (s *layerSet) close() {
	for _, fd := range s.opened {
		unix.Close(fd)
	}
}

// openLayers opens every layer of c. With shared false each layer is the root
// of a mount of its own.
func openLayers(c *Config, shared bool) (*layerSet, error) {
	s := &layerSet{c: c, mounts: make(map[string]mountRoot), upper: -1, work: -1, memory: -1}
	roots := s.roots(shared)
	for i, p := range c.Lower {
		fd, err := s.open(p, roots[i])
		if err != nil {
			s.close()
			return nil, err
		}
		s.lower = append(s.lower, fd)
	}
	if c.Upper == "" {
		return s, nil
	}
	var err error
	if s.upper, err = s.open(c.Upper, parent(c.Upper)); err == nil {
		s.work, err = s.open(c.Work, parent(c.Work))
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// roots chooses for each lower layer the directory that becomes the root of
// its mount. It is at most two levels up, so that what the container sees in
// its mountinfo ("/12/fs") says nothing of where the store is.
func (s *layerSet) roots(shared bool) []string {
	roots := make([]string, len(s.c.Lower))
	uses := make(map[string]int)
	own := parent(s.c.Upper)
	for i, p := range s.c.Lower {
		roots[i] = parent(parent(p))
		if own != "" && parent(p) == own {
			roots[i] = own
		}
		uses[roots[i]]++
	}
	for i, p := range s.c.Lower {
		if !shared || roots[i] == "" || (uses[roots[i]] == 1 && roots[i] != own) {
			roots[i] = p
		}
	}
	return roots
}

// open returns a descriptor of path within an idmapped copy whose root is root.
func (s *layerSet) open(path, root string) (int, error) {
	plain, err := openDir(path)
	if err != nil {
		return -1, err
	}
	defer unix.Close(plain)
	was, err := identify(plain, path)
	if err != nil {
		return -1, err
	}
	fd, err := s.within(path, root, was)
	if err != nil {
		return -1, err
	}
	if fd < 0 { // another mount lies between: the layer gets one of its own
		if fd, err = idmapped(plain, path, s.c.UserNS, 0); err != nil {
			return -1, err
		}
		s.opened = append(s.opened, fd)
	}
	return fd, sameMapped(fd, path, was, s.c.IDBase)
}

// within opens path through the mount rooted at root, or returns -1 when path
// is not on the mount that root is on.
func (s *layerSet) within(path, root string, was identity) (int, error) {
	m, err := s.mountOf(root)
	if err != nil || m.mount != was.mount {
		return -1, err
	}
	if path == root {
		return m.fd, nil
	}
	fd, err := unix.Openat2(m.fd, path[len(root)+1:], &unix.OpenHow{
		Flags:   noLinks.Flags,
		Resolve: noLinks.Resolve | unix.RESOLVE_BENEATH,
	})
	if err != nil {
		return -1, &Error{"open layer", path, err}
	}
	s.opened = append(s.opened, fd)
	return fd, nil
}

func (s *layerSet) mountOf(root string) (mountRoot, error) {
	if m, ok := s.mounts[root]; ok {
		return m, nil
	}
	dir, err := openDir(root)
	if err != nil {
		return mountRoot{}, err
	}
	defer unix.Close(dir)
	id, err := identify(dir, root)
	if err != nil {
		return mountRoot{}, err
	}
	fd, err := idmapped(dir, root, s.c.UserNS, 0)
	if err != nil {
		return mountRoot{}, err
	}
	s.opened = append(s.opened, fd)
	s.mounts[root] = mountRoot{fd, id.mount}
	return s.mounts[root], nil
}
