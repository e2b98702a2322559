package firewall

import (
	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// What several rules look at.
var (
	source      = ipSource.load(reg1)
	destination = ipDest.load(reg1)
	inbound     = meta(expr.MetaKeyIIFNAME, reg1)
	// target is a key of a map from address, protocol and port.
	target = []expr.Any{ipDest.load(reg1), meta(expr.MetaKeyL4PROTO, reg32+1), portDest.load(reg32 + 2)}
	udp    = part{"meta l4proto udp", l4(unix.IPPROTO_UDP).exprs}
	live   = ctState("established,related", ctEstablished|ctRelated)
)

// prerouting is what happens before the kernel decides where a packet goes: what containers may send at all, what may be
// sent to them from outside (nothing, by their own addresses), and where published ports lead.
func (r *ruleset) prerouting(c Config) {
	r.base("prerouting", "filter", nftables.ChainHookPrerouting, nftables.ChainPriorityRaw,
		rule{iifPrefix(c.Prefix), goTo("sent")},
		rule{iif("lo"), accept()},
		rule{ipv4(), inSet("ip daddr", r.sets.subnets, destination), drop()},
		rule{ipv4(), inSet("ip saddr", r.sets.subnets, source), drop()},
	)
	r.plain("sent",
		rule{notIPv4(), drop()},
		rule{noRouteBack(), drop()},
		rule{ipv4(), inSet("ip daddr", r.sets.denied, destination), drop()},
		rule{ipv4(), inSet("ip daddr", r.sets.untracked, destination), l4(unix.IPPROTO_UDP), portDest.is("udp dport 53", 0, resolverPort), notrack()},
	)
	r.base("publish", "nat", nftables.ChainHookPrerouting, nftables.ChainPriorityNATDest,
		rule{iifPrefix(c.Prefix), ipv4(), dnat("ip daddr . meta l4proto . th dport", r.sets.resolvers, target...)},
		rule{iifPrefix(c.Family), accept()},
		rule{iif("lo"), accept()},
		rule{ipv4(), dnat("ip daddr . meta l4proto . th dport", r.sets.published, target...)},
		rule{ipv4Shown(), toLocal(), dnat("meta l4proto . th dport", r.sets.publishedAny,
			meta(expr.MetaKeyL4PROTO, reg1), portDest.load(reg32+1))},
	)
}

// input is what containers may send to the host: queries to the resolver, and answers.
func (r *ruleset) input(c Config) {
	r.base("input", "filter", nftables.ChainHookInput, nftables.ChainPriorityFilter,
		rule{notIIFPrefix(c.Prefix), accept()},
		// Of what a container sends to the host only queries are led elsewhere, and these are tracked: the next rule would let
		// a flood of them pass.
		rule{ctDNAT(), udp, ipv4(), overRate(r.sets.askers, askRate, askBurst), drop()},
		rule{live, accept()},
		rule{ipv4(), inSet("ip daddr", r.sets.gateways, destination), goTo("resolver")},
		rule{drop()},
	)
	r.plain("resolver",
		rule{l4(unix.IPPROTO_UDP), portDest.is("udp dport 53", 0, resolverPort), ipv4(), overRate(r.sets.askers, askRate, askBurst), drop()},
		rule{l4(unix.IPPROTO_UDP), portDest.is("udp dport 53", 0, resolverPort), accept()},
		rule{l4(unix.IPPROTO_TCP), portDest.is("tcp dport 53", 0, resolverPort), accept()},
		rule{ctDNAT(), accept()},
		rule{drop()},
	)
}

// forward is what passes between containers and the outside, among containers (nothing, but on a network that they share),
// and between interfaces of the host that Bailey made it forward between.
func (r *ruleset) forward(c Config) {
	r.base("forward", "filter", nftables.ChainHookForward, nftables.ChainPriorityFilter,
		rule{iifPrefix(c.Prefix), goTo("leave")},
		rule{oifPrefix(c.Prefix), goTo("enter")},
		rule{inSet("iifname", r.sets.guarded, inbound), ipv4Shown(), goTo("guard")},
	)
	r.plain("leave",
		rule{inSet("iifname . oifname", r.sets.same, inbound, meta(expr.MetaKeyOIFNAME, reg32+4)), accept()},
		rule{inSet("iifname", r.sets.internal, inbound), drop()},
		rule{ipv4(), inSet("ip daddr", r.sets.subnets, destination), drop()},
		rule{ctState("invalid", ctInvalid), drop()},
		rule{accept()},
	)
	r.plain("enter",
		rule{inSet("oifname", r.sets.internal, meta(expr.MetaKeyOIFNAME, reg1)), drop()},
		rule{live, accept()},
		rule{ctDNAT(), accept()},
		rule{drop()},
	)
	r.plain("guard",
		rule{live, accept()},
		rule{ctDNAT(), accept()},
		rule{ctState("new", ctNew), drop()},
	)
}

// output is what the host itself sends to containers, and what their packets look like outside.
func (r *ruleset) output(c Config) {
	r.base("answers", "filter", nftables.ChainHookOutput, nftables.ChainPriorityRaw,
		rule{notOIFPrefix(c.Prefix), accept()},
		rule{ipv4(), inSet("ip saddr", r.sets.untracked, source), l4(unix.IPPROTO_UDP), portSource.is("udp sport 53", 0, resolverPort), notrack()},
	)
	r.base("output", "filter", nftables.ChainHookOutput, nftables.ChainPriorityFilter,
		rule{notOIFPrefix(c.Prefix), accept()},
		rule{notIPv4(), drop()},
		rule{l4(unix.IPPROTO_ICMP), field{expr.PayloadBaseTransportHeader, 0, 1}.is("icmp type redirect", icmpRedirect), drop()},
	)
	r.base("masquerade", "nat", nftables.ChainHookPostrouting, nftables.ChainPriorityNATSource,
		rule{iifPrefix(c.Prefix), notOIFPrefix(c.Prefix), masquerade()},
	)
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
	r.bridgeBase("prerouting", nftables.ChainHookPrerouting,
		rule{notIIFPrefix(c.LinkPrefix), accept()},
		rule{ethType.is("ether type arp", 0x08, 0x06), goTo("arp")},
		rule{ethType.is("", 0x08, 0x00),
			inSet("iifname . ether saddr . ip saddr", r.sets.ports, inbound, ethSource.load(reg32+4), ipSource.load(reg32+6)), accept()},
		rule{drop()},
	)
	r.add(r.bridge, chain{Chain: &nftables.Chain{Name: "arp"}, rules: []rule{
		// Ethernet and IPv4, with addresses of 6 and 4 bytes: the layout that the fields below rely on.
		{arpHeader.is("@nh,0,48 0x108000604", 0, 1, 8, 0, 6, 4),
			inSet("iifname . ether saddr . @nh,112,32", r.sets.ports, inbound, ethSource.load(reg32+4), arpAddress.load(reg32+6)),
			inSet("iifname . @nh,64,48 . @nh,112,32", r.sets.ports, inbound, arpEther.load(reg32+4), arpAddress.load(reg32+6)),
			accept()},
		{drop()},
	}})
}
