package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/bailey-run/bailey/internal/sandbox"
)

// Node is a node that was opened: its engine with the API before it.
type Node interface {
	// Serve answers requests that come in through l until ctx ends. Then it
	// stops accepting, ends streams that would never end, lets all other
	// requests finish for a while, and returns nil. It is called once for each
	// socket.
	Serve(ctx context.Context, l net.Listener) error
	// SetPolicy replaces the policy for what is created from now on.
	SetPolicy(sandbox.Policy)
	// Running is how many containers run now.
	Running() int
	// Unready returns the controls that a proof has shown not to hold here and that the policy does not accept. While there
	// are any, no container is created, and the node is not ready.
	Unready() []string
	// Close lets go of everything after Serve. Containers go on.
	Close() error
}

// Wiring is how a node is made of its parts; cmd/bailey is where it is written down.
type Wiring struct {
	// Open opens a node. Its context is that of opening, not of the node's life.
	Open func(ctx context.Context, c Config, policy sandbox.Policy, log *slog.Logger) (Node, error)
	// Remove ends all containers of a node that no daemon runs, and removes
	// what the node has in the kernel.
	Remove func(ctx context.Context, c Config, log *slog.Logger) error
	// Listen makes a unix socket for root and a group. Closing the listener
	// removes it. The group may be one that does not exist, and is root's then.
	Listen func(path, group string) (net.Listener, error)
	// Activated returns the sockets that a service manager passed to this
	// process (sd_listen_fds(3)), and accepts only unix sockets.
	Activated func() ([]net.Listener, error)
}

// RootError tells that something is for root only, and why.
type RootError struct{ Command, Why string }

func (e *RootError) Error() string {
	return fmt.Sprintf("`%s` needs root: %s; run: sudo %[1]s", e.Command, e.Why)
}

// whyRoot is why a node is run by root.
const whyRoot = "giving each container its own range of user ids, mounts, cgroups and firewall rules is for root only (what runs in the containers is not root)"

// Up runs a node until it is told to stop by SIGTERM, SIGINT or ctx. One line
// goes to out when the API can be used; logs go to logs.
func Up(ctx context.Context, c Config, w Wiring, out, logs io.Writer) (err error) {
	begun := time.Now()
	if os.Geteuid() != 0 {
		return &RootError{Command: "bailey up", Why: whyRoot}
	}
	if err := settle(); err != nil {
		return err
	}
	log := newLog(c.Settings, logs)
	policy, err := loadPolicy(c)
	if err != nil {
		return err
	}
	if err := prepare(c); err != nil {
		return err
	}
	lock, err := takeLock(c.Dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	// From here on a signal waits until there is something to drain.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer signal.Stop(signals)
	listeners, err := listen(c, w)
	if err != nil {
		return err
	}
	defer closeAll(listeners)
	manager := newNotifier(log)
	node, err := w.Open(ctx, c, policy, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, node.Close()) }()

	p := &process{config: c, node: node, log: log, manager: manager, signals: signals}
	return p.run(ctx, listeners, func() {
		fmt.Fprintf(out, "bailey: ready on %s after %d ms, %d running container(s) adopted\n",
			c.Socket, time.Since(begun).Milliseconds(), node.Running())
	})
}

// process is a daemon whose node is open.
type process struct {
	config  Config
	node    Node
	log     *slog.Logger
	manager notifier
	signals chan os.Signal
}

// run serves until it is told to stop, and drains.
func (p *process) run(ctx context.Context, listeners []net.Listener, ready func()) error {
	life, end := context.WithCancel(ctx)
	defer end()
	served := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() { served <- p.node.Serve(life, l) }()
	}
	go p.manager.watchdog(life, answers(p.config.Socket))
	go thrift(life)
	proven := p.whenReady(life)
	for {
		select {
		case <-proven:
			proven = nil
			p.manager.send("READY=1", fmt.Sprintf("STATUS=%d running containers adopted", p.node.Running()))
			ready()
			continue
		case sig := <-p.signals:
			if sig == syscall.SIGHUP {
				p.reload()
				continue
			}
			p.log.Info("stopping; containers go on", "signal", sig.String(), "running", p.node.Running())
		case <-ctx.Done():
		case err := <-served:
			end()
			return errors.Join(fmt.Errorf("serve: %w", orClosed(err)), p.drain(served, len(listeners)-1))
		}
		end()
		return p.drain(served, len(listeners))
	}
}

// unreadyLook is how often a node that is not ready is looked at.
const unreadyLook = time.Second

// whenReady returns a channel that is closed when no control is broken any
// more: at once, or when a proof or the policy says so while the node answers
// requests already.
func (p *process) whenReady(ctx context.Context) <-chan struct{} {
	ready := make(chan struct{})
	broken := p.node.Unready()
	if len(broken) == 0 {
		close(ready)
		return ready
	}
	names := strings.Join(broken, ", ")
	p.log.Error("not ready: attacks have succeeded here; run `bailey prove` to see which, mend that and run it again", "controls", names)
	p.manager.send("STATUS=not ready: attacks have succeeded on " + names)
	go func() {
		look := time.NewTicker(unreadyLook)
		defer look.Stop()
		for {
			select {
			case <-look.C:
			case <-ctx.Done():
				return
			}
			if len(p.node.Unready()) == 0 {
				close(ready)
				return
			}
		}
	}()
	return ready
}

// drain waits for requests to finish on so many sockets, or for another
// signal to stop.
func (p *process) drain(served <-chan error, sockets int) error {
	p.manager.send("STOPPING=1")
	var failed []error
	for len(failed) < sockets {
		select {
		case err := <-served:
			failed = append(failed, err)
		case sig := <-p.signals:
			if sig != syscall.SIGHUP {
				p.log.Warn("requests were cut off by a second signal", "signal", sig.String())
				return errors.Join(failed...)
			}
		}
	}
	return errors.Join(failed...)
}

// orClosed is err, or what it means that serving ended without one.
func orClosed(err error) error {
	if err == nil {
		return errors.New("the socket was closed")
	}
	return err
}

// reload reads the policy again. A policy that cannot be read leaves the old
// one in force, and says so.
func (p *process) reload() {
	p.manager.reloading()
	policy, err := loadPolicy(p.config)
	if err != nil {
		p.log.Error("the policy was not reloaded, the old one is in force", "error", err)
	} else {
		p.node.SetPolicy(policy)
		p.log.Info("policy reloaded", "file", p.config.PolicyFile)
	}
	p.manager.send("READY=1")
}

// loadPolicy reads the node's policy. A default file that does not exist
// relaxes nothing.
func loadPolicy(c Config) (sandbox.Policy, error) {
	data, err := readTrusted(c.PolicyFile)
	if errors.Is(err, fs.ErrNotExist) && !c.PolicyNamed {
		data, err = nil, nil
	}
	if err != nil {
		return sandbox.Policy{}, fmt.Errorf("policy: %w", err)
	}
	policy, err := sandbox.ParsePolicy(c.PolicyFile, data)
	if err != nil {
		return sandbox.Policy{}, fmt.Errorf("policy: %w", err)
	}
	return policy, nil
}

// newLog writes to w in the configured way. Under systemd the journal has the
// time already.
func newLog(s Settings, w io.Writer) *slog.Logger {
	level, _ := s.Level() // checked when it was read
	o := &slog.HandlerOptions{Level: level}
	if s.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	if os.Getenv("JOURNAL_STREAM") != "" {
		o.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}
	}
	return slog.New(slog.NewTextHandler(w, o))
}
