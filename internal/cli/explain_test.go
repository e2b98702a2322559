package cli

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bailey-run/bailey/internal/cli/daemon"
)

func TestExplainSocket(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "bailey-explain-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "s.sock")
	to := target{url: "unix://" + path, socket: path}
	expect := func(want string) {
		t.Helper()
		if got := explainSocket(to); !strings.Contains(got, want) {
			t.Errorf("said %q, want %q in it", got, want)
		}
	}
	expect("there is no such socket")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	expect("did not answer in time")
	if os.Geteuid() == 0 {
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Seteuid(65534); err != nil {
			t.Fatal(err)
		}
		got := explainSocket(to)
		if err := syscall.Seteuid(0); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(got, "may not use the node") || !strings.Contains(got, "usermod -aG bailey") {
			t.Errorf("without permission: %q", got)
		}
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	expect("nobody listens on it any more")
}

func TestExplainNamesTheWayToStart(t *testing.T) {
	for want, to := range map[string]target{
		"sudo bailey up --dir /n":         {url: "unix:///n/bailey.sock", socket: "/n/bailey.sock", dir: "/n"},
		"sudo systemctl start bailey":     {url: "unix://" + daemon.DefaultSocket, socket: "/nowhere/" + daemon.DefaultSocket},
		"whose socket is DIR/bailey.sock": {url: "unix:///x", socket: "/nowhere/x"},
	} {
		if strings.Contains(want, "systemctl") {
			if _, err := os.Stat(daemon.DefaultSocket); err == nil {
				continue // a real node runs here
			}
			to.socket = daemon.DefaultSocket
		}
		if got := explainSocket(to); !strings.Contains(got, want) {
			t.Errorf("said %q, want %q in it", got, want)
		}
	}
}
