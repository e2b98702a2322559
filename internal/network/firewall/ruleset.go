package firewall

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// ruleset is the two tables of a node, ready to be sent.
type ruleset struct {
	inet, bridge *nftables.Table
	sets         sets
	chains       []chain
}

type chain struct {
	*nftables.Chain
	// hook is what nft(8) prints for a base chain, and "" for one that is only jumped to.
	hook  string
	rules []rule
}

// sets are all sets and maps, in the order in which nft(8) lists them.
type sets struct {
	denied, subnets, gateways, untracked, same, internal, guarded *nftables.Set
	resolvers, published, publishedAny, askers                    *nftables.Set
	ports                                                         *nftables.Set
}

func newSets(inet, bridge *nftables.Table) sets {
	// The kernel finds a set by its id while the batch that makes it has not ended.
	var id uint32
	set := func(t *nftables.Table, name string, key ...nftables.SetDatatype) *nftables.Set {
		id++
		s := &nftables.Set{Table: t, ID: id, Name: name, KeyType: key[0], KeyByteOrder: binaryutil.BigEndian}
		if s.KeyType == nftables.TypeIFName {
			s.KeyByteOrder = binaryutil.NativeEndian // only for nft(8), which would print the name backwards
		}
		if len(key) > 1 {
			s.KeyType, s.Concatenation = nftables.MustConcatSetType(key...), true
		}
		return s
	}
	toTarget := func(s *nftables.Set) *nftables.Set {
		s.IsMap, s.DataType = true, nftables.MustConcatSetType(nftables.TypeIPAddr, nftables.TypeInetService)
		return s
	}
	bySource := func(name string, timeout time.Duration) *nftables.Set {
		s := set(inet, name, nftables.TypeIPAddr)
		s.Dynamic, s.Size, s.HasTimeout, s.Timeout = true, maxSources, true, timeout
		return s
	}
	interval := func(s *nftables.Set) *nftables.Set { s.Interval = true; return s }
	return sets{
		denied:       interval(set(inet, "denied", nftables.TypeIPAddr)),
		subnets:      interval(set(inet, "subnets", nftables.TypeIPAddr)),
		gateways:     set(inet, "gateways", nftables.TypeIPAddr),
		untracked:    set(inet, "untracked", nftables.TypeIPAddr),
		same:         set(inet, "same", nftables.TypeIFName, nftables.TypeIFName),
		internal:     set(inet, "internal", nftables.TypeIFName),
		guarded:      set(inet, "guarded", nftables.TypeIFName),
		resolvers:    toTarget(set(inet, "resolvers", nftables.TypeIPAddr, nftables.TypeInetProto, nftables.TypeInetService)),
		published:    toTarget(set(inet, "published", nftables.TypeIPAddr, nftables.TypeInetProto, nftables.TypeInetService)),
		publishedAny: toTarget(set(inet, "published-any", nftables.TypeInetProto, nftables.TypeInetService)),
		askers:       bySource("askers", time.Minute),
		ports:        set(bridge, "ports", nftables.TypeIFName, nftables.TypeEtherAddr, nftables.TypeIPAddr),
	}
}

func (s sets) all() []*nftables.Set {
	return []*nftables.Set{s.denied, s.subnets, s.gateways, s.untracked, s.same, s.internal, s.guarded, s.resolvers, s.published, s.publishedAny, s.askers, s.ports}
}

func newRuleset(c Config) *ruleset {
	name := "bailey-" + c.Node
	r := &ruleset{
		inet:   &nftables.Table{Name: name, Family: nftables.TableFamilyINet},
		bridge: &nftables.Table{Name: name, Family: nftables.TableFamilyBridge},
	}
	r.sets = newSets(r.inet, r.bridge)
	s := r.sets
	saddr, daddr := ipSource.load(reg1), ipDest.load(reg1)
	target := []expr.Any{ipDest.load(reg1), meta(expr.MetaKeyL4PROTO, reg32+1), portDest.load(reg32 + 2)}
	iifOif := []expr.Any{meta(expr.MetaKeyIIFNAME, reg1), meta(expr.MetaKeyOIFNAME, reg32+4)}
	udp := part{"meta l4proto udp", l4(unix.IPPROTO_UDP).exprs}
	live := ctState("established,related", ctEstablished|ctRelated)

	r.base("prerouting", "filter", nftables.ChainHookPrerouting, nftables.ChainPriorityRaw,
		rule{iifPrefix(c.Prefix), goTo("sent")},
		rule{iif("lo"), accept()},
		rule{ipv4(), inSet("ip daddr", s.subnets, daddr), drop()},
		rule{ipv4(), inSet("ip saddr", s.subnets, saddr), drop()},
	)
	r.plain("sent",
		rule{notIPv4(), drop()},
		rule{noRouteBack(), drop()},
		rule{ipv4(), inSet("ip daddr", s.denied, daddr), drop()},
		rule{ipv4(), inSet("ip daddr", s.untracked, daddr), l4(unix.IPPROTO_UDP), portDest.is("udp dport 53", 0, resolverPort), notrack()},
	)
	r.base("publish", "nat", nftables.ChainHookPrerouting, nftables.ChainPriorityNATDest,
		rule{iifPrefix(c.Prefix), ipv4(), dnat("ip daddr . meta l4proto . th dport", s.resolvers, target...)},
		rule{iifPrefix(c.Family), accept()},
		rule{iif("lo"), accept()},
		rule{ipv4(), dnat("ip daddr . meta l4proto . th dport", s.published, target...)},
		rule{ipv4Shown(), toLocal(), dnat("meta l4proto . th dport", s.publishedAny,
			meta(expr.MetaKeyL4PROTO, reg1), portDest.load(reg32+1))},
	)
	r.base("input", "filter", nftables.ChainHookInput, nftables.ChainPriorityFilter,
		rule{notIIFPrefix(c.Prefix), accept()},
		// Of what a container sends to the host only queries are led elsewhere, and these are tracked: the next rule would let
		// a flood of them pass.
		rule{ctDNAT(), udp, ipv4(), overRate(s.askers, askRate, askBurst), drop()},
		rule{live, accept()},
		rule{ipv4(), inSet("ip daddr", s.gateways, daddr), goTo("resolver")},
		rule{drop()},
	)
	r.plain("resolver",
		rule{l4(unix.IPPROTO_UDP), portDest.is("udp dport 53", 0, resolverPort), ipv4(), overRate(s.askers, askRate, askBurst), drop()},
		rule{l4(unix.IPPROTO_UDP), portDest.is("udp dport 53", 0, resolverPort), accept()},
		rule{l4(unix.IPPROTO_TCP), portDest.is("tcp dport 53", 0, resolverPort), accept()},
		rule{ctDNAT(), accept()},
		rule{drop()},
	)
	r.base("forward", "filter", nftables.ChainHookForward, nftables.ChainPriorityFilter,
		rule{iifPrefix(c.Prefix), goTo("leave")},
		rule{oifPrefix(c.Prefix), goTo("enter")},
		rule{inSet("iifname", s.guarded, meta(expr.MetaKeyIIFNAME, reg1)), ipv4Shown(), goTo("guard")},
	)
	r.plain("leave",
		rule{inSet("iifname . oifname", s.same, iifOif...), accept()},
		rule{inSet("iifname", s.internal, meta(expr.MetaKeyIIFNAME, reg1)), drop()},
		rule{ipv4(), inSet("ip daddr", s.subnets, daddr), drop()},
		rule{ctState("invalid", ctInvalid), drop()},
		rule{accept()},
	)
	r.plain("enter",
		rule{inSet("oifname", s.internal, meta(expr.MetaKeyOIFNAME, reg1)), drop()},
		rule{live, accept()},
		rule{ctDNAT(), accept()},
		rule{drop()},
	)
	r.plain("guard",
		rule{live, accept()},
		rule{ctDNAT(), accept()},
		rule{ctState("new", ctNew), drop()},
	)
	r.base("answers", "filter", nftables.ChainHookOutput, nftables.ChainPriorityRaw,
		rule{notOIFPrefix(c.Prefix), accept()},
		rule{ipv4(), inSet("ip saddr", s.untracked, saddr), l4(unix.IPPROTO_UDP), portSource.is("udp sport 53", 0, resolverPort), notrack()},
	)
	r.base("output", "filter", nftables.ChainHookOutput, nftables.ChainPriorityFilter,
		rule{notOIFPrefix(c.Prefix), accept()},
		rule{notIPv4(), drop()},
		rule{l4(unix.IPPROTO_ICMP), field{expr.PayloadBaseTransportHeader, 0, 1}.is("icmp type redirect", icmpRedirect), drop()},
	)
	r.base("masquerade", "nat", nftables.ChainHookPostrouting, nftables.ChainPriorityNATSource,
		rule{iifPrefix(c.Prefix), notOIFPrefix(c.Prefix), masquerade()},
	)
	r.bridgeChains(c)
	return r
}

// What one container may take of the resolver that all share; the kernel does not track its queries at all.
const (
	askRate    = 500
	askBurst   = 200
	maxSources = 65536
)

// icmpRedirect is the type of the message that would tell a container a shorter way (RFC 792).
const icmpRedirect = 5

// ipv4Shown is ipv4 for a rule that has no other match on an IPv4 header.
func ipv4Shown() part {
	p := ipv4()
	p.text = "meta nfproto ipv4"
	return p
}

// bridgeChains lets a port of a bridge speak only IPv4 and ARP, and both only with its own addresses. Tagged frames, IPv6
// and everything else have another type and are dropped.
func (r *ruleset) bridgeChains(c Config) {
	port := meta(expr.MetaKeyIIFNAME, reg1)
	r.bridgeBase("prerouting", nftables.ChainHookPrerouting,
		rule{notIIFPrefix(c.LinkPrefix), accept()},
		rule{ethType.is("ether type arp", 0x08, 0x06), goTo("arp")},
		rule{ethType.is("", 0x08, 0x00),
			inSet("iifname . ether saddr . ip saddr", r.sets.ports, port, ethSource.load(reg32+4), ipSource.load(reg32+6)), accept()},
		rule{drop()},
	)
	r.add(r.bridge, chain{Chain: &nftables.Chain{Name: "arp"}, rules: []rule{
		// Ethernet and IPv4, with addresses of 6 and 4 bytes: the layout that the fields below rely on.
		{arpHeader.is("@nh,0,48 0x108000604", 0, 1, 8, 0, 6, 4),
			inSet("iifname . ether saddr . @nh,112,32", r.sets.ports, port, ethSource.load(reg32+4), arpAddress.load(reg32+6)),
			inSet("iifname . @nh,64,48 . @nh,112,32", r.sets.ports, port, arpEther.load(reg32+4), arpAddress.load(reg32+6)),
			accept()},
		{drop()},
	}})
}

func (r *ruleset) base(name string, kind nftables.ChainType, hook *nftables.ChainHook, priority *nftables.ChainPriority, rules ...rule) {
	r.add(r.inet, baseChain(name, kind, hook, priority, rules))
}

func (r *ruleset) bridgeBase(name string, hook *nftables.ChainHook, rules ...rule) {
	r.add(r.bridge, baseChain(name, nftables.ChainTypeFilter, hook, nftables.ChainPriorityNATDest, rules))
}

func (r *ruleset) plain(name string, rules ...rule) {
	r.add(r.inet, chain{Chain: &nftables.Chain{Name: name}, rules: rules})
}

func (r *ruleset) add(t *nftables.Table, c chain) {
	c.Table = t
	r.chains = append(r.chains, c)
}

func baseChain(name string, kind nftables.ChainType, hook *nftables.ChainHook, priority *nftables.ChainPriority, rules []rule) chain {
	policy := nftables.ChainPolicyAccept
	hooks := map[nftables.ChainHook]string{
		*nftables.ChainHookPrerouting: "prerouting", *nftables.ChainHookInput: "input", *nftables.ChainHookForward: "forward",
		*nftables.ChainHookOutput: "output", *nftables.ChainHookPostrouting: "postrouting",
	}
	return chain{
		Chain: &nftables.Chain{Name: name, Type: kind, Hooknum: hook, Priority: priority, Policy: &policy},
		hook:  fmt.Sprintf("type %s hook %s priority %d; policy accept;", kind, hooks[*hook], *priority),
		rules: rules,
	}
}

// text is the chains of one table as nft(8) lists them.
func (r *ruleset) text(t *nftables.Table) string {
	var b strings.Builder
	for _, c := range r.chains {
		if c.Table != t {
			continue
		}
		fmt.Fprintf(&b, "chain %s {\n", c.Name)
		if c.hook != "" {
			fmt.Fprintf(&b, "\t%s\n", c.hook)
		}
		for _, rule := range c.rules {
			fmt.Fprintf(&b, "\t%s\n", rule.text())
		}
		b.WriteString("}\n")
	}
	return b.String()
}
