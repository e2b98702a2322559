package runtime

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bailey-run/bailey/internal/runtime/nspool"
	"github.com/bailey-run/bailey/internal/runtime/supervise"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// withSecrets shows the secrets where a spec does.
func (b *box) withSecrets(list ...Secret) {
	b.req.Secrets = list
	b.req.Spec.Mounts = append(b.req.Spec.Mounts, specs.Mount{
		Destination: "/run/secrets", Type: "bind", Source: PathsIn(b.prep.RunDir).Secrets,
		Options: []string{"bind", "ro", "nosuid", "nodev", "noexec"},
	})
}

func TestSecretsAreReadableInsideAndNowhereElse(t *testing.T) {
	n := newNode(t)
	// In two halves, so that this test's own binary does not hold it.
	secret := []byte("correct horse " + fmt.Sprint("battery staple ", randomHex(8)))
	b := n.box("sh", "-c", "cd /run/secrets; id -u; stat -c '%a %u %g' db; cat db; echo; cat root-only || echo refused; echo x > db || echo read-only; echo shown; sleep 100")
	b.req.Spec.Process.User = specs.User{UID: 1000, GID: 1001}
	b.withSecrets(
		Secret{Name: "db", Data: bytes.Clone(secret), UID: b.pair.IDBase + 1000, GID: b.pair.IDBase + 1001},
		Secret{Name: "root-only", Data: []byte("r"), UID: b.pair.IDBase, GID: b.pair.IDBase, Mode: 0o600},
	)
	environment := []byte("ENVIRONMENT=" + randomHex(8))
	b.req.Spec.Process.Env = append(b.req.Spec.Process.Env, string(environment))
	b.start()
	b.waitOutput("shown\n")
	out := b.logged()
	want := "1000\n400 1000 1001\n" + string(secret) + "\n"
	if !strings.HasPrefix(out, want) || !strings.Contains(out, "refused\n") || !strings.Contains(out, "read-only\n") {
		t.Errorf("inside: %q", out)
	}
	os.Remove(b.prep.Log.Path) // which holds it because it was printed
	err := filepath.WalkDir(n.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || d.Name() == "bailey-runc" {
			return err
		}
		if content, err := os.ReadFile(path); err == nil && bytes.Contains(content, secret) || bytes.Contains(content, environment) {
			t.Errorf("it, or the environment, is in %s", path)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	var fstype string
	mounts, _ := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", b.SupervisorPid()))
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, filepath.Join(b.prep.RunDir, supervise.MemDir)+" ") {
			fstype = line
		}
	}
	if !strings.Contains(fstype, "noswap") && !strings.Contains(fstype, "ramfs") {
		t.Errorf("it could be swapped: %q", fstype)
	}
	environ, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", b.Pid()))
	if bytes.Contains(environ, secret) {
		t.Error("it is in the environment")
	}
}

// Ordinary signals do not end a supervisor, and what it does against them does
// not reach the container.
func TestSignalsToTheSupervisor(t *testing.T) {
	n := newNode(t)
	b := n.box("sh", "-c", "grep -E 'Sig(Ign|Blk)' /proc/self/status; echo shown; sleep 100")
	b.start()
	b.waitOutput("shown\n")
	if want := "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nshown\n"; b.logged() != want {
		t.Errorf("in the container: %q", b.logged())
	}
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM} {
		if err := syscall.Kill(b.SupervisorPid(), sig); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Signal(b.ctx(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if e := b.wait(); e.Code != 137 || e.Reason != "" {
		t.Errorf("%+v", e)
	}
}

func TestBadSecretNames(t *testing.T) {
	n := newNode(t)
	for _, name := range []string{"", ".", "..", "a/b", "/etc/x", "a\x00b"} {
		b := n.box("true").prepare()
		b.withSecrets(Secret{Name: name, Data: []byte("x")})
		if _, err := b.Start(b.ctx(), b.req); err == nil || !strings.Contains(err.Error(), "not a file's name") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// address gives the container an address of its own, as the network does.
func (b *box) address() string {
	b.n.t.Helper()
	host, inside := fmt.Sprintf("198.18.%d.1", b.id[0]), fmt.Sprintf("198.18.%d.2", b.id[0])
	if err := veth(b.pair, host, inside); err != nil {
		b.n.t.Skip("needs a pair of virtual interfaces: ", err)
	}
	return inside
}

func TestPublishedPorts(t *testing.T) {
	n := newNode(t)
	b := n.box("sh", "-c", "echo hello from inside > /tmp/index.html; httpd -p 80 -h /tmp; sleep 100")
	ip := b.address()
	b.echoUDP(ip + ":53")
	b.req.Ports = []Forward{{Proto: "tcp", ContainerIP: ip, ContainerPort: 80}, {HostIP: "127.0.0.1", Proto: "udp", ContainerIP: ip, ContainerPort: 53}}
	s := b.start()
	if len(s.Ports) != 2 || s.Ports[0].HostPort == 0 || s.Ports[0].ContainerPort != 80 {
		t.Fatalf("%+v", s.Ports)
	}
	get := func() string {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.Ports[0].HostPort))
		if err != nil {
			return err.Error()
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(5 * time.Second))
		fmt.Fprint(c, "GET /index.html HTTP/1.0\r\n\r\n")
		got, _ := io.ReadAll(c)
		return string(got)
	}
	for end := time.Now().Add(10 * time.Second); !strings.Contains(get(), "hello from inside"); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("got %q", get())
		}
	}
	u, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", s.Ports[1].HostPort))
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	u.SetDeadline(time.Now().Add(5 * time.Second))
	u.Write([]byte("echo?\n"))
	buf := make([]byte, 100)
	if n, err := u.Read(buf); string(buf[:n]) != "echo?\n" {
		t.Errorf("udp: %q %v", buf[:n], err)
	}
	// The ports outlive the daemon's own connections, and not the container.
	b.Delete(b.ctx())
	if got := get(); !strings.Contains(got, "refused") {
		t.Errorf("after the end: %q", got)
	}
}

// echoUDP answers in the container's network, which busybox cannot.
func (b *box) echoUDP(address string) {
	b.n.t.Helper()
	var pc net.PacketConn
	err := nspool.WithNetNS(b.pair.NetNS, func() (err error) {
		pc, err = net.ListenPacket("udp4", address)
		return err
	})
	if err != nil {
		b.n.t.Fatal(err)
	}
	b.n.t.Cleanup(func() { pc.Close() })
	go func() {
		buf := make([]byte, 2000)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			pc.WriteTo(buf[:n], from)
		}
	}()
}

func TestPortInUseIsNamed(t *testing.T) {
	n := newNode(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	b := n.box("true").prepare()
	b.req.Ports = []Forward{{HostPort: uint16(ln.Addr().(*net.TCPAddr).Port), Proto: "tcp", ContainerIP: "198.18.0.2", ContainerPort: 80}}
	_, err = b.Start(b.ctx(), b.req)
	if err == nil || !strings.Contains(err.Error(), ln.Addr().String()+"/tcp") || !strings.Contains(err.Error(), "already in use") {
		t.Errorf("got %v", err)
	}
	if err := b.Delete(b.ctx()); err != nil {
		t.Error(err)
	}
	n.clean(b)
}

// The supervisor is not part of what spawned it: another session, another
// mount namespace, nothing inherited.
func TestSupervisorIsAlone(t *testing.T) {
	n := newNode(t)
	t.Setenv("LEAK", "me")
	leak, _ := os.Open("/etc/hostname")
	defer leak.Close()
	unix.FcntlInt(leak.Fd(), unix.F_SETFD, 0) // not even what is not marked
	b := n.box("sleep", "100")
	b.start()
	pid := b.SupervisorPid()
	sid, _ := unix.Getsid(pid)
	if sid != pid {
		t.Errorf("it is in session %d", sid)
	}
	if cwd, _ := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid)); cwd != "/" {
		t.Errorf("it works in %s", cwd)
	}
	environ, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if bytes.Contains(environ, []byte("LEAK")) {
		t.Errorf("its environment is %q", environ)
	}
	fds, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	for _, fd := range fds {
		target, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", pid, fd.Name()))
		if strings.Contains(target, "hostname") {
			t.Errorf("descriptor %s is %s", fd.Name(), target)
		}
	}
	ours, _ := os.Readlink("/proc/self/ns/mnt")
	theirs, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/mnt", pid))
	if ours == theirs {
		t.Error("it shares the mount namespace")
	}
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	if bytes.Contains(mounts, []byte(b.prep.RunDir)) {
		t.Error("its mounts are seen from outside")
	}
	if st, _ := os.Stat(filepath.Join(b.prep.RunDir, socketName)); st.Mode().Perm() != 0o600 {
		t.Errorf("its socket has mode %v", st.Mode())
	}
	group, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	for end := time.Now().Add(10 * time.Second); !bytes.Contains(group, []byte("supervisors")); time.Sleep(5 * time.Millisecond) {
		group, _ = os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
		if time.Now().After(end) {
			t.Fatalf("its control groups are %s", group)
		}
	}
}

// veth joins the pair's network namespace with the host's. It goes with the
// namespace.
func veth(pair *nspool.Pair, host, inside string) error {
	name := "bt" + randomHex(4)
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "eth0", PeerNamespace: netlink.NsFd(pair.NetNS.Fd())})
	if err != nil {
		return err
	}
	if err := addAddress(name, host); err != nil {
		return err
	}
	return nspool.WithNetNS(pair.NetNS, func() error { return addAddress("eth0", inside) })
}

func addAddress(name, ip string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	addr, err := netlink.ParseAddr(ip + "/24")
	if err != nil {
		return err
	}
	if err := netlink.AddrAdd(link, addr); err != nil {
		return err
	}
	return netlink.LinkSetUp(link)
}
