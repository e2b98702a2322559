package payload

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Ledger remembers for the next daemons of the same boot which programs were
// read and what they were found to be, so that they need not be read again for
// as long as the kernel says that nothing about them has changed. It extends
// what [Program.Verify] trusts from the life of a daemon to that of a boot:
// only root can write the ledger, and root could as well replace the daemon.
// It ends with the boot, because a disk can be written from elsewhere between
// two. It is safe for concurrent use.
type Ledger struct {
	path, boot string
	settled    time.Duration // settledAge; tests cannot wait

	mu      sync.Mutex
	before  map[string]entry // what was found, by path
	now     map[string]entry // what this daemon opened
	changed bool
}

// entry is what is known of a file.
type entry struct {
	Identity string // see identity
	Sum      string // SHA-256 of the content, hexadecimal
	Says     string `json:",omitempty"` // see Ledger.Said
}

// ledgerFile is the ledger as it is stored.
type ledgerFile struct {
	Boot  string
	Files map[string]entry
}

const (
	// ledgerMax bounds a ledger: it is a few lines.
	ledgerMax = 64 << 10
	// settledAge is how long a file must have been as it is to be remembered.
	// Timestamps are coarse: one that was just changed can be changed again
	// without a trace (the racy entries of Git's index are the same problem).
	settledAge = 2 * time.Second
)

// OpenLedger reads the ledger at path. One that cannot be read, that others than
// root can write, or that is of another boot is as good as none. So is any when
// boot is empty. The directory must be writable by root alone.
func OpenLedger(path, boot string) *Ledger {
	l := &Ledger{path: path, boot: boot, settled: settledAge, now: map[string]entry{}}
	var stored ledgerFile
	if b, err := readLedger(path); err == nil && json.Unmarshal(b, &stored) == nil && boot != "" && stored.Boot == boot {
		l.before = stored.Files
	}
	return l
}

func readLedger(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return nil, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Uid != 0 || st.Mode&0o022 != 0 || st.Size > ledgerMax {
		return nil, fmt.Errorf("%s is not a file that only root can write", path)
	}
	return io.ReadAll(io.LimitReader(f, ledgerMax))
}

// Open is the package's Open, less the reading of what is known.
func (l *Ledger) Open(path string) (*Program, error) {
	l.mu.Lock()
	known, ok := l.before[path]
	l.mu.Unlock()
	if ok {
		if p := known.program(path); p != nil {
			l.note(path, known, false)
			return p, nil
		}
	}
	p, err := Open(path)
	if err == nil && p.identity.age() > l.settled {
		l.note(path, entry{Identity: p.identity.String(), Sum: hex.EncodeToString(p.sum[:])}, true)
	}
	return p, err
}

// program is the file at path if it still is what was noted, nil otherwise.
func (e entry) program(path string) *Program {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil || e.Identity != identify(&st).String() {
		return nil
	}
	p := &Program{Path: path, identity: identify(&st)}
	if n, err := hex.Decode(p.sum[:], []byte(e.Sum)); err != nil || n != len(p.sum) {
		return nil
	}
	return p
}

func (l *Ledger) note(path string, e entry, changed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now[path] = e
	l.changed = l.changed || changed
}

// Said is what [Ledger.Say] noted about a program, empty when it is not known.
func (l *Ledger) Said(p *Program) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now[p.Path].Says
}

// Say notes what a program said of itself, for as long as it stays what it is.
func (l *Ledger) Say(p *Program, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.now[p.Path]; ok {
		e.Says = text
		l.now[p.Path], l.changed = e, true
	}
}

// Save writes down what was opened, if that is news. It need not reach the disk:
// a ledger that is lost costs the next daemon some milliseconds.
func (l *Ledger) Save() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.changed || l.boot == "" {
		return nil
	}
	b, err := json.Marshal(ledgerFile{Boot: l.boot, Files: l.now})
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(l.path), ".ledger-") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), l.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	l.changed = false
	return nil
}
