package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/bailey-run/bailey/internal/filelock"
)

// BusyError tells that a daemon already runs the node.
type BusyError struct {
	// Dir is the node's directory, PID the daemon's process, or "" when it is not known.
	Dir, PID string
}

func (e *BusyError) Error() string {
	who, stop := "another process", "find it with: fuser "+filepath.Join(e.Dir, lockName)
	if e.PID != "" {
		who, stop = "process "+e.PID, "stop it with: kill "+e.PID
	}
	if e.Dir == DefaultDir {
		stop += " (or: systemctl stop bailey)"
	}
	return fmt.Sprintf("the node in %s is already run by %s; two daemons would undo each other's work; %s", e.Dir, who, stop)
}

const lockName = "lock"

// takeLock holds the node for this process until the file is closed or the
// process ends. It returns a *BusyError when another one has it.
func takeLock(dir string) (*os.File, error) {
	path := filepath.Join(dir, lockName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	err = filelock.Take(f)
	if errors.Is(err, filelock.ErrHeld) {
		pid := make([]byte, 16)
		n, _ := f.Read(pid)
		_ = f.Close()
		return nil, &BusyError{Dir: dir, PID: strings.TrimSpace(string(pid[:n]))}
	}
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = fmt.Fprintln(f, os.Getpid())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return f, nil
}
