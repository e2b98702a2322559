package resolver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bailey-run/bailey/internal/network/dns"
	"github.com/bailey-run/bailey/internal/network/resolver/process"
)

// Program is how the resolver's program is executed.
type Program interface {
	// Digest tells this program from another version of it.
	Digest() string
	// Start executes it outside of the daemon's control group, so that it outlives the daemon. File 0 is the process's
	// standard input and so on.
	Start(args, env []string, files []*os.File) (*os.Process, error)
	// Running lists the processes that execute it, in whatever version, for this node.
	Running() ([]int, error)
}

// Options configures a [Keeper]. All but AllowRebinding and Log are required.
type Options struct {
	// Dir is where the control socket lies; it need not outlive a reboot.
	Dir string
	// Node is the node's directory, by which people recognise the process.
	Node string
	// ResolvConf and AllowRebinding are as in [dns.Options].
	ResolvConf     string
	AllowRebinding bool
	Program        Program
	Log            *slog.Logger
}

// How long things may take: that a resolver which runs answers, that one which was started does, and that one goes.
const (
	answerTime = 2 * time.Second
	startTime  = 10 * time.Second
	leaveTime  = 7 * time.Second
)

// Keeper is the daemon's side of the node's resolver. It is safe for concurrent use.
type Keeper struct {
	o       Options
	version string
	ctx     context.Context
	cancel  context.CancelFunc
	work    sync.WaitGroup
	kick    chan struct{} // something is to be done about the process

	// say is held while a message is sent and answered. It is taken before mu.
	say     sync.Mutex
	link    *link // to the resolver; nil when there is none yet
	old     *link // to one of another version, until the new one answers
	leaving int   // process id of one that was sent away and may still wait for an answer

	mu         sync.Mutex
	serial     uint64
	ready      bool // all that is known was told to the keeper
	sockets    map[netip.Addr]sockets
	networks   map[string]dns.Network
	containers map[string]dns.Container
	// changed and those that are gone: what the resolver was not told yet, by id.
	changedNetworks, changedContainers map[string]struct{}
}

// Open finds the resolver that an earlier daemon left. One that is missing is started by [Keeper.Publish].
func Open(o Options) (*Keeper, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the resolver's directory: %w", err)
	}
	k := &Keeper{
		o: o, kick: make(chan struct{}, 1), sockets: map[netip.Addr]sockets{},
		networks: map[string]dns.Network{}, containers: map[string]dns.Container{},
		changedNetworks: map[string]struct{}{}, changedContainers: map[string]struct{}{},
	}
	k.version = strings.Join(append(k.process().Args()[2:], o.Program.Digest()), " ")
	k.ctx, k.cancel = context.WithCancel(context.Background())
	k.adopt()
	k.work.Go(k.keep)
	return k, nil
}

func (k *Keeper) process() process.Options {
	return process.Options{Node: k.o.Node, Version: k.version, ResolvConf: k.o.ResolvConf, AllowRebinding: k.o.AllowRebinding}
}

// adopt connects to a resolver that runs and takes over its sockets. One that cannot be spoken to is killed.
func (k *Keeper) adopt() {
	l, err := dial(k.o.Dir, k.o.Program.Running)
	if err != nil {
		return // there is none
	}
	found, err := l.hello(answerTime)
	if err != nil {
		k.o.Log.Warn("a resolver does not answer and is replaced", "error", err, "said", said(k.o.Dir))
		l.close()
		if err := k.strays(); err != nil { // it has the port
			k.o.Log.Warn("the resolver that does not answer stays", "error", err)
		}
		return
	}
	for gateway, s := range found {
		k.serial++
		s.serial = k.serial
		k.sockets[gateway], l.has[gateway] = s, s
	}
	go l.read()
	if l.greeting.Version == k.version {
		k.link = l
		k.watch(l)
		return
	}
	k.old = l
}

// said is the end of what the resolver has written to its log.
func said(dir string) string {
	b, _ := os.ReadFile(logPath(dir))
	return string(b[max(0, len(b)-1000):])
}

// watch notices the end of a resolver.
func (k *Keeper) watch(l *link) {
	k.work.Go(func() {
		<-l.over
		k.again()
	})
}

// again has the process looked after.
func (k *Keeper) again() {
	select {
	case k.kick <- struct{}{}:
	default:
	}
}

// Listen makes the resolver answer on a gateway's address, which an interface of the host must have, and returns the port:
// 53, or another one when a program of the host has taken that on every address; packets must be led there then. Queries
// wait in the socket until a resolver is there. Doing it twice does nothing more.
func (k *Keeper) Listen(gateway netip.Addr) (port uint16, err error) {
	if k.ctx.Err() != nil {
		return 0, net.ErrClosed
	}
	k.mu.Lock()
	s, have := k.sockets[gateway]
	if !have {
		if s, err = bind(gateway); err != nil {
			k.mu.Unlock()
			return 0, fmt.Errorf("serve DNS to containers on %s: %w", gateway, err)
		}
		k.serial++
		s.serial = k.serial
	}
	s.wanted = true
	k.sockets[gateway] = s
	k.mu.Unlock()
	k.Flush()
	return s.port, nil
}

// Unlisten stops to answer on a gateway.
func (k *Keeper) Unlisten(gateway netip.Addr) {
	k.say.Lock()
	defer k.say.Unlock()
	k.mu.Lock()
	s, ok := k.sockets[gateway]
	delete(k.sockets, gateway)
	k.mu.Unlock()
	if ok {
		k.flush()
		s.close() // not while a message with it may be under way
	}
}

// PutNetwork and the three that follow note what the resolver is to answer from [Keeper.Flush] on.
func (k *Keeper) PutNetwork(n dns.Network) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.networks[n.ID] = n
	k.changedNetworks[n.ID] = struct{}{}
}

// DropNetwork forgets a network.
func (k *Keeper) DropNetwork(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.networks, id)
	k.changedNetworks[id] = struct{}{}
}

// PutContainer notes a container with all that it is on.
func (k *Keeper) PutContainer(c dns.Container) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.containers[c.ID] = c
	k.changedContainers[c.ID] = struct{}{}
}

// DropContainer forgets a container.
func (k *Keeper) DropContainer(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.containers, id)
	k.changedContainers[id] = struct{}{}
}

// Publish says that everything is noted that an earlier daemon's resolver may know. Until then that one goes on as it was.
func (k *Keeper) Publish() {
	k.say.Lock()
	k.mu.Lock()
	k.ready = true
	var stale []sockets // of networks that are gone
	for gateway, s := range k.sockets {
		if !s.wanted {
			stale = append(stale, s)
			delete(k.sockets, gateway)
		}
	}
	k.mu.Unlock()
	k.flush()
	for _, s := range stale {
		s.close()
	}
	k.say.Unlock()
	k.again()
}

// Flush returns when the resolver answers by what was noted before. A resolver that does not take it is replaced; one that
// is just being started gets everything. Neither is waited for: queries wait in the sockets.
func (k *Keeper) Flush() {
	k.say.Lock()
	defer k.say.Unlock()
	k.flush()
}

// flush is Flush; say is held.
func (k *Keeper) flush() {
	k.mu.Lock()
	ready := k.ready
	k.mu.Unlock()
	if k.link == nil || !ready {
		return
	}
	if err := k.update(k.link); err != nil {
		k.drop(err)
	}
}

// drop gives a resolver up; say is held.
func (k *Keeper) drop(err error) {
	if k.ctx.Err() == nil {
		k.o.Log.Warn("the resolver failed and is replaced; queries wait meanwhile", "error", err)
	}
	k.link.kill()
	k.link.close()
	k.link = nil
	k.again()
}

// Close lets go of the resolver, which goes on for as long as it has containers to answer.
func (k *Keeper) Close() error {
	k.cancel()
	k.say.Lock()
	for _, l := range []*link{k.link, k.old} {
		if l != nil {
			l.close()
		}
	}
	k.link, k.old = nil, nil
	k.say.Unlock()
	k.work.Wait()
	k.say.Lock()
	defer k.say.Unlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.sockets {
		s.close()
	}
	clear(k.sockets)
	return nil
}

// Destroy ends the resolver, and whatever else of it runs.
func (k *Keeper) Destroy() error {
	k.cancel()
	k.say.Lock()
	links := []*link{k.link, k.old}
	k.link, k.old = nil, nil
	k.say.Unlock()
	for _, l := range links {
		if l != nil {
			l.dismiss()
		}
	}
	errs := []error{k.Close(), k.strays()}
	errs = append(errs, removeIfThere(socketPath(k.o.Dir)), removeIfThere(logPath(k.o.Dir)))
	return errors.Join(errs...)
}

// strays kills resolvers of this node that this daemon does not speak to.
func (k *Keeper) strays(keep ...int) error {
	pids, err := k.o.Program.Running()
	if err != nil {
		return fmt.Errorf("look for resolvers: %w", err)
	}
	for _, pid := range pids {
		if slices.Contains(keep, pid) {
			continue
		}
		held, err := openPid(pid)
		if err != nil {
			continue // it has just ended
		}
		if now, err := k.o.Program.Running(); err == nil && slices.Contains(now, pid) { // still this one
			kill(held)
		}
		held.Close()
	}
	return nil
}
