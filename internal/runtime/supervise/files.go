package supervise

import (
	"errors"
	"strconv"
	"strings"

	"github.com/bailey-run/bailey/internal/runtime/wire"
	"golang.org/x/sys/unix"
)

func fdPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// MemDir is the directory, in a container's run directory, that holds what
// nobody else needs to see: the OCI spec, the secrets, and the mounts. It is a
// file system in memory, mounted in the supervisor's mount namespace only.
const MemDir = "mem"

// mountMemory cuts the mounts made here off from the host's, lets those that
// the host takes away go here too, and makes MemDir with the container's
// namespaces under the names that its spec uses.
func (s *Supervisor) mountMemory() error {
	if err := unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
		return errors.New("detach the mount namespace: " + err.Error())
	}
	// Never swapped: a tmpfs that says so, or before Linux 6.4 a ramfs.
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	mem := s.dir + "/" + MemDir
	err := unix.Mount("bailey", mem, "tmpfs", flags, "noswap,mode=0711,size=32m,nr_inodes=1k")
	if err == unix.EINVAL {
		err = unix.Mount("bailey", mem, "ramfs", flags, "mode=0711")
	}
	if err != nil {
		return errors.New("mount memory on " + mem + ": " + err.Error())
	}
	if s.memFD, err = unix.Open(mem, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		return errors.New("open " + mem + ": " + err.Error())
	}
	for _, name := range [...]string{"rootfs", "secrets", "files", "ns"} {
		if err := unix.Mkdirat(s.memFD, name, 0o755); err != nil {
			return errors.New("make " + mem + "/" + name + ": " + err.Error())
		}
	}
	return s.nameNamespaces(mem)
}

func (s *Supervisor) nameNamespaces(mem string) error {
	for _, ns := range [...]struct {
		fd   int
		name string
	}{{FDUserNS, "ns/user"}, {FDNetNS, "ns/net"}} {
		if strings.IndexByte(s.spaces, ns.name[len("ns/")]) < 0 {
			continue
		}
		err := writeFile(s.memFD, ns.name, nil)
		if err == nil {
			err = unix.Mount(fdPath(ns.fd), mem+"/"+ns.name, "", unix.MS_BIND, "")
		}
		if err != nil {
			return errors.New("name the namespace " + ns.name + ": " + err.Error())
		}
	}
	return nil
}

// maxDelivered bounds the secrets, and the files.
const maxDelivered = 128

// deliver writes the secrets, or the files, into a directory of the memory.
func (s *Supervisor) deliver(place string, secrets []wire.Secret) error {
	if len(secrets) == 0 {
		return nil
	}
	if len(secrets) > maxDelivered {
		return errors.New("more than " + strconv.Itoa(maxDelivered))
	}
	fd, err := unix.Openat(s.memFD, place, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for i := range secrets {
		if err := deliverOne(fd, &secrets[i]); err != nil {
			return errors.New(strconv.Quote(secrets[i].Name) + ": " + err.Error())
		}
	}
	return nil
}

func deliverOne(dir int, m *wire.Secret) error {
	defer clear(m.Data)
	if m.Name == "" || m.Name == "." || m.Name == ".." || strings.ContainsAny(m.Name, "/\x00") {
		return errors.New("not a file's name")
	}
	fd, err := unix.Openat(dir, m.Name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := writeAll(fd, m.Data); err != nil {
		return err
	}
	if err := unix.Fchown(fd, int(m.UID), int(m.GID)); err != nil {
		return err
	}
	return unix.Fchmod(fd, m.Mode&0o777)
}

// writeFile writes a file of directory dir.
func writeFile(dir int, name string, b []byte) error {
	fd, err := unix.Openat(dir, name, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return writeAll(fd, b)
}

func writeAll(fd int, b []byte) error {
	for len(b) > 0 {
		n, err := unix.Write(fd, b)
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// replaceFile writes a file of the run directory that is read whole or not at
// all. It need not outlive the boot, so that nothing waits for the disk.
func (s *Supervisor) replaceFile(name string, b []byte) error {
	if err := writeFile(s.dirFD, name+".new", b); err != nil {
		return err
	}
	return unix.Renameat(s.dirFD, name+".new", s.dirFD, name)
}

// protect makes the kernel look elsewhere first when memory runs out: with its
// supervisor a container loses its log, its exit status and its terminal. It
// needs a privilege that a daemon in a container may lack.
func (s *Supervisor) protect() {
	if s.start.OOMAdjusted {
		fd, err := unix.Open("/proc/self/oom_score_adj", unix.O_WRONLY|unix.O_CLOEXEC, 0)
		if err == nil {
			_, _ = unix.Write(fd, []byte("-998"))
			unix.Close(fd)
		}
	}
}
