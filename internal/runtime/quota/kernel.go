package quota

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Numbers of linux/quota.h, linux/dqblk_xfs.h and linux/fs.h.
const (
	cmdGet    = 0x800007<<8 | projects // Q_GETQUOTA
	cmdSet    = 0x800008<<8 | projects // Q_SETQUOTA
	cmdStatus = 0x5808<<8 | projects   // Q_XGETQSTATV, which ext4 answers too
	projects  = 2                      // PRJQUOTA

	limitsOfBlocks, limitsOfInodes = 1, 4           // QIF_BLIMITS, QIF_ILIMITS
	projectCounted, projectLimited = 1 << 4, 1 << 5 // FS_QUOTA_PDQ_ACCT, FS_QUOTA_PDQ_ENFD
	blockSize                      = 1024           // QIF_DQBLKSIZE

	getAttr = 0x801c581f // FS_IOC_FSGETXATTR
	setAttr = 0x401c5820 // FS_IOC_FSSETXATTR
	inherit = 0x200      // FS_XFLAG_PROJINHERIT
)

// dqblk is struct if_dqblk.
type dqblk struct {
	blockHard, blockSoft, space  uint64 // limits in blocks, space in bytes
	inodeHard, inodeSoft, inodes uint64
	blockTime, inodeTime         uint64
	valid                        uint32
	_                            uint32
}

// statv is struct fs_quota_statv; only its first fields are of interest.
type statv struct {
	version int8
	_       uint8
	flags   uint16
	_       [252]byte
}

// fsxattr is struct fsxattr.
type fsxattr struct {
	flags, extent, extents, project, cow uint32
	_                                    [8]byte
}

// quotactl is quotactl_fd(2), Linux 5.14: it needs no path of a block device.
func quotactl(dir *os.File, cmd uint, project uint32, arg unsafe.Pointer) error {
	_, _, errno := unix.Syscall6(unix.SYS_QUOTACTL_FD, dir.Fd(), uintptr(cmd), uintptr(project), uintptr(arg), 0, 0)
	if errno != 0 {
		return os.NewSyscallError("quotactl_fd", errno)
	}
	return nil
}

// read returns what a project holds and may hold. One that was never heard of
// holds nothing.
func read(dir *os.File, project uint32) (dqblk, error) {
	var q dqblk
	err := quotactl(dir, cmdGet, project, unsafe.Pointer(&q))
	if errors.Is(err, unix.ENOENT) {
		return dqblk{}, nil
	}
	return q, err
}

func limit(dir *os.File, project uint32, c Cap) error {
	q := dqblk{valid: limitsOfBlocks | limitsOfInodes}
	if c.Bytes > 0 {
		q.blockHard = uint64(c.Bytes+blockSize-1) / blockSize
	}
	if c.Inodes > 0 {
		q.inodeHard = uint64(c.Inodes)
	}
	return quotactl(dir, cmdSet, project, unsafe.Pointer(&q))
}

func attr(dir *os.File, cmd uintptr, a *fsxattr) error {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, dir.Fd(), cmd, uintptr(unsafe.Pointer(a)))
	if errno != 0 {
		return os.NewSyscallError("ioctl", errno)
	}
	return nil
}

// tagOf returns the project that a directory hands on, or 0.
func tagOf(dir *os.File) (uint32, error) {
	var a fsxattr
	if err := attr(dir, getAttr, &a); err != nil {
		return 0, err
	}
	if a.flags&inherit == 0 {
		return 0, nil
	}
	return a.project, nil
}

// tag has a directory belong to a project and hand it on; 0 takes that back.
func tag(dir *os.File, project uint32) error {
	var a fsxattr
	if err := attr(dir, getAttr, &a); err != nil {
		return err
	}
	a.project = project
	a.flags |= inherit
	if project == 0 {
		a.flags &^= inherit
	}
	return attr(dir, setAttr, &a)
}

// status tells what the file system does with quotas, as FS_QUOTA_* bits.
func status(dir *os.File) (uint16, error) {
	s := statv{version: 1} // FS_QSTATV_VERSION1
	err := quotactl(dir, cmdStatus, 0, unsafe.Pointer(&s))
	return s.flags, err
}
