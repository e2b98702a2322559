// Command probe runs in a container and tries what a container must not be able to do. It prints one "name: outcome" line
// for each try: "ok", or the error.
package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sort"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The first thread is the one that main runs on.
func init() { runtime.LockOSThread() }

func main() {
	if len(os.Args) < 2 {
		os.Exit(64)
	}
	switch os.Args[1] {
	case "hello":
		fmt.Println("hello")
	case "try":
		report(kernelTries())
		report(fileTries())
	case "dial": // every further argument is network=address
		for _, address := range os.Args[2:] {
			fmt.Printf("%s: %s\n", address, outcome(dial(address)))
		}
	case "rounds": // dials every further argument again and again
		for {
			rounds(os.Args[2:])
		}
	case "forge": // tells HARDWARE-ADDRESS, again and again, that an address is at this container's own: INTERFACE VICTIM-MAC VICTIM-IP IP
		fmt.Printf("forge: %s\n", outcome(forge(os.Args[2], os.Args[3], os.Args[4], os.Args[5])))
	case "resolve":
		for _, name := range os.Args[2:] {
			addresses, err := net.LookupHost(name)
			sort.Strings(addresses)
			fmt.Printf("%s: %v %s\n", name, addresses, outcome(err))
		}
	case "dns":
		fmt.Printf("dns: %s\n", outcome(ask(os.Args[2])))
	case "x32":
		if call(0x40000000|unix.SYS_GETPID)() == nil {
			fmt.Println("ok")
		}
	case "half": // ends its first thread; the others go on
		fmt.Println("half")
		call(unix.SYS_EXIT)()
	case "serve":
		serve(os.Args[2])
	}
}

func report(tries map[string]func() error) {
	names := make([]string, 0, len(tries))
	for name := range tries {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Printf("%s: %s\n", name, outcome(tries[name]()))
	}
}

func outcome(err error) string {
	if err == nil {
		return "ok"
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return unix.ErrnoName(errno)
	}
	return err.Error()
}

// call makes a system call with arguments that the kernel would refuse with EFAULT or EINVAL if it looked at them.
func call(number uintptr, args ...uintptr) func() error {
	return func() error {
		var a [6]uintptr
		copy(a[:], args)
		if _, _, errno := unix.RawSyscall6(number, a[0], a[1], a[2], a[3], a[4], a[5]); errno != 0 {
			return errno
		}
		return nil
	}
}

func socket(family, kind, protocol int) func() error {
	return func() error {
		fd, err := unix.Socket(family, kind, protocol)
		if err == nil {
			unix.Close(fd)
		}
		return err
	}
}

func kernelTries() map[string]func() error {
	const bad = ^uintptr(0) - 4096
	return map[string]func() error{
		"socket unix":              socket(unix.AF_UNIX, unix.SOCK_STREAM, 0),
		"socket inet":              socket(unix.AF_INET, unix.SOCK_STREAM, 0),
		"socket netlink route":     socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE),
		"socket netlink audit":     socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_AUDIT),
		"socket netlink netfilter": socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_NETFILTER),
		"socket netlink crypto":    socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_CRYPTO),
		"socket raw":               socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP),
		"socket packet":            socket(unix.AF_PACKET, unix.SOCK_RAW, 0),
		"socket vsock":             socket(unix.AF_VSOCK, unix.SOCK_STREAM, 0),
		"socket alg":               socket(unix.AF_ALG, unix.SOCK_SEQPACKET, 0),
		"socket bluetooth":         socket(unix.AF_BLUETOOTH, unix.SOCK_RAW, 0),
		"socket xdp":               socket(unix.AF_XDP, unix.SOCK_RAW, 0),
		"unshare user":             call(unix.SYS_UNSHARE, unix.CLONE_NEWUSER),
		"unshare mount":            call(unix.SYS_UNSHARE, unix.CLONE_NEWNS),
		"clone3":                   call(unix.SYS_CLONE3, 0, 0),
		"mount":                    func() error { return unix.Mount("none", "/tmp", "tmpfs", 0, "") },
		"remount root":             func() error { return unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND, "") },
		"umount masked":            func() error { return unix.Unmount("/proc/kcore", unix.MNT_DETACH) },
		"fsopen":                   call(unix.SYS_FSOPEN, bad, 0),
		"open_tree":                call(unix.SYS_OPEN_TREE, bad, bad, 0),
		"pivot_root":               call(unix.SYS_PIVOT_ROOT, bad, bad),
		"setns":                    call(unix.SYS_SETNS, 0, unix.CLONE_NEWNS),
		"bpf":                      call(unix.SYS_BPF, 0, bad, 0),
		"perf_event_open":          call(unix.SYS_PERF_EVENT_OPEN, bad, 0, 0, 0, 0),
		"userfaultfd":              call(unix.SYS_USERFAULTFD, 0),
		"io_uring_setup":           call(unix.SYS_IO_URING_SETUP, 1, bad),
		"add_key":                  call(unix.SYS_ADD_KEY, bad, bad, 0, 0, 0),
		"keyctl":                   call(unix.SYS_KEYCTL, 0, 0),
		"request_key":              call(unix.SYS_REQUEST_KEY, bad, bad, 0, 0),
		"init_module":              call(unix.SYS_INIT_MODULE, bad, 0, bad),
		"kexec_load":               call(unix.SYS_KEXEC_LOAD, 0, 0, 0, 0),
		"reboot":                   call(unix.SYS_REBOOT, 0, 0, 0, 0),
		"swapon":                   call(unix.SYS_SWAPON, bad, 0),
		"open_by_handle_at":        call(unix.SYS_OPEN_BY_HANDLE_AT, 0, bad, 0),
		"settimeofday":             func() error { return unix.Settimeofday(&unix.Timeval{Sec: 1}) },
		"sethostname":              func() error { return unix.Sethostname([]byte("evil")) },
		"x32 getpid":               x32,
		"raise nofile":             func() error { return unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1 << 20, Max: 1 << 20}) },
		"raise core":               func() error { return unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: 1, Max: 1}) },
	}
}

func fileTries() map[string]func() error {
	write := func(path string) func() error {
		return func() error {
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
			if err == nil {
				f.Close()
			}
			return err
		}
	}
	tries := map[string]func() error{
		"mknod": func() error { return unix.Mknod("/tmp/disk", unix.S_IFBLK|0o600, int(unix.Mkdev(8, 0))) },
		"setuid file": func() error {
			if err := write("/tmp/setuid")(); err != nil {
				return err
			}
			return os.Chmod("/tmp/setuid", 0o4755)
		},
	}
	for _, path := range []string{"/evil", "/etc/evil", "/bin/evil", "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/sys/evil",
		"/sys/fs/cgroup/evil", "/tmp/file", "/run/file", "/var/tmp/file", "/dev/shm/file"} {
		tries["write "+path] = write(path)
	}
	for _, dir := range []string{"/tmp", "/run", "/var/tmp", "/dev/shm"} {
		tries["exec in "+dir] = func() error { return execIn(dir) }
		tries["fill "+dir] = func() error { return fill(dir + "/big") }
	}
	return tries
}

// x32 makes a system call of another ABI. It is made in a process of its own, because the kernel may kill who makes it, or
// one thread of that.
func x32() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, _ := exec.CommandContext(ctx, "/proc/self/exe", "x32").Output()
	if string(out) == "ok\n" {
		return nil
	}
	return unix.EPERM
}

// execIn runs a copy of this program that lies in dir.
func execIn(dir string) error {
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return err
	}
	path := dir + "/copy"
	if err := os.WriteFile(path, self, 0o755); err != nil {
		return err
	}
	defer os.Remove(path)
	p, err := os.StartProcess(path, []string{path, "hello"}, &os.ProcAttr{})
	if err != nil {
		return err
	}
	_, err = p.Wait()
	return err
}

// fill writes 200 MiB.
func fill(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer os.Remove(path)
	defer f.Close()
	for range 200 {
		if _, err := f.Write(make([]byte, 1<<20)); err != nil {
			return err
		}
	}
	return nil
}

// patience is how long a connection may take before it counts as refused.
const patience = 1500 * time.Millisecond

func dial(address string) error {
	conn, err := net.DialTimeout("tcp4", address, patience)
	if err == nil {
		conn.Close()
	}
	return err
}

// ask sends a name server the question for the address of localhost and wants an answer of any kind.
func ask(server string) error {
	conn, err := net.DialTimeout("udp4", server, patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	question := []byte{0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 9, 'l', 'o', 'c', 'a', 'l', 'h', 'o', 's', 't', 0, 0, 1, 0, 1}
	if _, err := conn.Write(question); err != nil {
		return err
	}
	if err := conn.SetReadDeadline(time.Now().Add(2 * patience)); err != nil {
		return err
	}
	answer := make([]byte, 512)
	n, err := conn.Read(answer)
	if err != nil {
		return err
	}
	if n < 12 || binary.BigEndian.Uint16(answer) != 0x1234 {
		return errors.New("not an answer")
	}
	return nil
}

func serve(address string) {
	listener, err := net.Listen("tcp4", address)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("serving")
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, "hello\n")
		conn.Close()
	}
}
