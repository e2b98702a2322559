package build

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

// openMark names the boot in which the databases were last opened. While it is there they were not closed.
const openMark = "open"

// openSound opens BuildKit, on empty databases when those that are there are not to be trusted: one is damaged, or the
// machine went down under them. What a step wrote is not on the disk before a clean stop, or before an image is made of
// it, so that after a power failure the cache could hold files with holes.
func (b *Builder) openSound(ctx context.Context) (*opened, error) {
	boot, err := bootID()
	if err != nil {
		return nil, err
	}
	mark := filepath.Join(b.opts.Dir, openMark)
	last, err := os.ReadFile(mark)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err == nil && !bytes.Equal(last, boot) {
		if err := b.reset(ctx, errors.New("the machine went down while it was open")); err != nil {
			return nil, err
		}
	}
	if err := b.check(); err != nil {
		if err := b.reset(ctx, err); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(mark, boot, 0o600); err != nil {
		return nil, err
	}
	kit, err := b.tryOpen(ctx)
	if err == nil {
		return kit, nil
	}
	if err := b.reset(ctx, err); err != nil {
		return nil, err
	}
	return b.tryOpen(ctx)
}

// tryOpen is open with an error for what damaged data makes libraries do.
func (b *Builder) tryOpen(ctx context.Context) (kit *opened, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the databases cannot be used: %v", p)
		}
	}()
	return b.open(ctx)
}

// checkUpTo is the size of a database, in bytes, up to which all of it is looked at before it is used.
const checkUpTo = 64 << 20

// check looks for damage.
func (b *Builder) check() error {
	for _, name := range []string{solverDB, refsDB, historyDB} {
		if err := checkDB(filepath.Join(b.opts.Dir, name)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func checkDB(path string) (err error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || info.Size() > checkUpTo {
		return err
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("it is damaged: %v", p)
		}
	}()
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: 1, ReadOnly: true, PreLoadFreelist: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.View(func(tx *bolt.Tx) error {
		if size := tx.Size(); size > info.Size() { // what is behind the end of the file would be read as empty
			return fmt.Errorf("it has %d bytes of %d", info.Size(), size)
		}
		var errs []error
		for err := range tx.Check() {
			if len(errs) < 3 {
				errs = append(errs, err)
			}
		}
		return errors.Join(errs...)
	})
}

// reset begins with an empty cache. Images are not touched.
func (b *Builder) reset(ctx context.Context, why error) error {
	b.log.Warn("the build cache is emptied; images stay", "why", why)
	for _, name := range []string{solverDB, refsDB, historyDB} {
		if err := os.Remove(filepath.Join(b.opts.Dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return b.opts.Images.DropOwned(ctx)
}

// markClean says that everything is on the disk.
func (b *Builder) markClean() error {
	dir, err := os.Open(b.opts.Dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := unix.Syncfs(int(dir.Fd())); err != nil {
		return err
	}
	return os.Remove(filepath.Join(b.opts.Dir, openMark))
}

func bootID() ([]byte, error) { return os.ReadFile("/proc/sys/kernel/random/boot_id") }

// sweep unmounts and removes what a process that was killed had in use for a moment. Without such it is one look.
func (b *Builder) sweep() error {
	dir := filepath.Join(b.opts.Dir, "tmp")
	if names, err := os.ReadDir(dir); errors.Is(err, fs.ErrNotExist) || err == nil && len(names) == 0 {
		return nil
	} else if err != nil {
		return err
	}
	points, err := mountsBelow(dir)
	if err != nil {
		return err
	}
	for _, point := range slices.Backward(points) {
		if err := unix.Unmount(point, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil {
			return fmt.Errorf("clear away %s: %w", point, err)
		}
	}
	return os.RemoveAll(dir)
}

// mountsBelow lists mount points in the order of mounting. Source: proc_pid_mountinfo(5).
func mountsBelow(dir string) ([]string, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var points []string
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) > 4 && strings.HasPrefix(fields[4], dir+"/") {
			points = append(points, fields[4])
		}
	}
	return points, lines.Err()
}
