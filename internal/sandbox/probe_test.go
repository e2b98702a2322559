package sandbox

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// probeVariable turns the test binary into a program that looks around in a container.
const probeVariable = "BAILEY_SANDBOX_PROBE"

func TestMain(m *testing.M) {
	if os.Args[0] == InitTarget { // as Bailey's init is called
		fmt.Fprintln(os.Stderr, syscall.Exec(os.Args[2], os.Args[2:], os.Environ()))
		os.Exit(1)
	}
	switch os.Getenv(probeVariable) {
	case "":
		os.Exit(m.Run())
	case "observe":
		json.NewEncoder(os.Stdout).Encode(look())
	case "i386":
		fate(func() { execute([]byte{0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xc3}) }) // mov $20 (getpid), %eax; int $0x80; ret
	case "x32":
		fate(func() { syscall.RawSyscall(0x40000000|39, 0, 0, 0) }) // getpid
	case "exit":
	}
}

// observation is what a probe sees of its sandbox; a call or a file that worked is "".
type observation struct {
	Status     map[string]string
	Calls      map[string]string
	Files      map[string]string
	Masked     map[string]int
	Mounts     string
	Namespaces map[string]string
	Pid        int
	UIDMap     string
	Nofile     uint64
	Core       uint64
	Fds        string
}

// denied is a call that the filter denies. It is harmless when it is not:
// its arguments make the kernel refuse it later, with another error. always
// marks the ones that end with the same error anyway.
type denied struct {
	number uintptr
	args   [6]uintptr
	errno  syscall.Errno
	always bool
}

const bad = ^uintptr(0)

var deniedCalls = map[string]denied{
	"clone3":            {unix.SYS_CLONE3, [6]uintptr{0, 0}, syscall.ENOSYS, false},
	"unshare user":      {unix.SYS_UNSHARE, [6]uintptr{unix.CLONE_NEWUSER | unix.CLONE_NEWPID | 1}, syscall.EPERM, false},
	"clone user":        {unix.SYS_CLONE, [6]uintptr{unix.CLONE_NEWUSER | unix.CLONE_FS}, syscall.EPERM, false},
	"setns":             {unix.SYS_SETNS, [6]uintptr{bad, 0}, syscall.EPERM, false},
	"mount":             {unix.SYS_MOUNT, [6]uintptr{0, 0, 0, 0, 0}, syscall.EPERM, false},
	"fsopen":            {unix.SYS_FSOPEN, [6]uintptr{0, 0}, syscall.EPERM, false},
	"io_uring":          {unix.SYS_IO_URING_SETUP, [6]uintptr{0, 0}, syscall.EPERM, false},
	"userfaultfd":       {unix.SYS_USERFAULTFD, [6]uintptr{bad}, syscall.EPERM, false},
	"keyctl":            {unix.SYS_KEYCTL, [6]uintptr{bad}, syscall.EPERM, false},
	"add_key":           {unix.SYS_ADD_KEY, [6]uintptr{0, 0, 0, 0, 0}, syscall.EPERM, false},
	"bpf":               {unix.SYS_BPF, [6]uintptr{bad, 0, 0}, syscall.EPERM, true}, // unprivileged bpf may be off
	"perf":              {unix.SYS_PERF_EVENT_OPEN, [6]uintptr{0, bad, bad, bad, 0}, syscall.EPERM, false},
	"ptrace":            {unix.SYS_PTRACE, [6]uintptr{bad, bad}, syscall.EPERM, false},
	"process_vm_readv":  {unix.SYS_PROCESS_VM_READV, [6]uintptr{bad, 0, 0, 0, 0, bad}, syscall.EPERM, false},
	"name_to_handle_at": {unix.SYS_NAME_TO_HANDLE_AT, [6]uintptr{bad, 0, 0, 0, 0}, syscall.EPERM, false},
	"vmsplice":          {unix.SYS_VMSPLICE, [6]uintptr{bad, 0, 0, 0}, syscall.EPERM, false},
	"reboot":            {unix.SYS_REBOOT, [6]uintptr{0, 0, 0, 0}, syscall.EPERM, true}, // needs a right of the host's
	"chroot":            {unix.SYS_CHROOT, [6]uintptr{0}, syscall.EPERM, false},
	"vsock":             {unix.SYS_SOCKET, [6]uintptr{unix.AF_VSOCK, bad, 0}, syscall.EPERM, false},
	"alg":               {unix.SYS_SOCKET, [6]uintptr{unix.AF_ALG, bad, 0}, syscall.EPERM, false},
	"packet":            {unix.SYS_SOCKET, [6]uintptr{unix.AF_PACKET, bad, 0}, syscall.EPERM, false},
	"netlink audit":     {unix.SYS_SOCKET, [6]uintptr{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_AUDIT}, syscall.EPROTONOSUPPORT, false},
	"netlink netfilter": {unix.SYS_SOCKET, [6]uintptr{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_NETFILTER}, syscall.EPERM, false},
	"sctp":              {unix.SYS_SOCKET, [6]uintptr{unix.AF_INET, 99, unix.IPPROTO_SCTP}, syscall.EPERM, false},
	"TIOCSTI":           {unix.SYS_IOCTL, [6]uintptr{bad, unix.TIOCSTI, 0}, syscall.EPERM, false},
	"TIOCSTI with bits": {unix.SYS_IOCTL, [6]uintptr{bad, 1<<32 | unix.TIOCSTI, 0}, syscall.EPERM, false},
	"TIOCLINUX":         {unix.SYS_IOCTL, [6]uintptr{bad, unix.TIOCLINUX, 0}, syscall.EPERM, false},
	"personality":       {unix.SYS_PERSONALITY, [6]uintptr{0x0400000}, syscall.EPERM, false},
}

// allowedCalls reach the kernel, which refuses their arguments.
var allowedCalls = map[string]denied{
	"memfd_create":  {unix.SYS_MEMFD_CREATE, [6]uintptr{0, bad}, syscall.EINVAL, false},
	"ioctl TCGETS":  {unix.SYS_IOCTL, [6]uintptr{bad, unix.TCGETS}, syscall.EBADF, false},
	"ioctl FIONBIO": {unix.SYS_IOCTL, [6]uintptr{bad, 0x5421}, syscall.EBADF, false},
	"ioctl GPTN":    {unix.SYS_IOCTL, [6]uintptr{bad, unix.TIOCGPTN}, syscall.EBADF, false},
	"tcp":           {unix.SYS_SOCKET, [6]uintptr{unix.AF_INET, 99, unix.IPPROTO_TCP}, syscall.EINVAL, false},
	"netlink route": {unix.SYS_SOCKET, [6]uintptr{unix.AF_NETLINK, 99, unix.NETLINK_ROUTE}, syscall.EINVAL, false},
}

func look() observation {
	o := observation{
		Status: map[string]string{}, Calls: map[string]string{}, Files: map[string]string{}, Masked: map[string]int{},
		Namespaces: map[string]string{}, Pid: os.Getpid(),
	}
	for line := range strings.Lines(read("/proc/self/status")) {
		if name, value, ok := strings.Cut(line, ":"); ok {
			o.Status[name] = strings.TrimSpace(value)
		}
	}
	o.Mounts = read("/proc/self/mountinfo")
	o.UIDMap = strings.Join(strings.Fields(read("/proc/self/uid_map")), " ")
	o.Nofile, o.Core = hardLimit(syscall.RLIMIT_NOFILE), hardLimit(syscall.RLIMIT_CORE)
	for _, ns := range []string{"user", "pid", "net", "ipc", "uts", "mnt", "cgroup", "time"} {
		o.Namespaces[ns], _ = os.Readlink("/proc/self/ns/" + ns)
	}
	for _, path := range append(strings.Fields(os.Getenv(probeVariable+"_SHOW")), defaultMasked...) {
		o.Masked[path] = shown(path)
	}
	o.Fds = descriptors()
	lookAtCalls(o.Calls)
	lookAtFiles(o.Files)
	return o
}

func lookAtCalls(calls map[string]string) {
	runtime.LockOSThread()
	for _, set := range []map[string]denied{deniedCalls, allowedCalls} {
		for name, c := range set {
			_, _, errno := syscall.RawSyscall6(c.number, c.args[0], c.args[1], c.args[2], c.args[3], c.args[4], c.args[5])
			calls[name] = errno.Error()
		}
	}
	calls["bind :80"] = reason(bindPort(80))
}

// bindPort does without package net, which would make the test binary a dynamic one.
func bindPort(port int) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Bind(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}})
}

func lookAtFiles(files map[string]string) {
	for _, dir := range []string{"/", "/tmp", "/run", "/var/tmp", "/dev/shm", "/data", "/ro", SecretsDir, "/sys/fs/cgroup"} {
		path := filepath.Join(dir, "probe-write")
		files["write "+dir] = reason(os.WriteFile(path, []byte("#!/probe\n"), 0o755))
		if files["write "+dir] == "" {
			cmd := exec.Command(path)
			cmd.Env = []string{probeVariable + "=exit"}
			files["exec "+dir] = reason(cmd.Run())
		}
	}
	for _, path := range []string{"/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger"} {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err == nil {
			f.Close()
		}
		files["write "+path] = reason(err)
	}
}

// reason is the innermost error's text.
func reason(err error) string {
	for {
		inner, ok := err.(interface{ Unwrap() error })
		if !ok {
			break
		}
		err = inner.Unwrap()
	}
	if err == nil {
		return ""
	}
	return err.Error()
}

func read(path string) string {
	text, _ := os.ReadFile(path)
	return string(text)
}

// shown counts the bytes of a file, or the entries of a directory, up to a few.
func shown(path string) int {
	f, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer f.Close()
	if names, err := f.Readdirnames(8); err == nil {
		return len(names)
	}
	syscall.SetNonblock(int(f.Fd()), true)
	n, _ := syscall.Read(int(f.Fd()), make([]byte, 8))
	return max(n, 0)
}

func hardLimit(resource int) uint64 {
	var l syscall.Rlimit
	syscall.Getrlimit(resource, &l)
	return l.Max // Go raises the soft one at its start
}

// descriptors lists those that were open when the program began: Go's own
// are of epoll, events and its cgroup's limits.
func descriptors() string {
	entries, _ := os.ReadDir("/proc/self/fd")
	var out []string
	for _, e := range entries {
		target, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err == nil && !strings.HasPrefix(target, "anon_inode:") && !strings.HasPrefix(target, "/proc/") && !strings.HasPrefix(target, "/sys/fs/cgroup/") {
			out = append(out, e.Name())
		}
	}
	return strings.Join(out, " ")
}

// fate says whether a call comes back or its thread is killed: the filter
// kills just that.
func fate(call func()) {
	runtime.GOMAXPROCS(4) // the killed thread takes one with it
	thread, answered := make(chan int), make(chan bool)
	go func() {
		runtime.LockOSThread()
		thread <- unix.Gettid()
		call()
		answered <- true
	}()
	task := fmt.Sprintf("/proc/self/task/%d/status", <-thread)
	for {
		select {
		case <-answered:
			fmt.Print("answered")
			return
		case <-time.After(time.Millisecond):
		}
		if status := read(task); status == "" || strings.Contains(status, "Z (zombie)") {
			fmt.Print("killed")
			os.Exit(0)
		}
	}
}

// execute runs machine code.
func execute(code []byte) {
	page, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE|syscall.PROT_EXEC, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		panic(err)
	}
	copy(page, code)
	entry := unsafe.Pointer(&page[0])
	closure := unsafe.Pointer(&entry)
	(*(*func())(unsafe.Pointer(&closure)))()
}
