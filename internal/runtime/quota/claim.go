package quota

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
)

// The projects that are tried, away from those that people number by hand.
const (
	first   = 0x62000000
	numbers = 1 << 24
	tries   = 64
)

// errTaken means that chance and somebody else wanted the same project.
var errTaken = errors.New("no free project was found")

// projid lists projects that have a name; projid(5).
const projid = "/etc/projid"

// Limit caps what lies below dirs, together. They are made and still empty,
// or carry a project of an earlier Limit, whose cap then changes.
func (fs *FileSystem) Limit(c Cap, dirs ...string) error {
	opened := make([]*os.File, 0, len(dirs))
	defer func() {
		for _, d := range opened {
			d.Close()
		}
	}()
	for _, dir := range dirs {
		d, err := os.Open(dir)
		if err != nil {
			return fmt.Errorf("cap a directory: %w", err)
		}
		opened = append(opened, d)
	}
	project, err := tagOf(opened[0])
	if err == nil && project == 0 {
		project, err = claim(opened[0])
	}
	for _, d := range opened[1:] {
		if err == nil {
			err = tag(d, project)
		}
	}
	if err == nil {
		err = limit(opened[0], project, c)
	}
	if err != nil {
		return fmt.Errorf("cap %s by a project quota: %w", dirs[0], err)
	}
	return nil
}

// Capped tells what lies below a directory that Limit capped; ok is false for
// any other.
func (fs *FileSystem) Capped(dir string) (use Usage, ok bool, err error) {
	if !fs.Hard {
		return Usage{}, false, nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return Usage{}, false, err
	}
	defer d.Close()
	project, err := tagOf(d)
	if err != nil || project == 0 {
		return Usage{}, false, err
	}
	q, err := read(d, project)
	return Usage{Bytes: int64(q.space), Inodes: int64(q.inodes)}, err == nil, err
}

// Release forgets the cap of a directory that is about to be removed. What is
// left below it counts on, so that its project is not given away before it is gone.
func (fs *FileSystem) Release(dir string) error {
	if !fs.Hard {
		return nil
	}
	d, err := os.Open(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("release a project quota: %w", err)
	}
	defer d.Close()
	project, err := tagOf(d)
	if err == nil && project != 0 {
		err = limit(d, project, Cap{})
	}
	if err != nil {
		return fmt.Errorf("release the project quota of %s: %w", dir, err)
	}
	return nil
}

// claim finds a project that nobody has and gives it to an empty directory.
// Two that try the same one at the same time see each other's directory
// counted and both try another: no lock is needed, also between nodes that
// share a disk and nothing else.
func claim(dir *os.File) (uint32, error) {
	named := named()
	for range tries {
		project := uint32(first + rand.IntN(numbers))
		if named[project] {
			continue
		}
		q, err := read(dir, project)
		if err != nil {
			return 0, err
		}
		if q.inodes != 0 || q.space != 0 {
			continue
		}
		if err := tag(dir, project); err != nil {
			return 0, err
		}
		if q, err = read(dir, project); err == nil && q.inodes == 1 {
			return project, nil
		}
		if err := errors.Join(err, tag(dir, 0)); err != nil {
			return 0, err
		}
	}
	return 0, errTaken
}

// named are the projects that somebody keeps for something else.
func named() map[uint32]bool {
	all := make(map[uint32]bool)
	data, err := os.ReadFile(projid)
	if err != nil || len(data) > 1<<20 {
		return all // usually there is none
	}
	for line := range strings.SplitSeq(string(data), "\n") {
		_, number, _ := strings.Cut(line, ":")
		if n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 32); err == nil {
			all[uint32(n)] = true
		}
	}
	return all
}
