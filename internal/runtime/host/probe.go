package host

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/bailey-run/bailey/internal/runtime/nspool"
	"github.com/bailey-run/bailey/internal/runtime/rootfs"
)

// probeBase is a range of ids for a moment's test, above all that containers get.
const probeBase = 0x80000000

func release() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}

// openFilesystem asks the kernel for a file system, which also loads its
// module, and for one of its options; it mounts nothing.
func openFilesystem(kind, flag string) error {
	fd, err := unix.Fsopen(kind, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return fmt.Errorf("open file system %s: %w", kind, err)
	}
	defer unix.Close(fd)
	if flag == "" {
		return nil
	}
	if err := unix.FsconfigSetFlag(fd, flag); err != nil {
		return fmt.Errorf("set %s of %s: %w", flag, kind, err)
	}
	return nil
}

func tryPair() error {
	p, err := nspool.New(probeBase)
	if err != nil {
		return err
	}
	return p.Close()
}

func tryIdmap(dir string) error {
	p, err := nspool.New(probeBase)
	if err != nil {
		return err
	}
	defer p.Close()
	fd, err := rootfs.Clone(rootfs.Volume{Source: dir, UserNS: int(p.UserNS.Fd())})
	if err != nil {
		return err
	}
	return os.NewFile(uintptr(fd), dir).Close()
}
