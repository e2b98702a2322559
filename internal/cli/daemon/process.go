package daemon

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// settle makes this process independent of how it was started, so that
// nothing of that reaches what it starts: descriptors above standard error are
// closed on exec, the working directory is /, and files are made with the modes
// that are asked for.
func settle() error {
	if err := unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return fmt.Errorf("inherited descriptors cannot be kept from children (the kernel is older than 5.11): %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	unix.Umask(0o022)
	return nil
}
