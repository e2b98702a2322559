package supervise

import (
	"errors"
	"strconv"
	"strings"

	"github.com/bailey-run/bailey/internal/runtime/wire"
	"golang.org/x/sys/unix"
)

func fdPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// mountNamespaces cuts the mounts made here off from the host's, lets those
// that the host takes away go here too, and gives the container's namespaces
// the names that its spec uses.
func (s *Supervisor) mountNamespaces() error {
	if err := unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
		return errors.New("detach the mount namespace: " + err.Error())
	}
	if !s.pair {
		return nil
	}
	for _, ns := range [...]struct {
		fd   int
		name string
	}{{FDUserNS, "user"}, {FDNetNS, "net"}} {
		if err := unix.Mount(fdPath(ns.fd), s.dir+"/ns/"+ns.name, "", unix.MS_BIND, ""); err != nil {
			return errors.New("name the " + ns.name + " namespace: " + err.Error())
		}
	}
	return nil
}

// The bounds on secrets.
const maxSecrets = 128

// deliver puts the secrets into memory that is never swapped: a tmpfs that
// says so, or before Linux 6.4 a ramfs. It is visible in this mount namespace
// and in the container only.
func (s *Supervisor) deliver(secrets []wire.Secret) error {
	if len(secrets) == 0 {
		return nil
	}
	if len(secrets) > maxSecrets {
		return errors.New("more than " + strconv.Itoa(maxSecrets) + " secrets")
	}
	dir := s.dir + "/secrets"
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	err := unix.Mount("bailey", dir, "tmpfs", flags, "noswap,mode=0755,size=16m,nr_inodes=256")
	if err == unix.EINVAL {
		err = unix.Mount("bailey", dir, "ramfs", flags, "mode=0755")
	}
	if err != nil {
		return err
	}
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for i := range secrets {
		if err := deliverOne(fd, &secrets[i]); err != nil {
			return errors.New(strconv.Quote(secrets[i].Name) + ": " + err.Error())
		}
	}
	return unix.Mount("", dir, "", flags|unix.MS_REMOUNT|unix.MS_RDONLY, "")
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
	for b := m.Data; len(b) > 0; {
		n, err := unix.Write(fd, b)
		if err != nil {
			return err
		}
		b = b[n:]
	}
	if err := unix.Fchown(fd, int(m.UID), int(m.GID)); err != nil {
		return err
	}
	return unix.Fchmod(fd, m.Mode&0o777)
}

// writeFile writes a file of the run directory.
func (s *Supervisor) writeFile(name string, b []byte) error {
	fd, err := unix.Openat(s.dirFD, name, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for len(b) > 0 {
		n, err := unix.Write(fd, b)
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// replaceFile writes a file that is read whole or not at all. It need not
// outlive the boot, so that nothing waits for the disk.
func (s *Supervisor) replaceFile(name string, b []byte) error {
	if err := s.writeFile(name+".new", b); err != nil {
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
