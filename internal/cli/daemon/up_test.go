package daemon

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/bailey-run/bailey/internal/sandbox"
)

// fake is a node that answers pings.
type fake struct {
	server   http.Server
	hold     chan struct{} // requests to /hold wait for it
	policies chan sandbox.Policy
	closed   chan struct{}
	broken   atomic.Pointer[[]string] // what Unready returns
}

func newFake() *fake {
	f := &fake{hold: make(chan struct{}), policies: make(chan sandbox.Policy, 1), closed: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("/_ping", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/hold", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		<-f.hold
		_, _ = w.Write([]byte("finished"))
	})
	f.server.Handler = mux
	return f
}

func (f *fake) Serve(ctx context.Context, l net.Listener) error {
	go func() { _ = f.server.Serve(l) }()
	<-ctx.Done()
	return f.server.Shutdown(context.WithoutCancel(ctx))
}
func (f *fake) SetPolicy(p sandbox.Policy) { f.policies <- p }
func (f *fake) Running() int               { return 3 }
func (f *fake) Unready() []string {
	if broken := f.broken.Load(); broken != nil {
		return *broken
	}
	return nil
}
func (f *fake) Close() error { close(f.closed); return nil }

// simple listens the plain way and opens no node.
func simple() Wiring {
	return Wiring{
		Listen: func(path, _ string) (net.Listener, error) {
			return net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		},
		Activated: func() ([]net.Listener, error) { return nil, nil },
	}
}

// started is a daemon that runs in this process.
type started struct {
	t      *testing.T
	config Config
	node   *fake
	ended  chan error
	out    *lines
	logs   *lines
}

// start runs Up on a new directory and returns when it is ready.
func start(t *testing.T) *started {
	t.Helper()
	needRoot(t)
	c, err := Load(Flags{Dir: filepath.Join(shallow(t), "node")})
	if err != nil {
		t.Fatal(err)
	}
	s := &started{t: t, config: c, node: newFake(), ended: make(chan error, 1), out: newLines(), logs: newLines()}
	wiring := simple()
	wiring.Open = func(context.Context, Config, sandbox.Policy, *slog.Logger) (Node, error) { return s.node, nil }
	ctx, cancel := context.WithCancel(context.Background())
	go func() { s.ended <- Up(ctx, c, wiring, s.out, s.logs) }()
	t.Cleanup(func() {
		cancel()
		<-s.node.closed
	})
	s.out.await(t, "ready on "+c.Socket)
	return s
}

func (s *started) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := syscall.Kill(os.Getpid(), sig); err != nil {
		s.t.Fatal(err)
	}
}

func (s *started) wait() error {
	s.t.Helper()
	select {
	case err := <-s.ended:
		return err
	case <-time.After(20 * time.Second):
		s.t.Fatal("the daemon does not end")
		return nil
	}
}

// A node on which a control is broken answers requests, and is not ready before a proof has shown that it holds.
func TestUpUnready(t *testing.T) {
	needRoot(t)
	c, err := Load(Flags{Dir: filepath.Join(shallow(t), "node")})
	if err != nil {
		t.Fatal(err)
	}
	node, out, logs := newFake(), newLines(), newLines()
	node.broken.Store(&[]string{"seccomp"})
	wiring := simple()
	wiring.Open = func(context.Context, Config, sandbox.Policy, *slog.Logger) (Node, error) { return node, nil }
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Up(ctx, c, wiring, out, logs) }()
	logs.await(t, "not ready")
	if err := answers(c.Socket)(context.Background()); err != nil {
		t.Errorf("it does not answer: %v", err)
	}
	if text := out.String(); strings.Contains(text, "ready on") {
		t.Errorf("it calls itself ready: %s", text)
	}
	node.broken.Store(&[]string{})
	out.await(t, "ready on")
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestUp(t *testing.T) {
	s := start(t)
	s.out.await(t, "3 running container(s) adopted")
	if err := answers(s.config.Socket)(context.Background()); err != nil {
		t.Error(err)
	}
	var busy *BusyError
	err := Up(context.Background(), s.config, simple(), s.out, s.logs)
	if !errors.As(err, &busy) || busy.PID != strconv.Itoa(os.Getpid()) {
		t.Errorf("a second daemon on the node: %v", err)
	}
	s.signal(syscall.SIGTERM)
	if err := s.wait(); err != nil {
		t.Error(err)
	}
	if exists(s.config.Socket) {
		t.Error("the socket was left behind")
	}
}

func TestDrainLetsRequestsFinish(t *testing.T) {
	s := start(t)
	conn, err := DialSocket(context.Background(), s.config.Socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("GET /hold HTTP/1.0\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	head := make([]byte, 12)
	if _, err := conn.Read(head); err != nil || string(head) != "HTTP/1.0 200" {
		t.Fatalf("%q, %v", head, err)
	}
	s.signal(syscall.SIGTERM)
	s.logs.await(t, "stopping; containers go on")
	select {
	case err := <-s.ended:
		t.Fatalf("ended before the request did: %v", err)
	default:
	}
	close(s.node.hold)
	if err := s.wait(); err != nil {
		t.Error(err)
	}
	var answer bytes.Buffer
	_, _ = answer.ReadFrom(conn)
	if !strings.HasSuffix(answer.String(), "finished") {
		t.Errorf("the request was cut off: %q", answer.String())
	}
}

func TestSecondSignalCutsTheDrain(t *testing.T) {
	s := start(t)
	conn, err := DialSocket(context.Background(), s.config.Socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	defer close(s.node.hold)
	if _, err := conn.Write([]byte("GET /hold HTTP/1.0\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 12)); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	s.signal(syscall.SIGTERM)
	s.logs.await(t, "stopping; containers go on")
	s.signal(syscall.SIGINT)
	if err := s.wait(); err != nil || time.Since(begun) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(begun))
	}
}

func TestReload(t *testing.T) {
	s := start(t)
	s.signal(syscall.SIGHUP)
	select {
	case <-s.node.policies:
	case <-time.After(10 * time.Second):
		t.Fatal("SIGHUP did not reload the policy")
	}
	write(t, s.config.PolicyFile, "", 0o666)
	s.signal(syscall.SIGHUP)
	s.logs.await(t, "the old one is in force")
	if len(s.node.policies) != 0 {
		t.Error("a policy that others can write was taken")
	}
}

func TestNotify(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify.sock")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "40000")
	s := start(t)
	got := map[string]bool{}
	expect := func(word string) {
		t.Helper()
		buf := make([]byte, 4096)
		_ = manager.SetReadDeadline(time.Now().Add(10 * time.Second))
		for !got[word] {
			n, err := manager.Read(buf)
			if err != nil {
				t.Fatalf("the manager never heard %s: %v", word, err)
			}
			for assignment := range strings.SplitSeq(string(buf[:n]), "\n") {
				got[strings.TrimRight(assignment, "0123456789")] = true
				got[assignment] = true
			}
		}
	}
	expect("READY=1")
	expect("WATCHDOG=1")
	if os.Getenv("NOTIFY_SOCKET") != "" {
		t.Error("children of the daemon would inherit the manager's address")
	}
	s.signal(syscall.SIGHUP)
	expect("RELOADING=1")
	expect("MONOTONIC_USEC=")
	<-s.node.policies
	s.signal(syscall.SIGTERM)
	expect("STOPPING=1")
	if err := s.wait(); err != nil {
		t.Error(err)
	}
}

func TestUpRefusesUnsafeDirectories(t *testing.T) {
	needRoot(t)
	base := shallow(t)
	wiring := simple()
	wiring.Open = func(context.Context, Config, sandbox.Policy, *slog.Logger) (Node, error) {
		t.Error("a node was opened")
		return newFake(), nil
	}
	try := func(dir, want string) {
		t.Helper()
		c, err := Load(Flags{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		wants(t, Up(context.Background(), c, wiring, newLines(), newLines()), want)
	}
	for name, mode := range map[string]os.FileMode{"open": 0o777, "closed": 0o700} {
		if err := os.Mkdir(filepath.Join(base, name), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(base, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	try(filepath.Join(base, "open"), "others could replace")
	try(filepath.Join(base, "closed", "node"), "chmod o+x "+filepath.Join(base, "closed"))
}

func TestUpNeedsRoot(t *testing.T) {
	needRoot(t)
	err := asNobody(func() error { return Up(context.Background(), Config{}, simple(), newLines(), newLines()) })
	var root *RootError
	if !errors.As(err, &root) {
		t.Errorf("as nobody: %v", err)
	}
}

// asNobody runs f on a thread whose effective user is 65534; only
// os.Geteuid is asked there.
func asNobody(f func() error) error {
	if err := syscall.Seteuid(65534); err != nil {
		return err
	}
	defer func() {
		if err := syscall.Seteuid(0); err != nil {
			panic(err)
		}
	}()
	return f()
}

// shallow returns a temporary directory that others may pass, as a node's parents must be.
func shallow(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "bailey-daemon-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

// lines is a writer whose text can be waited for.
type lines struct {
	mu   sync.Mutex
	cond *sync.Cond
	text strings.Builder
}

func newLines() *lines {
	l := &lines{}
	l.cond = sync.NewCond(&l.mu)
	return l
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cond.Broadcast()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *lines) await(t *testing.T, text string) {
	t.Helper()
	stop := time.AfterFunc(10*time.Second, l.cond.Broadcast)
	defer stop.Stop()
	begun := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for !strings.Contains(l.text.String(), text) {
		if time.Since(begun) >= 10*time.Second {
			t.Fatalf("never said %q, only:\n%s", text, l.text.String())
		}
		l.cond.Wait()
	}
}
