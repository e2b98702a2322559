package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/moby/moby/client"
)

// ReadyWithin is how long a daemon may take until it answers, also on a busy machine.
const ReadyWithin = 60 * time.Second

// Options says how a node is run. The zero value is right for most tests.
type Options struct {
	Bin    string   // the bailey to run; Binary() when empty
	Dir    string   // the node's directory; a temporary one, removed by Close, when empty
	Policy string   // text of a policy file; none when empty
	Args   []string // further arguments of `bailey up`
	Env    []string // further environment of the daemon
	Shared bool     // run in the machine's own network and mounts instead of a Room
}

// Node is a running `bailey up --dir`. Its methods may be called by several goroutines, except for those that
// start and stop the daemon.
type Node struct {
	Dir    string         // everything of the node lies below it
	Socket string         // where its API listens
	Client *client.Client // speaks to it
	Room   *Room          // where it runs; nil when it shares the machine's namespaces

	options   Options
	temporary bool
	base      string // holds Dir and what the tests keep beside it
	daemon    *exec.Cmd
	exited    chan struct{} // closed when the daemon has ended
	log       logBuffer
}

// Start makes a node and waits until it answers. The caller must Close it.
func Start(ctx context.Context, options Options) (*Node, error) {
	if options.Bin == "" {
		bin, err := Binary()
		if err != nil {
			return nil, err
		}
		options.Bin = bin
	}
	n := &Node{Dir: options.Dir, options: options}
	if err := n.place(); err != nil {
		return nil, err
	}
	if !options.Shared {
		room, err := NewRoom()
		if err != nil {
			return nil, errors.Join(err, n.Close())
		}
		n.Room = room
	}
	n.Socket = filepath.Join(n.Dir, "bailey.sock")
	api, err := client.New(client.WithHost("unix://" + n.Socket))
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	n.Client = api
	if err := n.Up(ctx); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// place makes the node's directory. Its parents must be open to search, because a container's root user, who is
// nobody on the host, reaches its root filesystem through them.
func (n *Node) place() error {
	if err := removeStaleOnce(); err != nil {
		return err
	}
	base, err := os.MkdirTemp("", basePattern)
	if err != nil {
		return err
	}
	n.base = base
	if err := os.WriteFile(filepath.Join(base, "owner"), []byte(self()), 0o600); err != nil {
		return err
	}
	if err := os.Chmod(base, 0o711); err != nil {
		return err
	}
	if n.Dir == "" {
		n.Dir, n.temporary = filepath.Join(base, "node"), true
	}
	if n.options.Policy == "" {
		return nil
	}
	return os.WriteFile(n.policyFile(), []byte(n.options.Policy), 0o600)
}

// policyFile is where the text of Options.Policy lies.
func (n *Node) policyFile() string { return filepath.Join(n.base, "policy.toml") }

// Up starts the daemon on the node's directory, again if it ran before, and waits until it answers.
func (n *Node) Up(ctx context.Context) error {
	if n.Running() {
		return errors.New("the daemon runs already")
	}
	args := []string{"up", "--dir", n.Dir}
	if n.options.Policy != "" {
		args = append(args, "--policy", n.policyFile())
	}
	cmd := exec.Command(n.options.Bin, append(args, n.options.Args...)...)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), n.options.Env...)
	cmd.Stdout, cmd.Stderr = &n.log, &n.log
	// A supervisor that inherited these pipes must not keep Wait from returning.
	cmd.WaitDelay = 100 * time.Millisecond
	// In a session of its own, so that ^C at a terminal reaches this program, which then stops the daemon.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	start := cmd.Start
	if n.Room != nil {
		cmd.SysProcAttr.Pdeathsig = syscall.SIGTERM // the room's thread lives as long as the node
		start = func() error { return n.Room.Start(cmd) }
	}
	if err := start(); err != nil {
		return fmt.Errorf("starting %s: %w", n.options.Bin, err)
	}
	exited := make(chan struct{})
	n.daemon, n.exited = cmd, exited
	go func() {
		_ = cmd.Wait()
		close(exited)
	}()
	return n.awaitReady(ctx)
}

// awaitReady returns when the daemon answers, or an error with its log when it ends or takes too long.
func (n *Node) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, ReadyWithin)
	defer cancel()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for {
		if ping(ctx, n.Socket) == nil {
			return nil
		}
		select {
		case <-n.exited:
			return fmt.Errorf("bailey up ended before it was ready (%s); it said:\n%s", n.daemon.ProcessState, n.Log())
		case <-ctx.Done():
			return fmt.Errorf("bailey up is not ready: %w; it said:\n%s", ctx.Err(), n.Log())
		case <-ticker.C:
		}
	}
}

// ping asks the API whether it is there, on a connection of its own.
func ping(ctx context.Context, socket string) error {
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/_ping", nil)
	if err != nil {
		return err
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("_ping: %s", response.Status)
	}
	return nil
}

// Running tells whether the daemon has been started and has not ended.
func (n *Node) Running() bool {
	if n.daemon == nil {
		return false
	}
	select {
	case <-n.exited:
		return false
	default:
		return true
	}
}

// Pid is the daemon's process id, 0 when it does not run.
func (n *Node) Pid() int {
	if !n.Running() {
		return 0
	}
	return n.daemon.Process.Pid
}

// Log is what the daemon has printed so far, over all its starts.
func (n *Node) Log() string { return n.log.String() }

// Do runs f in the node's network and mount namespaces; see Room.Do.
func (n *Node) Do(f func() error) error {
	if n.Room == nil {
		return f()
	}
	return n.Room.Do(f)
}

// Dial connects to an address as the node's host would: published ports are found on 127.0.0.1.
func (n *Node) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if n.Room == nil {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	return n.Room.Dial(ctx, network, address)
}

// HTTP is a client whose connections are made with Dial.
func (n *Node) HTTP() *http.Client {
	return &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{DialContext: n.Dial, DisableKeepAlives: true},
	}
}

// Get asks for a page once, with HTTP. An answer that is not 200 is an error.
func (n *Node) Get(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := n.HTTP().Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<16))
	if err == nil && response.StatusCode != http.StatusOK {
		err = errors.New(response.Status)
	}
	return string(body), err
}

// logBuffer keeps the end of what a daemon prints.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// logLimit bounds a logBuffer, in bytes.
const logLimit = 1 << 20

// Write keeps p.
func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.text.Len()+len(p) > logLimit {
		b.text.Next(b.text.Len() / 2)
	}
	return b.text.Write(p)
}

// String is what was kept.
func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
