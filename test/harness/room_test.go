package harness

import (
	"context"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"
)

// TestRoomIsItsOwn: what happens in a room's network and mounts is not seen outside, and the other way round.
func TestRoomIsItsOwn(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: a room has namespaces of its own")
	}
	room, err := NewRoom()
	if err != nil {
		t.Fatal(err)
	}
	defer room.Close()

	inside, err := room.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer inside.Close()
	accepted := make(chan struct{})
	go func() {
		if conn, err := inside.Accept(); err == nil {
			conn.Close()
		}
		close(accepted)
	}()

	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if conn, err := net.DialTimeout("tcp", inside.Addr().String(), time.Second); err == nil {
		conn.Close()
		t.Error("a listener inside the room was reached from outside")
	}
	conn, err := room.Dial(ctx, "tcp", inside.Addr().String())
	if err != nil {
		t.Fatalf("from inside: %v", err)
	}
	conn.Close()
	<-accepted

	for namespace, same := range map[string]bool{"net": false, "mnt": false, "pid": true, "user": true, "cgroup": true} {
		outer, err := os.Readlink("/proc/self/ns/" + namespace)
		if err != nil {
			t.Fatal(err)
		}
		var out []byte
		cmd := exec.Command("readlink", "/proc/self/ns/"+namespace)
		pipe, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := room.Start(cmd); err != nil {
			t.Fatal(err)
		}
		out = make([]byte, 64)
		n, _ := pipe.Read(out)
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		if got := string(out[:max(n-1, 0)]) == outer; got != same {
			t.Errorf("%s namespace: shared %v, want %v", namespace, got, same)
		}
	}
	room.Close()
	if err := room.Do(func() error { return nil }); err == nil {
		t.Error("a closed room still runs things")
	}
}
