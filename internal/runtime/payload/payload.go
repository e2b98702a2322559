package payload

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

//go:embed all:bin
var files embed.FS

// The programs.
const (
	Runc       = "bailey-runc"
	Supervisor = "bailey-supervisor"
	Init       = "bailey-init"
	Probe      = "bailey-probe"
	Resolver   = "bailey-resolver"
)

// ErrMissing means that this binary was compiled without the program.
var ErrMissing = errors.New("built without runtime: run make build")

// Read returns a shipped program.
func Read(name string) ([]byte, error) {
	content, err := files.ReadFile("bin/" + name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, ErrMissing)
	}
	return content, nil
}

// sums is the file with the digests of the programs, as sha256sum(1) writes it.
const sums = "bin/SHA256SUMS"

// Digest is what a shipped program's [Program.Digest] is, empty when it is not shipped.
func Digest(name string) string {
	sum, err := digest(name)
	if err != nil {
		return ""
	}
	return text(sum)
}

// digest is what the build wrote down of a program. Reading the program itself
// instead would bring all of it into the memory of every node.
func digest(name string) (sum [sha256.Size]byte, err error) {
	list, _ := files.ReadFile(sums)
	for line := range strings.Lines(string(list)) {
		fields := strings.Fields(line)
		if len(fields) != 2 || fields[1] != name {
			continue
		}
		if n, err := hex.Decode(sum[:], []byte(fields[0])); err != nil || n != len(sum) {
			return sum, fmt.Errorf("the digest of %s is %q: %w", name, fields[0], ErrMissing)
		}
		return sum, nil
	}
	return sum, fmt.Errorf("%s: %w", name, ErrMissing)
}

// Unpack puts a shipped program into a directory below dir that is named after
// its digest, unless it is there already, and verifies it. The directories are
// searchable by everyone: a container executes the init as an ordinary user.
func (l *Ledger) Unpack(dir, name string) (*Program, error) {
	f, err := files.Open("bin/" + name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, ErrMissing)
	}
	defer f.Close()
	sum, err := digest(name)
	if err != nil {
		return nil, err
	}
	return l.unpack(dir, name, sum, f)
}

func (l *Ledger) unpack(dir, name string, digest [sha256.Size]byte, content io.Reader) (*Program, error) {
	home := home(dir, digest)
	if err := os.MkdirAll(home, 0o755); err != nil {
		return nil, err
	}
	path := filepath.Join(home, name)
	if p, err := l.Open(path); err == nil && p.sum == digest {
		return p, nil
	}
	if err := write(home, path, content); err != nil {
		return nil, fmt.Errorf("unpack %s: %w", path, err)
	}
	p, err := l.Open(path)
	if err == nil && p.sum != digest {
		err = &ChangedError{Path: path}
	}
	return p, err
}

// home is the directory of a program.
func home(dir string, digest [sha256.Size]byte) string {
	return filepath.Join(dir, hex.EncodeToString(digest[:]))
}

// write makes the file whole or not at all, also across a crash: the digest in
// its path is a promise. No process is forked meanwhile: it would hold the file
// open for writing until it has executed its own program, and the kernel executes
// none that is (ETXTBSY).
func write(home, path string, content io.Reader) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	f, err := os.CreateTemp(home, ".new-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = io.Copy(f, content)
	err = errors.Join(err, f.Chmod(0o755), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// Foreign lists the directories below dir that are not of this version's
// programs. They must not be removed while a supervisor of another version
// lives, which executes what it was told to.
func Foreign(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var own []string
	for _, name := range []string{Runc, Supervisor, Init, Resolver} {
		if sum, err := digest(name); err == nil {
			own = append(own, home(dir, sum))
		}
	}
	var foreign []string
	for _, e := range entries {
		if path := filepath.Join(dir, e.Name()); !slices.Contains(own, path) {
			foreign = append(foreign, path)
		}
	}
	return foreign, nil
}
