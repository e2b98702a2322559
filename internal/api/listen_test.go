package api

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestListen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "b.sock")
	ln, err := Listen(path, "no-such-group-here")
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	st := info.Sys().(*syscall.Stat_t)
	if info.Mode() != os.ModeSocket|0o660 || st.Uid != uint32(os.Geteuid()) {
		t.Errorf("mode %v, owner %d", info.Mode(), st.Uid)
	}
	if ln.Addr().String() != path {
		t.Errorf("address %s", ln.Addr())
	}
	var busy *BusyError
	if _, err := Listen(path, ""); !errors.As(err, &busy) {
		t.Errorf("a second node took the socket: %v", err)
	}
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
	if err := ln.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}
	again, err := Listen(path, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestListenGroup(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to give a socket to a group")
	}
	path := filepath.Join(t.TempDir(), "b.sock")
	ln, err := Listen(path, "daemon")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	want, err := groupID("daemon")
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(path)
	if err != nil || want == 0 || info.Sys().(*syscall.Stat_t).Gid != uint32(want) {
		t.Errorf("group %+v, want %d, %v", info, want, err)
	}
}

func TestListenReplacesStale(t *testing.T) {
	path := filepath.Join(t.TempDir(), "b.sock")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	var busy *BusyError
	if _, err := Listen(path, ""); !errors.As(err, &busy) || !strings.Contains(err.Error(), "somebody listens") {
		t.Errorf("a socket that is served was taken: %v", err)
	}
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	ln, err := Listen(path, "")
	if err != nil {
		t.Fatalf("a dead node's socket was not replaced: %v", err)
	}
	if err := ln.Close(); err != nil {
		t.Error(err)
	}
}

func TestListenLeavesOtherThings(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	var busy *BusyError
	for _, path := range []string{file, link, dir} {
		if _, err := Listen(path, ""); !errors.As(err, &busy) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "precious" {
		t.Errorf("the file is now %q, %v", text, err)
	}
}

// TestListenLongPath: the address of a unix socket holds 107 bytes, directories may be deeper.
func TestListenLongPath(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("d", 120))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "b.sock")
	ln, err := Listen(path, "")
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	conn, err := net.Dial("unix", "/proc/self/fd/"+strconv.Itoa(int(f.Fd()))+"/b.sock")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(conn.Close(), ln.Close()); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
}

// TestCloseSparesAnotherSocket: a socket that somebody else put there is not removed.
func TestCloseSparesAnotherSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "b.sock")
	ln, err := Listen(path, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	other, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if inode := ln.(*listener).inode; inodeOf(t, path) == inode {
		t.Skip("the file system gave the new socket the old one's number")
	}
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the other socket is gone: %v", err)
	}
}

func inodeOf(t *testing.T, path string) uint64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st.Ino
}

// TestActivated re-executes the test with sockets passed as a service manager does.
func TestActivated(t *testing.T) {
	if os.Getenv("BAILEY_TEST_ACTIVATED") != "" {
		reportActivated()
		return
	}
	dir := t.TempDir()
	good, err := net.Listen("unix", filepath.Join(dir, "a.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer good.Close()
	goodFile, err := good.(*net.UnixListener).File()
	if err != nil {
		t.Fatal(err)
	}
	plain, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, pid string
		files     []*os.File
		want      string
	}{
		{"one socket", "self", []*os.File{goodFile}, "1 listeners: " + filepath.Join(dir, "a.sock")},
		{"for another process", "1", []*os.File{goodFile}, "0 listeners: "},
		{"not a socket", "self", []*os.File{plain}, "error: socket activation: descriptor 3"},
		{"one of each", "self", []*os.File{goodFile, plain}, "error: socket activation: descriptor 4"},
		{"a port", "self", []*os.File{tcpFile(t)}, "error: socket activation: descriptor 3 is not a listening unix stream socket"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			// The shell gives the process id before it becomes the test.
			script := `export LISTEN_PID=` + strings.Replace(tc.pid, "self", "$$", 1) + `; exec "$0" -test.run '^TestActivated$'`
			cmd := exec.Command("/bin/sh", "-c", script, os.Args[0])
			cmd.ExtraFiles = tc.files
			cmd.Env = append(os.Environ(), "BAILEY_TEST_ACTIVATED=1", "LISTEN_FDS="+strconv.Itoa(len(tc.files)), "LISTEN_FDNAMES=x")
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), tc.want) {
				t.Errorf("got %s, %v\nwant %s", out, err, tc.want)
			}
		})
	}
}

func tcpFile(t *testing.T) *os.File {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Skip("no internet sockets here: ", err)
	}
	if err := unix.Listen(fd, 1); err != nil {
		t.Skip("no internet sockets here: ", err)
	}
	f := os.NewFile(uintptr(fd), "tcp")
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func reportActivated() {
	lns, err := Activated()
	if err != nil {
		println("error: " + err.Error())
		return
	}
	line := strconv.Itoa(len(lns)) + " listeners: "
	for _, ln := range lns {
		line += ln.Addr().String()
	}
	if os.Getenv("LISTEN_FDS")+os.Getenv("LISTEN_PID")+os.Getenv("LISTEN_FDNAMES") != "" {
		line = "error: the environment still tells children of the sockets"
	}
	println(line)
}

// TestPeer: the caller is who the kernel says, with all groups.
func TestPeer(t *testing.T) {
	if os.Getenv("BAILEY_TEST_DIAL") != "" {
		conn, err := net.Dial("unix", os.Getenv("BAILEY_TEST_DIAL"))
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 1)
		_, _ = conn.Read(buf) // until the test has looked
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root to connect as somebody else")
	}
	dir, err := os.MkdirTemp("/tmp", "peer") // others must be able to reach it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path, self := filepath.Join(dir, "s"), filepath.Join(dir, "test")
	if err := errors.Join(os.Chmod(dir, 0o755), copyFile(os.Args[0], self)); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	groups := []uint32{2, 54321} // bin, and one without a name
	for i := range 60 {
		groups = append(groups, 60000+uint32(i)) // more than fit the first try
	}
	cmd := exec.Command(self, "-test.run", "^TestPeer$")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "BAILEY_TEST_DIAL="+path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1, Gid: 1, Groups: groups}}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	p := peerOf(withPeer(t.Context(), conn))
	c, err := p.caller()
	if err := errors.Join(err, conn.Close(), cmd.Wait()); err != nil {
		t.Fatal(err)
	}
	if c.UID != 1 || c.GID != 1 || c.User != "daemon" || strings.Join(c.Groups, " ") != "daemon bin" || len(p.groups) != 62 {
		t.Errorf("caller %+v, groups %v", c, p.groups)
	}
}

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o755)
}

// TestServeSeveral: a server answers on all of its sockets, and all end together.
func TestServeSeveral(t *testing.T) {
	s, err := New(Options{Engine: newFake()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var paths []string
	done := make(chan error, 3)
	for range 3 {
		path := filepath.Join(t.TempDir(), "s")
		ln, err := Listen(path, "")
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
		go func() { done <- s.Serve(ctx, ln) }()
	}
	for _, path := range paths {
		n := &node{Server: s, path: path}
		if resp := n.raw(t, "GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n"); resp.StatusCode != 200 {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
	cancel()
	for range 3 {
		if err := within(t, "the end of Serve", done); err != nil {
			t.Error(err)
		}
	}
}

// TestServeFails: a socket that breaks is an error.
func TestServeFails(t *testing.T) {
	s, err := New(Options{Engine: newFake()})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := Listen(filepath.Join(t.TempDir(), "s"), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(t.Context(), ln); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

// TestNoPeer: what is not a unix socket has nobody at the other end.
func TestNoPeer(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if _, err := peerOf(withPeer(t.Context(), a)).caller(); err == nil || status(err) != 403 {
		t.Errorf("got %v", err)
	}
	if _, err := peerOf(t.Context()).caller(); err == nil || status(err) != 403 {
		t.Errorf("got %v", err)
	}
}
