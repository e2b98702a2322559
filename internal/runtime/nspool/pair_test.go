package nspool

import (
	"bufio"
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const testBase = 0x70000000

// envSpawn makes the re-executed test binary start a namespace's process and
// wait to be killed.
const envSpawn = "BAILEY_NSPOOL_TEST_SPAWN"

func TestMain(m *testing.M) {
	if os.Getenv(envSpawn) != "" {
		p, err := New(testBase)
		fmt.Println(p.pid, err)
		select {}
	}
	os.Exit(m.Run())
}

func needRoot(t testing.TB) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("making namespaces for other ids needs root")
	}
}

func newPair(t testing.TB) *Pair {
	t.Helper()
	needRoot(t)
	p, err := New(testBase)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func readIn(t *testing.T, ns *os.File, path string) string {
	t.Helper()
	var data []byte
	err := WithNetNS(ns, func() (err error) {
		data, err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(data)), " ")
}

func TestNewOwnsAndMaps(t *testing.T) {
	p := newPair(t)
	owner, err := unix.IoctlRetInt(int(p.NetNS.Fd()), unix.NS_GET_USERNS)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(owner)
	var a, b unix.Stat_t
	if err := unix.Fstat(owner, &a); err != nil {
		t.Fatal(err)
	}
	if err := unix.Fstat(int(p.UserNS.Fd()), &b); err != nil {
		t.Fatal(err)
	}
	if a.Ino != b.Ino || a.Dev != b.Dev {
		t.Error("the network namespace is not owned by the user namespace")
	}
	// A process that enters sees the mapping, and may set its groups.
	out, err := exec.Command("nsenter", fmt.Sprintf("--user=/proc/%d/fd/%d", os.Getpid(), p.UserNS.Fd()),
		"cat", "/proc/self/uid_map", "/proc/self/gid_map", "/proc/self/setgroups").CombinedOutput()
	want := fmt.Sprintf("0 %d 65536 0 %d 65536 allow", testBase, testBase)
	if got := strings.Join(strings.Fields(string(out)), " "); got != want {
		t.Errorf("maps %q %v, want %q", got, err, want)
	}
}

func TestNewReadiesTheNetwork(t *testing.T) {
	p := newPair(t)
	var flags net.Flags
	var addrs []net.Addr
	err := WithNetNS(p.NetNS, func() error {
		lo, err := net.InterfaceByName("lo")
		if err != nil {
			return err
		}
		flags = lo.Flags
		addrs, err = lo.Addrs()
		return err
	})
	if err != nil || flags&net.FlagUp == 0 || len(addrs) != 1 || addrs[0].String() != "127.0.0.1/8" {
		t.Errorf("lo: %v %v %v", flags, addrs, err)
	}
	last := testBase + IDs - 1
	for path, want := range map[string]string{
		"ipv4/ip_unprivileged_port_start": "0",
		"ipv4/ping_group_range":           fmt.Sprintf("%d %d", testBase, last),
		"ipv6/conf/all/disable_ipv6":      "1",
		"ipv6/conf/default/disable_ipv6":  "1",
	} {
		path = "/proc/sys/net/" + path
		if _, err := os.Stat(path); err != nil {
			t.Logf("not on this kernel: %v", err)
			continue
		}
		if got := readIn(t, p.NetNS, path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	if err := p.EnableIPv6(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat("/proc/sys/net/ipv6"); err == nil {
		if got := readIn(t, p.NetNS, "/proc/sys/net/ipv6/conf/lo/disable_ipv6"); got != "0" {
			t.Errorf("IPv6 was not turned on: %s", got)
		}
	}
}

func TestPathsLeadToThePair(t *testing.T) {
	p := newPair(t)
	for path, f := range map[string]*os.File{p.UserNSPath(): p.UserNS, p.NetNSPath(): p.NetNS} {
		var a, b unix.Stat_t
		if err := errors.Join(unix.Stat(path, &a), unix.Fstat(int(f.Fd()), &b)); err != nil || a.Ino != b.Ino || a.Dev != b.Dev {
			t.Errorf("%s: %v, inode %d of %d", path, err, a.Ino, b.Ino)
		}
	}
	var files []os.DirEntry
	for end := time.Now().Add(10 * time.Second); len(files) != 1; time.Sleep(time.Millisecond) {
		var err error
		if files, err = os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.pid)); err != nil || time.Now().After(end) {
			t.Fatalf("the waiting process holds %v %v", files, err)
		}
	}
	path := p.UserNSPath()
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after close: %v", err)
	}
}

func TestWithNetNSComesBack(t *testing.T) {
	p := newPair(t)
	own, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	var inside string
	for range 50 {
		err := WithNetNS(p.NetNS, func() (err error) {
			inside, err = os.Readlink("/proc/thread-self/ns/net")
			return err
		})
		if err != nil || inside == own {
			t.Fatalf("inside %s, own %s, %v", inside, own, err)
		}
	}
	tasks, _ := os.ReadDir("/proc/self/task")
	for _, task := range tasks {
		if ns, err := os.Readlink("/proc/self/task/" + task.Name() + "/ns/net"); err == nil && ns != own {
			t.Errorf("thread %s stayed in %s", task.Name(), ns)
		}
	}
}

func TestNewRefusesIDsOfTheHost(t *testing.T) {
	for _, base := range []uint32{0, 1000, 65535, 0xffffffff, 0xffff0001} {
		if p, err := New(base); err == nil {
			p.Close()
			t.Errorf("a pair with ids from %d", base)
		}
	}
}

func TestNewLeavesNothing(t *testing.T) {
	if err := newPair(t).Close(); err != nil { // the program in memory stays open
		t.Fatal(err)
	}
	before := openFiles(t)
	for range 20 {
		p, err := New(testBase)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if after := openFiles(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
	var status syscall.WaitStatus
	if pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil); err != syscall.ECHILD {
		t.Errorf("a child was left: %d %v", pid, err)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// A node that is killed while it makes namespaces leaves no process.
func TestProcessDiesWithItsMaker(t *testing.T) {
	needRoot(t)
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), envSpawn+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	var pid int
	fmt.Sscan(line, &pid)
	if pid <= 0 {
		t.Fatalf("no process: %s", line)
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0); n != 0 {
		t.Fatalf("it ended by itself: %v", err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int((10 * time.Second).Milliseconds()))
	if n != 1 {
		t.Errorf("the process outlives its maker: %v", err)
	}
}

func TestProgramIsValid(t *testing.T) {
	f, err := elf.NewFile(bytes.NewReader(image()))
	if err != nil {
		t.Fatal(err)
	}
	p := f.Progs[0]
	if f.Type != elf.ET_EXEC || p.Flags != elf.PF_R|elf.PF_X || f.Entry != p.Vaddr+elfHeader+programHeader {
		t.Errorf("%+v %+v", f.FileHeader, p)
	}
	if len(image()) > 200 {
		t.Errorf("it has %d bytes", len(image()))
	}
}

func BenchmarkNew(b *testing.B) {
	needRoot(b)
	for b.Loop() {
		p, err := New(testBase)
		if err != nil {
			b.Fatal(err)
		}
		p.Close()
	}
}
