package resolver

import (
	"fmt"
	"maps"
	"net"
	"os"
	"time"

	"github.com/bailey-run/bailey/internal/network/dns"
	"github.com/bailey-run/bailey/internal/network/resolver/channel"
	"github.com/bailey-run/bailey/internal/network/resolver/process"
	"golang.org/x/sys/unix"
)

// The pause before a resolver that ended is started again doubles from firstPause to lastPause when the one before did not
// last for settled.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 5 * time.Second
	settled    = 10 * time.Second
)

// keep starts a resolver whenever there is none.
func (k *Keeper) keep() {
	var begun time.Time
	pause := time.Duration(0)
	cleared := false
	for {
		select {
		case <-k.kick:
		case <-k.ctx.Done():
			return
		}
		if !k.lacking() {
			if !cleared { // once is enough: from here on there are no others
				cleared = k.clear()
			}
			continue
		}
		if time.Since(begun) > settled {
			pause = 0
		}
		select {
		case <-time.After(pause):
		case <-k.ctx.Done():
			return
		}
		pause = min(max(2*pause, firstPause), lastPause)
		begun = time.Now()
		if err := k.replace(); err != nil && k.ctx.Err() == nil {
			k.o.Log.Error("names cannot be resolved by containers: the resolver does not start; trying again", "error", err)
		}
		k.again()
	}
}

// lacking tells whether a resolver is to be started, and gives up one that has ended.
func (k *Keeper) lacking() bool {
	k.say.Lock()
	defer k.say.Unlock()
	if k.link != nil {
		select {
		case <-k.link.over:
			k.o.Log.Warn("the resolver has ended and is started again; queries wait meanwhile", "process", k.link.greeting.Pid)
			k.link.close()
			k.link = nil
		default:
			return false
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ready && k.ctx.Err() == nil
}

// clear kills resolvers that earlier daemons lost sight of. It reports whether that is done.
func (k *Keeper) clear() bool {
	k.say.Lock()
	defer k.say.Unlock()
	if k.link == nil {
		return false
	}
	if err := k.strays(k.link.greeting.Pid, k.leaving); err != nil {
		k.o.Log.Warn("resolvers of earlier daemons may be left", "error", err)
	}
	return true
}

// replace starts a resolver, tells it everything, gives it the sockets, and only then sends an older one away.
func (k *Keeper) replace() error {
	l, err := k.start()
	if err != nil {
		return err
	}
	k.watch(l)
	k.say.Lock()
	defer k.say.Unlock()
	err = k.update(l)
	if err == nil && k.ctx.Err() != nil {
		err = net.ErrClosed
	}
	if err != nil {
		l.kill()
		l.close()
		return err
	}
	k.link = l
	if k.old != nil {
		old := k.old
		k.old, k.leaving = nil, old.greeting.Pid
		k.work.Go(old.dismiss)
	}
	return nil
}

// start executes the program and learns from it that it is there.
func (k *Keeper) start() (*link, error) {
	child, err := k.execute()
	if err != nil {
		return nil, err
	}
	l, err := dial(k.o.Dir, k.o.Program.Running)
	if err == nil {
		l.child = child
		if _, err = l.hello(startTime); err == nil {
			go l.read()
			return l, nil
		}
		l.child = nil
		l.close()
	}
	_ = child.Kill()
	_, _ = child.Wait()
	return nil, fmt.Errorf("the resolver ended or did not answer: %w; it said: %s", err, said(k.o.Dir))
}

// execute starts the process. That nobody else holds its listening socket makes its end the end of connections that it has
// not accepted yet.
func (k *Keeper) execute() (*os.Process, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	log, err := os.OpenFile(logPath(k.o.Dir), os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	listener, err := k.listen()
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	args := append([]string{"bailey-resolver"}, k.process().Args()...)
	return k.o.Program.Start(args, process.Env, []*os.File{null, null, log, process.FDListener: listener})
}

// listen makes the control socket, in place of one that is there.
func (k *Keeper) listen() (*os.File, error) {
	if err := removeIfThere(socketPath(k.o.Dir)); err != nil {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	f := os.NewFile(uintptr(fd), "resolver.sock")
	err = unix.Fchmod(fd, 0o600) // what bind makes has this mode from the beginning
	if err == nil {
		err = within(k.o.Dir, func(path string) error { return unix.Bind(fd, &unix.SockaddrUnix{Name: path}) })
	}
	if err == nil {
		err = unix.Listen(fd, backlog)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("listen on %s: %w", socketPath(k.o.Dir), err)
	}
	return f, nil
}

// update tells a resolver what it does not know; say is held.
func (k *Keeper) update(l *link) error {
	c, changed := k.change(l)
	if changed {
		if err := l.ask(channel.Change, channel.AppendChange(nil, &c)); err != nil {
			return err
		}
	}
	l.whole = true
	k.mu.Lock()
	want := maps.Clone(k.sockets)
	k.mu.Unlock()
	for gateway, s := range l.has {
		if want[gateway].serial != s.serial {
			if err := l.ask(channel.Stop, channel.AppendAddr(nil, gateway)); err != nil {
				return err
			}
			delete(l.has, gateway)
		}
	}
	for gateway, s := range want {
		if _, ok := l.has[gateway]; ok {
			continue
		}
		err := l.ask(channel.Listen, channel.AppendAddr(nil, gateway), s.udp, s.tcp)
		if err != nil {
			return err
		}
		l.has[gateway] = s
	}
	return nil
}

// change takes what the resolver was not told: everything, when it is new.
func (k *Keeper) change(l *link) (c dns.Change, changed bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !l.whole {
		c.Whole = true
		for _, n := range k.networks {
			c.Networks = append(c.Networks, n)
		}
		for _, n := range k.containers {
			c.Containers = append(c.Containers, n)
		}
	} else {
		for id := range k.changedNetworks {
			if n, ok := k.networks[id]; ok {
				c.Networks = append(c.Networks, n)
			} else {
				c.GoneNetworks = append(c.GoneNetworks, id)
			}
		}
		for id := range k.changedContainers {
			if n, ok := k.containers[id]; ok {
				c.Containers = append(c.Containers, n)
			} else {
				c.GoneContainers = append(c.GoneContainers, id)
			}
		}
	}
	changed = c.Whole || len(k.changedNetworks)+len(k.changedContainers) > 0
	clear(k.changedNetworks)
	clear(k.changedContainers)
	return c, changed
}
