package runtime

import (
	"math/rand/v2"
	"net"
	"os"
	"testing"
	"time"

	"github.com/bailey-run/bailey/internal/runtime/wire"
)

// What comes over the socket comes from root, but perhaps from a later or a
// broken daemon: no frame may disturb a container.
func TestStrangeFrames(t *testing.T) {
	n := newNode(t)
	b := n.box("sleep", "100")
	b.start()
	rng := rand.New(rand.NewPCG(3, 4))
	noise := make([]byte, 4096)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	for name, frames := range map[string][]byte{
		"noise":          noise,
		"no kind":        wire.AppendFrame(nil, 0, []byte("x")),
		"too long":       wire.AppendHeader(nil, wire.KindStart, wire.MaxMessage+1),
		"a second start": wire.AppendFrame(nil, wire.KindStart, (&wire.Start{ID: "x"}).Append(nil)),
		"an answer":      wire.AppendFrame(nil, wire.KindExit, nil),
		"input of none":  wire.AppendFrame(nil, wire.KindStdin, []byte("x")),
		"damaged":        wire.AppendFrame(nil, wire.KindExec, []byte{1, 0xff, 0xff}),
		"exec of noise":  wire.AppendFrame(nil, wire.KindExec, (&wire.Exec{ID: "ab", Process: noise[:100]}).Append(nil)),
		"half a frame":   wire.AppendFrame(nil, wire.KindExec, noise[:1000])[:500],
		"twice":          wire.AppendFrame(wire.AppendFrame(nil, wire.KindAttach, nil), wire.KindAttach, nil),
	} {
		conn, err := dial(b.ctx(), b.prep.RunDir)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		conn.SetDeadline(time.Now().Add(500 * time.Millisecond))
		conn.Write(frames)
		for {
			k, p, err := wire.Read(conn, nil)
			if err != nil {
				break
			}
			if k != wire.KindError && k != wire.KindOK {
				t.Errorf("%s: answered with %d %q", name, k, p)
			}
		}
		conn.Close()
	}
	if err := b.Signal(b.ctx(), 0); err != nil {
		t.Errorf("the container is gone: %v", err)
	}
	if _, err := b.Exec(b.ctx(), ExecRequest{ID: randomHex(8), Process: b.process("true")}); err != nil {
		t.Errorf("the supervisor is of no use any more: %v", err)
	}
	if said, _ := os.ReadFile(b.prep.RunDir + "/" + lockName); len(said) > 0 {
		t.Logf("the supervisor said %s", said)
	}
}

// More connections than a supervisor takes do not keep the daemon's own from
// being served when they are gone.
func TestManyConnections(t *testing.T) {
	n := newNode(t)
	b := n.box("sleep", "100")
	b.start()
	var conns []net.Conn
	for range 400 {
		ctx := b.ctx()
		conn, err := dial(ctx, b.prep.RunDir)
		if err != nil {
			break
		}
		conns = append(conns, conn)
	}
	for _, c := range conns {
		c.Close()
	}
	for end := time.Now().Add(10 * time.Second); ; {
		s, err := b.Attach(b.ctx(), AttachRequest{Stdout: true})
		if err == nil {
			s.Close()
			break
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}
