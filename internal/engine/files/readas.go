package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Reader is with whose rights a file of the host is read: ids of the host.
type Reader struct {
	UID, GID uint32
	Groups   []uint32
}

// ReadAs reads a regular file of the host as the kernel would let Reader read it, at most limit bytes, and returns its
// permission bits too. The node may read everything; whoever asks it to read something may not, and the kernel
// knows best what they may. The name is one whose links were resolved before: where one is now, somebody put it there since. Nothing
// of procfs and sysfs is read: what a process sees there of itself would be the node's own.
func ReadAs(who Reader, name string, limit int64) ([]byte, fs.FileMode, error) {
	type result struct {
		data []byte
		mode fs.FileMode
		err  error
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		err := takeRights(who)
		if err != nil {
			done <- result{err: fmt.Errorf("take the rights of user id %d: %w", who.UID, err)}
			return
		}
		data, mode, err := readRegular(name, limit)
		done <- result{data, mode, err}
	}()
	r := <-done
	return r.data, r.mode, r.err
}

// takeRights gives this thread, and no other, somebody's file-system ids and groups. Leaving file-system id 0 takes the
// capabilities over files along (capabilities(7), "Effect of user ID changes").
func takeRights(who Reader) error {
	// syscall.Setgroups would change all threads.
	var first unsafe.Pointer
	if len(who.Groups) > 0 {
		first = unsafe.Pointer(&who.Groups[0])
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(who.Groups)), uintptr(first), 0); errno != 0 {
		return errno
	}
	unix.SetfsgidRetGid(int(who.GID))
	unix.SetfsuidRetUid(int(who.UID))
	uid, _ := unix.SetfsuidRetUid(-1) // an impossible id changes nothing and tells the present one
	gid, _ := unix.SetfsgidRetGid(-1)
	if uint32(uid) != who.UID || uint32(gid) != who.GID {
		return unix.EPERM
	}
	return nil
}

func readRegular(name string, limit int64) ([]byte, fs.FileMode, error) {
	// Without O_NONBLOCK a FIFO would hold the thread for ever.
	fd, err := unix.Openat2(unix.AT_FDCWD, name, &unix.OpenHow{
		Flags: unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS})
	if errors.Is(err, unix.ELOOP) {
		return nil, 0, fmt.Errorf("%s, or a directory above it, has become a link: make the container again to follow it", name)
	}
	if err != nil {
		return nil, 0, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%s is not a file", name)
	}
	if of, err := ofKernel(f); err != nil || of {
		return nil, 0, errors.Join(err, fmt.Errorf("%s is not a file on a disk but the kernel's", name))
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, 0, err
	}
	if int64(len(data)) > limit {
		return nil, 0, &TooLargeError{Name: name, Limit: limit}
	}
	return data, info.Mode().Perm(), nil
}

// TooLargeError says that files have more bytes, or are more, than may be delivered into memory.
type TooLargeError struct {
	Name  string
	Limit int64 // bytes
}

// Error says what to do instead.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%s does not fit: files that are delivered before the start have %d bytes at most; put what is larger into a volume or the image", e.Name, e.Limit)
}
