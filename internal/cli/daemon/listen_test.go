package daemon

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestListen(t *testing.T) {
	dir := t.TempDir()
	c := Config{Socket: dir + "/bailey.sock", Settings: Settings{AlsoListen: []string{"unix://" + dir + "/more.sock"}}}
	listeners, err := listen(c, simple())
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{c.Socket, dir + "/more.sock"} {
		conn, err := DialSocket(context.Background(), path)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
	}
	closeAll(listeners)
	if exists(c.Socket) {
		t.Error("the socket file was left")
	}
}

func TestListenTakesWhatTheManagerHolds(t *testing.T) {
	dir := t.TempDir()
	held, err := simple().Listen(dir+"/held.sock", "")
	if err != nil {
		t.Fatal(err)
	}
	w := simple()
	w.Activated = func() ([]net.Listener, error) { return []net.Listener{held}, nil }
	listeners, err := listen(Config{Socket: dir + "/bailey.sock"}, w)
	if err != nil || len(listeners) != 1 || exists(dir+"/bailey.sock") {
		t.Errorf("%d listeners, %v", len(listeners), err)
	}
	closeAll(listeners)
}

// TestListenGivesBackWhatItTook: when a later socket fails, the earlier ones are removed again.
func TestListenGivesBackWhatItTook(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/taken", "somebody's data", 0o644)
	c := Config{Socket: dir + "/bailey.sock", Settings: Settings{AlsoListen: []string{dir + "/taken"}}}
	if _, err := listen(c, simple()); err == nil {
		t.Fatal("somebody's file was replaced")
	}
	if exists(c.Socket) {
		t.Error("the node's socket was left")
	}
}

func TestDialSocketReachesLongPaths(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("d", 100), strings.Repeat("e", 100))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	l, err := simple().Listen("bailey.sock", "")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := DialSocket(context.Background(), filepath.Join(dir, "bailey.sock"))
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}

func TestSocketGroup(t *testing.T) {
	for name, want := range map[string]string{"root": "root", "": DefaultGroup} {
		if group, err := socketGroup(name); group != want || err != nil {
			t.Errorf("group %q: %q, %v", name, group, err)
		}
	}
	_, err := socketGroup("no-such-group")
	wants(t, err, "groupadd --system")
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
