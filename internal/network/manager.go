package network

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/bailey-run/bailey/internal/network/address"
	"github.com/bailey-run/bailey/internal/network/dns"
	"github.com/bailey-run/bailey/internal/network/firewall"
	"github.com/bailey-run/bailey/internal/network/link"
	"github.com/bailey-run/bailey/internal/network/resolver"
	"github.com/bailey-run/bailey/internal/network/store"
)

// Manager owns the networks of one node. It is safe for concurrent use.
type Manager struct {
	o      Options
	log    *slog.Logger
	claims *address.Claims
	scope  string // identifies the network namespace of the host
	conn   *link.Conn
	fw     *firewall.Table
	dns    *resolver.Keeper
	search *dns.Search
	names  names
	mtu    int

	ctx    context.Context
	cancel context.CancelFunc

	// crud is held while networks are made or removed, so that the file, the bridges and the rules change in step.
	crud sync.Mutex

	// mu guards what follows. It is never held while the kernel is asked for something.
	mu         sync.RWMutex
	file       store.File
	nets       map[string]*segment // by id
	containers map[string]*wired   // by container id
	spare      map[string]*spare   // prewired and not a container's yet, by HostIf
	ports      map[boundKey]string
	guarded    []string
	lost       []string // ids of stored networks that cannot be used
	warnings   []string
	watching   bool
}

// segment is one network at work: the default one, or a user-defined one with its bridge.
type segment struct {
	store.Network
	builtin bool
	// index is the bridge's, 0 for the default segment.
	index int
	// dnsPort is where the resolver listens on the gateway; 0 before it does.
	dnsPort uint16
	block   *address.Block
	// users are the containers on it, those that are just being wired included.
	users map[string]struct{}
}

// spare is a prewired link.
type spare struct {
	Segment
	// claimed is true while it is becoming a container's.
	claimed bool
}

// wired is a container with its network.
type wired struct {
	Attachment
	// ready is false while it is being wired.
	ready bool
	// dnat are the ports that nftables rewrites.
	dnat []firewall.Published
}

// Open creates or repairs what the node needs on the host (table, gateway, bridges) and reads the stored networks. [Manager.Adopt] must follow before containers are wired. Its error is a [*store.CorruptError] when the stored
// networks cannot be read.
func Open(ctx context.Context, o Options) (*Manager, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of the networks: %w", err)
	}
	scope, err := link.Namespace()
	if err != nil {
		return nil, err
	}
	claims, err := address.OpenClaims(o.ClaimsDir, o.Dir, scope)
	if err != nil {
		return nil, err
	}
	file, err := store.Load(o.Dir)
	if err != nil {
		return nil, err
	}
	conn, err := link.Host()
	if err != nil {
		return nil, err
	}
	m := &Manager{
		o: o, log: o.Log, claims: claims, scope: scope, conn: conn, file: file, mtu: link.UplinkMTU(),
		nets: map[string]*segment{}, containers: map[string]*wired{},
		spare: map[string]*spare{}, ports: map[boundKey]string{},
	}
	m.ctx, m.cancel = context.WithCancel(context.WithoutCancel(ctx))
	m.search = dns.NewSearch(o.ResolvConf)
	m.dns, err = resolver.Open(resolver.Options{Dir: filepath.Join(o.RunDir, "resolver"), Node: filepath.Dir(o.Dir),
		ResolvConf: o.ResolvConf, AllowRebinding: o.AllowRebinding, Program: o.Resolver, Log: o.Log})
	if err != nil {
		conn.Close()
		return nil, err
	}
	if err := m.setUp(); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

func (o *Options) complete() error {
	if !isHex(o.Node, 8) {
		return fmt.Errorf("node id %q: want 8 lower-case hexadecimal digits", o.Node)
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil || o.Dir == "" {
		return fmt.Errorf("directory of the networks %q: want a path", o.Dir)
	}
	o.Dir = dir
	if o.RunDir == "" || o.Resolver == nil {
		return errors.New("options of the networks: RunDir and Resolver are required")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if len(o.Pools) == 0 {
		o.Pools = address.DefaultPools()
	}
	if o.ClaimsDir == "" {
		o.ClaimsDir = "/run/bailey/nets"
	}
	if o.ResolvConf == "" {
		o.ResolvConf = "/etc/resolv.conf"
	}
	if o.Publish == "" {
		o.Publish = PublishAuto
	}
	if !slices.Contains([]PublishMode{PublishAuto, PublishDNAT, PublishProxy}, o.Publish) {
		return fmt.Errorf("publish mode %q: want auto, dnat or proxy", o.Publish)
	}
	for _, p := range o.Pools {
		if err := address.CheckSubnet(p); err != nil {
			return fmt.Errorf("address pool: %w", err)
		}
	}
	return nil
}

// Close leaves the resolver, links and rules as they are, so that containers keep their network.
func (m *Manager) Close() error {
	m.cancel()
	err := m.dns.Close()
	if m.fw != nil {
		m.fw.Close()
	}
	m.conn.Close()
	return err
}

// Warnings are what the operator should know about this host: what other firewalls do to containers, and the like.
func (m *Manager) Warnings() []string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return slices.Clone(m.warnings)
}

func (m *Manager) warn(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	m.log.Warn(text)
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.Contains(m.warnings, text) {
		m.warnings = append(m.warnings, text)
	}
}

// Search returns the search domains of the host's resolver configuration, for containers that are given none.
func (m *Manager) Search() []string { return m.search.Domains() }

// Attachment returns what is wired for a container, and false when nothing is.
func (m *Manager) Attachment(containerID string) (Attachment, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	w := m.containers[containerID]
	if w == nil || !w.ready {
		return Attachment{}, false
	}
	return w.Attachment.clone(), true
}

func (a Attachment) clone() Attachment {
	a.Endpoints, a.Ports = slices.Clone(a.Endpoints), slices.Clone(a.Ports)
	return a
}

// names are the names of the node's interfaces: bly<tag> holds the gateway, bly<tag>-<6> are containers' links and
// bly<tag>b<6> bridges. All fit the 15 bytes of IFNAMSIZ.
type names struct{ tag string }

const family = "bly"

func (n names) prefix() string     { return family + n.tag }
func (n names) gateway() string    { return n.prefix() }
func (n names) linkPrefix() string { return n.prefix() + "-" }
func (n names) newLink() string    { return n.linkPrefix() + randomHex(3) }
func (n names) newBridge() string  { return n.prefix() + "b" + randomHex(3) }

// group is the number that all interfaces of the node carry, doomed that of those which are about to be removed.
func (n names) group() uint32  { return 0x0b100000 | n.number() }
func (n names) doomed() uint32 { return 0x0b200000 | n.number() }

func (n names) number() uint32 {
	b, err := hex.DecodeString(n.tag)
	if err != nil || len(b) != 2 {
		return 0
	}
	return uint32(b[0])<<8 | uint32(b[1])
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

func isHex(s string, length int) bool {
	for _, c := range s {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') {
			return false
		}
	}
	return len(s) == length
}

// builtinID is the id of a predefined network of a node: always the same, and no other node's.
func builtinID(node, name string) string {
	sum := sha256.Sum256([]byte("bailey " + node + " " + name))
	return hex.EncodeToString(sum[:])
}

func newSegment(n store.Network, within netip.Prefix) (*segment, error) {
	block, err := address.NewBlock(n.Subnet, within)
	if err != nil {
		return nil, err
	}
	s := &segment{Network: n, block: block, users: map[string]struct{}{}}
	if err := block.Take(n.Gateway); err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	for _, a := range n.Reserved {
		if err := block.Take(a); err != nil {
			return nil, fmt.Errorf("reserved address: %w", err)
		}
	}
	return s, nil
}

// now is the time as it is stored and shown.
func now() time.Time { return time.Now().UTC() }
