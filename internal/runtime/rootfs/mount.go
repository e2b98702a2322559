package rootfs

import (
	"errors"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Mount mounts the root file system that c describes on c.Target. It is
// overlayfs over idmapped layers, or an error: never a root whose ids are not
// mapped. The mount has no device nodes and, unless c says otherwise, honours
// no set-user-id bit.
func Mount(c Config) error {
	if err := c.check(); err != nil {
		return err
	}
	if c.Volatile && c.Upper != "" {
		// A crash of the machine leaves this mark of overlayfs's option
		// "volatile"; whoever asks to mount again has decided to go on.
		if err := os.RemoveAll(c.Work + "/work/incompat"); err != nil {
			return &Error{"clear", c.Work, err}
		}
	}
	target, err := openDir(c.Target)
	if err != nil {
		return err
	}
	defer unix.Close(target)
	if c.frozen() && len(c.Lower) == 1 {
		return mountSingle(&c, target)
	}
	return onOwnThread(func() error {
		err := mountByFD(&c, target)
		if !tooOld(err) {
			return err
		}
		if older := mountStaged(&c, target); older != nil {
			return errors.Join(err, older)
		}
		return nil
	})
}

// tooOld tells the answers of kernels before 6.13, which do not take the
// writable layer, or (before 6.15) layers that are mounted nowhere, by
// descriptor.
func tooOld(err error) bool {
	return errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EOPNOTSUPP)
}

// onOwnThread runs f on a thread that is thrown away afterwards, because f
// changes the thread's credentials and working directory.
func onOwnThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		done <- f()
	}()
	return <-done
}

// mountSingle shows a single layer, for which overlayfs is neither needed nor willing.
func mountSingle(c *Config, target int) error {
	set, err := openLayers(c, false)
	if err != nil {
		return err
	}
	defer set.close()
	attr := &unix.MountAttr{Attr_set: uint64(c.attributes()) | unix.MOUNT_ATTR_RDONLY}
	if err := unix.MountSetattr(set.lower[0], "", unix.AT_EMPTY_PATH, attr); err != nil {
		return &Error{"protect", c.Lower[0], err}
	}
	return attach(set.lower[0], target, c.Target)
}

func (c *Config) attributes() int {
	attr := unix.MOUNT_ATTR_NODEV
	if !c.AllowSetuid {
		attr |= unix.MOUNT_ATTR_NOSUID
	}
	if c.ReadOnly || c.frozen() {
		attr |= unix.MOUNT_ATTR_RDONLY
	}
	return attr
}

// Options that hold whatever the kernel's defaults are: redirects and
// metacopies are instructions that a hostile layer could carry.
var fixedOptions = [...][2]string{{"redirect_dir", "nofollow"}, {"metacopy", "off"}, {"index", "off"}}

// mountByFD hands overlayfs its layers by descriptor: nothing of the host's
// paths is in the mount.
func mountByFD(c *Config, target int) error {
	set, err := openLayers(c, true)
	if err != nil {
		return err
	}
	defer set.close()
	if err := set.inMemory(); err != nil {
		return err
	}
	fs, err := unix.Fsopen("overlay", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return &Error{"open file system", "overlay", err}
	}
	defer unix.Close(fs)
	if err := configure(fs, set); err != nil {
		return err
	}
	if err := becomeRootOf(c.IDBase); err != nil {
		return err
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return &Error{"create overlay", kernelSays(fs), err}
	}
	m, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, c.attributes())
	if err != nil {
		return &Error{"mount overlay", kernelSays(fs), err}
	}
	defer unix.Close(m)
	if err := writable(c, m); err != nil {
		return err
	}
	return attach(m, target, c.Target)
}

func configure(fs int, set *layerSet) error {
	if err := unix.FsconfigSetString(fs, "source", "overlay"); err != nil {
		return &Error{"configure overlay", "source", err}
	}
	for i, fd := range set.lower {
		if err := unix.FsconfigSetFd(fs, "lowerdir+", fd); err != nil {
			return &Error{"add layer", set.c.Lower[i], err}
		}
	}
	for _, o := range fixedOptions {
		if err := unix.FsconfigSetString(fs, o[0], o[1]); err != nil {
			return &Error{"configure overlay", o[0], err}
		}
	}
	if set.upper < 0 {
		return nil
	}
	if err := unix.FsconfigSetFd(fs, "upperdir", set.upper); err != nil {
		return &Error{"add the writable layer", set.c.Upper, err}
	}
	if err := unix.FsconfigSetFd(fs, "workdir", set.work); err != nil {
		return &Error{"add the writable layer", set.c.Work, err}
	}
	if set.c.Volatile {
		if err := unix.FsconfigSetFlag(fs, "volatile"); err != nil {
			return &Error{"configure overlay", "volatile", err}
		}
	}
	return nil
}

// becomeRootOf gives this thread the file-system ids of the container's root,
// with every capability kept. Overlayfs remembers the credentials of its
// mounter for its own work in the writable layer, and ids that the idmapped
// layer does not know could own nothing there.
func becomeRootOf(base uint32) error {
	const keepCaps = 1 << 2 // SECBIT_NO_SETUID_FIXUP of linux/securebits.h
	bits, err := unix.PrctlRetInt(unix.PR_GET_SECUREBITS, 0, 0, 0, 0)
	if err == nil {
		err = unix.Prctl(unix.PR_SET_SECUREBITS, uintptr(bits|keepCaps), 0, 0, 0)
	}
	if err != nil {
		return &Error{"keep capabilities", "", err}
	}
	unix.SetfsgidRetGid(int(base))
	unix.SetfsuidRetUid(int(base))
	uid, _ := unix.SetfsuidRetUid(-1) // an impossible id changes nothing and tells the present one
	gid, _ := unix.SetfsgidRetGid(-1)
	if uint32(uid) != base || uint32(gid) != base {
		return &Error{"take the ids of the container's root", "", unix.EPERM}
	}
	return nil
}

// writable refuses the read-only mount that overlayfs falls back to when it
// cannot use its scratch directory.
func writable(c *Config, mount int) error {
	if c.frozen() || c.ReadOnly {
		return nil
	}
	var s unix.Statfs_t
	if err := unix.Fstatfs(mount, &s); err != nil {
		return &Error{"inspect overlay", c.Target, err}
	}
	if s.Flags&unix.ST_RDONLY != 0 {
		return &Error{"use the writable layer", c.Upper, unix.EROFS}
	}
	return nil
}

func attach(mount, target int, path string) error {
	const empty = unix.MOVE_MOUNT_F_EMPTY_PATH | unix.MOVE_MOUNT_T_EMPTY_PATH
	if err := unix.MoveMount(mount, "", target, "", empty); err != nil {
		return &Error{"mount on", path, err}
	}
	return nil
}

// kernelSays reads what the file system wrote about its configuration.
func kernelSays(fs int) string {
	var said []string
	buf := make([]byte, 512)
	for range 8 {
		n, err := unix.Read(fs, buf)
		if err != nil || n <= 0 {
			break
		}
		said = append(said, strings.TrimSpace(string(buf[:n])))
	}
	return strings.Join(said, "; ")
}
