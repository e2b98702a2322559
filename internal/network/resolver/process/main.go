package process

import (
	"errors"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/bailey-run/bailey/internal/network/dns"
	"github.com/bailey-run/bailey/internal/network/resolver/channel"
)

// FDListener is the listening unix socket that a resolver is started with, after standard input and output on /dev/null and
// standard error on its log.
const FDListener = 3

// Env is the environment that a resolver is started with. It tunes Go's runtime for a process that mostly waits.
var Env = []string{"GOMAXPROCS=1", "GOGC=25", "GOMEMLIMIT=64MiB", "GODEBUG=disablethp=1"}

// Options are the command line of a resolver.
type Options struct {
	// Node is the node's directory, which is only there for who looks at the process.
	Node string
	// Version is what the resolver says it is.
	Version string
	// ResolvConf and AllowRebinding are as in [dns.Options].
	ResolvConf     string
	AllowRebinding bool
}

// Args are the arguments that make a resolver with these options.
func (o Options) Args() []string {
	return []string{o.Node, o.Version, o.ResolvConf, strconv.FormatBool(o.AllowRebinding)}
}

// patience is how long a resolver that nobody speaks to and that has nobody to answer waits before it goes.
const patience = 10 * time.Second

// drainTime is how long a resolver that was sent away still waits for answers from outside.
const drainTime = 5 * time.Second

// Main is the whole life of a resolver. It returns the exit code.
func Main(args []string) int {
	if len(args) != 4 {
		complain("usage: bailey-resolver NODE VERSION RESOLV-CONF ALLOW-REBINDING; it is started by bailey")
		return 2
	}
	o := Options{Node: args[0], Version: args[1], ResolvConf: args[2], AllowRebinding: args[3] == "true"}
	if err := inheritNothing(); err != nil {
		complain(err.Error())
		return 1
	}
	text := programPages()
	if err := confine(); err != nil {
		complain("give up privileges: " + err.Error())
		return 1
	}
	l, err := listener()
	if err != nil {
		complain("listen: " + err.Error())
		return 1
	}
	p := &resolver{o: o, quit: make(chan struct{})}
	p.server = dns.New(dns.Options{ResolvConf: o.ResolvConf, AllowRebinding: o.AllowRebinding, Complain: complain}, &p.table)
	time.AfterFunc(patience, p.maybeQuit)
	time.AfterFunc(restAfter, text.release)
	go p.accept(l)
	<-p.quit
	p.server.Drain(drainTime)
	return 0
}

func listener() (*net.UnixListener, error) {
	f := os.NewFile(FDListener, "control")
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, err
	}
	u, ok := l.(*net.UnixListener)
	if !ok {
		return nil, errors.New("not a unix socket")
	}
	return u, nil
}

// resolver is the process.
type resolver struct {
	o      Options
	table  dns.Table
	server *dns.Server
	quit   chan struct{}
	once   sync.Once

	mu      sync.Mutex // held while a message is carried out
	daemons int
	sockets map[string]sockets // by the gateway as it is written
}

// accept serves daemons. There is one at a time, but for a moment of an upgrade.
func (p *resolver) accept(l *net.UnixListener) {
	for {
		c, err := l.AcceptUnix()
		if err != nil {
			complain("accept a daemon: " + err.Error())
			time.Sleep(100 * time.Millisecond)
			continue
		}
		conn := channel.New(c)
		if uid, err := conn.PeerUID(); err != nil || uid != 0 {
			conn.Close()
			continue
		}
		p.mu.Lock()
		p.daemons++
		p.mu.Unlock()
		go func() {
			defer p.gone()
			defer conn.Close()
			p.serve(conn)
		}()
	}
}

func (p *resolver) gone() {
	p.mu.Lock()
	p.daemons--
	p.mu.Unlock()
	p.maybeQuit()
}

// maybeQuit ends a resolver that is of no use: without a daemon and without containers.
func (p *resolver) maybeQuit() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.daemons == 0 && p.table.Containers() == 0 {
		p.leave()
	}
}

func (p *resolver) leave() { p.once.Do(func() { close(p.quit) }) }

// logMax bounds the log, in bytes.
const logMax = 64 << 10

var logged struct {
	sync.Mutex
	bytes int
}

// complain writes to the resolver's log.
func complain(what string) {
	line := "bailey-resolver[" + strconv.Itoa(os.Getpid()) + "]: " + what + "\n"
	logged.Lock()
	defer logged.Unlock()
	if logged.bytes += len(line); logged.bytes <= logMax {
		_, _ = os.Stderr.WriteString(line)
	}
}
