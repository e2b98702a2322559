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
	"syscall"
	"time"

	"github.com/bailey-run/bailey/internal/sandbox"
)

// drainTime is how long requests may take to finish once the daemon was asked
// to stop. A second signal ends the wait.
const drainTime = 10 * time.Second

// Node is a node that was opened: its engine with the API before it.
type Node interface {
	// Serve answers requests that come in through l until Shutdown. It is
	// called once for each socket and returns nil after Shutdown.
	Serve(l net.Listener) error
	// Shutdown stops accepting, ends streams that would never end, and lets
	// all other requests finish until ctx ends. Containers go on.
	Shutdown(ctx context.Context) error
	// SetPolicy replaces the policy for what is created from now on.
	SetPolicy(sandbox.Policy)
	// Running is how many containers run now.
	Running() int
	// Close lets go of everything after Shutdown. Containers go on.
	Close() error
}

// Open opens a node. The context is that of opening, not of the node's life.
type Open func(ctx context.Context, c Config, policy sandbox.Policy, log *slog.Logger) (Node, error)

// RootError tells that a node cannot be run by whoever asks.
type RootError struct{ Command string }

func (e *RootError) Error() string {
	return fmt.Sprintf("`%s` needs root: giving each container its own range of user ids, mounts, cgroups and firewall rules is for root only (what runs in the containers is not root); run: sudo %[1]s", e.Command)
}

// Up runs a node until it is told to stop by SIGTERM, SIGINT or ctx. One line
// goes to out when the API can be used; logs go to logs.
func Up(ctx context.Context, c Config, open Open, out, logs io.Writer) (err error) {
	begun := time.Now()
	if os.Geteuid() != 0 {
		return &RootError{Command: "bailey up"}
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
	socks, err := listen(c)
	if err != nil {
		return err
	}
	defer socks.close()
	manager := newNotifier(log)
	node, err := open(ctx, c, policy, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, node.Close()) }()

	d := &process{config: c, node: node, log: log, manager: manager, socks: socks, signals: signals}
	return d.run(ctx, func() {
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
	socks   *sockets
	signals chan os.Signal
}

// run serves until it is told to stop, and drains.
func (p *process) run(ctx context.Context, ready func()) error {
	failed := make(chan error, len(p.socks.listeners))
	for _, l := range p.socks.listeners {
		go func() { failed <- p.node.Serve(l) }()
	}
	life, end := context.WithCancel(ctx)
	defer end()
	p.manager.send("READY=1", "STATUS="+fmt.Sprintf("%d running containers adopted", p.node.Running()))
	go p.manager.watchdog(life, answers(p.config.Socket))
	ready()
	for {
		select {
		case sig := <-p.signals:
			if sig == syscall.SIGHUP {
				p.reload()
				continue
			}
			p.log.Info("stopping; containers go on", "signal", sig.String(), "running", p.node.Running())
			return p.drain(ctx)
		case <-ctx.Done():
			return p.drain(context.WithoutCancel(ctx))
		case err := <-failed:
			if err == nil {
				err = errors.New("a socket was closed")
			}
			return errors.Join(fmt.Errorf("serve: %w", err), p.drain(ctx))
		}
	}
}

// drain stops accepting and waits for requests to finish, for drainTime or
// until another signal to stop comes.
func (p *process) drain(ctx context.Context) error {
	p.manager.send("STOPPING=1")
	ctx, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- p.node.Shutdown(ctx) }()
	for {
		select {
		case err := <-done:
			if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
				p.log.Warn("requests were cut off; they did not finish in time")
				return nil
			}
			return err
		case sig := <-p.signals:
			if sig != syscall.SIGHUP {
				cancel()
			}
		}
	}
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
