package daemon

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestListen(t *testing.T) {
	needRoot(t)
	long := filepath.Join(t.TempDir(), strings.Repeat("d", 100), strings.Repeat("e", 100))
	if err := os.MkdirAll(long, 0o755); err != nil {
		t.Fatal(err)
	}
	c := Config{Socket: long + "/bailey.sock", Settings: Settings{AlsoListen: []string{"unix://" + long + "/more.sock"}}}
	s, err := listen(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{c.Socket, long + "/more.sock"} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o660 {
			t.Errorf("%s: %v, %v", filepath.Base(path), info, err)
		}
		conn, err := DialSocket(context.Background(), path)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
	}
	if _, err := listen(c); err == nil || !strings.Contains(err.Error(), "another program listens") {
		t.Errorf("a socket in use was replaced: %v", err)
	}
	s.close()
	if exists(c.Socket) {
		t.Error("the socket file was left")
	}
}

func TestListenReplacesOnlyStaleSockets(t *testing.T) {
	needRoot(t)
	path := filepath.Join(t.TempDir(), "s.sock")
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	_ = stale.Close()
	s, err := listen(Config{Socket: path})
	if err != nil {
		t.Fatalf("a stale socket stops the daemon: %v", err)
	}
	s.close()
	write(t, path, "somebody's data", 0o644)
	_, err = listen(Config{Socket: path})
	wants(t, err, "not a socket")
	if data, _ := os.ReadFile(path); string(data) != "somebody's data" {
		t.Error("somebody's file was replaced")
	}
}

func TestSocketGroup(t *testing.T) {
	if gid, err := socketGroup("root"); gid != 0 || err != nil {
		t.Errorf("group root: %d, %v", gid, err)
	}
	_, err := socketGroup("no-such-group")
	wants(t, err, "groupadd --system")
}

// TestInherited starts this test again the way systemd would, with descriptor 3 open.
func TestInherited(t *testing.T) {
	if os.Getenv("TEST_INHERITED") != "" {
		listeners, err := inherited()
		fmt.Printf("RESULT %d %v\n", len(listeners), err)
		return
	}
	path := filepath.Join(t.TempDir(), "s.sock")
	unix, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close()
	tcp, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	for name, c := range map[string]struct {
		socket interface{ File() (*os.File, error) }
		pid    string
		want   string
	}{
		"unix":            {unix, "$$", "RESULT 1 <nil>"},
		"tcp":             {tcp, "$$", "client certificates only"},
		"another process": {unix, "1", "RESULT 0 <nil>"},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := c.socket.File()
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			cmd := exec.Command("/bin/sh", "-c", "LISTEN_PID="+c.pid+` LISTEN_FDS=1 exec "$0" -test.run '^TestInherited$'`, os.Args[0])
			cmd.Env, cmd.ExtraFiles = append(os.Environ(), "TEST_INHERITED=1"), []*os.File{f}
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), c.want) {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

func TestDialSocketTellsWhatIsWrong(t *testing.T) {
	_, err := DialSocket(context.Background(), filepath.Join(t.TempDir(), "none.sock"))
	if !os.IsNotExist(unwrapAll(err)) {
		t.Errorf("a missing socket: %v", err)
	}
}

func unwrapAll(err error) error {
	for {
		u, ok := err.(interface{ Unwrap() error })
		if !ok {
			return err
		}
		err = u.Unwrap()
	}
}

func needRoot(t *testing.T) {
	t.Helper()
	if syscall.Geteuid() != 0 {
		t.Skip("needs root")
	}
}
