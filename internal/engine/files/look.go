package files

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Content is what is at a path, roughly.
type Content int

// What Look finds.
const (
	Missing     Content = iota // nothing, or nothing that can be looked at
	NoDirectory                // a file
	Empty                      // a directory in which there is no file, at any depth
	Data                       // a directory with files
	Programs                   // a directory with programs or libraries among its files
)

// mostLooked is how many entries of a directory Look looks at. Beyond, it takes for granted what it has seen.
const mostLooked = 20000

// Look says what the root has at a path, which is resolved inside it.
func Look(root *os.File, name string) Content {
	f, err := open(root, name+"/.")
	if err != nil {
		if f, err = open(root, name); err != nil {
			return Missing
		}
		f.Close()
		return NoDirectory
	}
	defer f.Close()
	dir, err := os.OpenRoot(fdPath(f))
	if err != nil {
		return Missing
	}
	defer dir.Close()
	found, looked := Empty, 0
	_ = fs.WalkDir(dir.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if looked++; looked > mostLooked {
			return fs.SkipAll
		}
		if err != nil || entry.IsDir() {
			return nil
		}
		found = Data
		if entry.Type().IsRegular() && program(dir, name, entry) {
			found = Programs
			return fs.SkipAll
		}
		return nil
	})
	return found
}

// program tells whether a regular file is one, or a library.
func program(dir *os.Root, name string, entry fs.DirEntry) bool {
	info, err := entry.Info()
	if err != nil || info.Mode()&0o111 == 0 && !strings.Contains(entry.Name(), ".so") {
		return false
	}
	// An image that was put together on another system has the bit on everything.
	f, err := dir.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	begin := make([]byte, 4)
	n, _ := io.ReadFull(f, begin)
	return bytes.HasPrefix(begin[:n], []byte("\x7fELF")) || bytes.HasPrefix(begin[:n], []byte("#!"))
}
