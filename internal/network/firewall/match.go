package firewall

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// part is one piece of a rule: what nft(8) prints for it and what the kernel is given.
type part struct {
	text  string
	exprs []expr.Any
}

// rule is the parts of one line.
type rule []part

func (r rule) text() string {
	var words []string
	for _, p := range r {
		if p.text != "" {
			words = append(words, p.text)
		}
	}
	return strings.Join(words, " ")
}

func (r rule) exprs() []expr.Any {
	var out []expr.Any
	for _, p := range r {
		out = append(out, p.exprs...)
	}
	return out
}

// Registers of 16 bytes, and of 4 bytes counted from the start of the first of them (linux/netfilter/nf_tables.h).
const (
	reg1  = unix.NFT_REG_1
	reg32 = unix.NFT_REG32_00
)

func meta(key expr.MetaKey, reg uint32) expr.Any { return &expr.Meta{Key: key, Register: reg} }

func equal(reg uint32, data ...byte) expr.Any {
	return &expr.Cmp{Op: expr.CmpOpEq, Register: reg, Data: data}
}

func differ(reg uint32, data ...byte) expr.Any {
	return &expr.Cmp{Op: expr.CmpOpNeq, Register: reg, Data: data}
}

// ifname is an interface name as the kernel compares it: 16 bytes, padded with zeros.
func ifname(name string) []byte {
	b := make([]byte, unix.IFNAMSIZ)
	copy(b[:unix.IFNAMSIZ-1], name)
	return b
}

// iifPrefix matches interfaces that a packet came in by, by the start of their names.
func iifPrefix(prefix string) part {
	return part{fmt.Sprintf("iifname %q", prefix+"*"), []expr.Any{meta(expr.MetaKeyIIFNAME, reg1), equal(reg1, []byte(prefix)...)}}
}

func notIIFPrefix(prefix string) part {
	return part{fmt.Sprintf("iifname != %q", prefix+"*"), []expr.Any{meta(expr.MetaKeyIIFNAME, reg1), differ(reg1, []byte(prefix)...)}}
}

func iif(name string) part {
	return part{fmt.Sprintf("iifname %q", name), []expr.Any{meta(expr.MetaKeyIIFNAME, reg1), equal(reg1, ifname(name)...)}}
}

func oifPrefix(prefix string) part {
	return part{fmt.Sprintf("oifname %q", prefix+"*"), []expr.Any{meta(expr.MetaKeyOIFNAME, reg1), equal(reg1, []byte(prefix)...)}}
}

func notOIFPrefix(prefix string) part {
	return part{fmt.Sprintf("oifname != %q", prefix+"*"), []expr.Any{meta(expr.MetaKeyOIFNAME, reg1), differ(reg1, []byte(prefix)...)}}
}

// ipv4 is the condition that nft(8) adds by itself, and does not print, before a match on an IPv4 header.
func ipv4() part {
	return part{"", []expr.Any{meta(expr.MetaKeyNFPROTO, reg1), equal(reg1, unix.NFPROTO_IPV4)}}
}

func notIPv4() part {
	return part{"meta nfproto != ipv4", []expr.Any{meta(expr.MetaKeyNFPROTO, reg1), differ(reg1, unix.NFPROTO_IPV4)}}
}

// Offsets and lengths of header fields (RFC 791, RFC 768, RFC 826, IEEE 802.3).
var (
	ipSource   = field{expr.PayloadBaseNetworkHeader, 12, 4}
	ipDest     = field{expr.PayloadBaseNetworkHeader, 16, 4}
	portSource = field{expr.PayloadBaseTransportHeader, 0, 2}
	portDest   = field{expr.PayloadBaseTransportHeader, 2, 2}
	ethSource  = field{expr.PayloadBaseLLHeader, 6, 6}
	ethType    = field{expr.PayloadBaseLLHeader, 12, 2}
	arpHeader  = field{expr.PayloadBaseNetworkHeader, 0, 6}
	arpEther   = field{expr.PayloadBaseNetworkHeader, 8, 6}
	arpAddress = field{expr.PayloadBaseNetworkHeader, 14, 4}
)

type field struct {
	base        expr.PayloadBase
	offset, len uint32
}

func (f field) load(reg uint32) expr.Any {
	return &expr.Payload{DestRegister: reg, Base: f.base, Offset: f.offset, Len: f.len}
}

func (f field) is(text string, data ...byte) part {
	return part{text, []expr.Any{f.load(reg1), equal(reg1, data...)}}
}

// inSet looks up what loads put into the registers from the first on.
func inSet(text string, s *nftables.Set, loads ...expr.Any) part {
	return part{text + " @" + s.Name, append(loads, &expr.Lookup{SourceRegister: reg1, SetName: s.Name, SetID: s.ID})}
}

// ctState matches when the packet's connection is in one of the states.
func ctState(text string, bits uint32) part {
	return ctBits("ct state "+text, expr.CtKeySTATE, bits)
}

// ctDNAT matches connections whose destination was rewritten: bit IPS_DST_NAT of enum ip_conntrack_status.
func ctDNAT() part { return ctBits("ct status dnat", expr.CtKeySTATUS, ipsDstNAT) }

const ipsDstNAT = 1 << 5

func ctBits(text string, key expr.CtKey, bits uint32) part {
	return part{text, []expr.Any{
		&expr.Ct{Key: key, Register: reg1},
		&expr.Bitwise{SourceRegister: reg1, DestRegister: reg1, Len: 4, Mask: binaryutil.NativeEndian.PutUint32(bits), Xor: make([]byte, 4)},
		differ(reg1, 0, 0, 0, 0),
	}}
}

// Bits of ct state (NF_CT_STATE_BIT of linux/netfilter/nf_conntrack_common.h).
const (
	ctInvalid     = 1 << 0
	ctEstablished = 1 << 1
	ctRelated     = 1 << 2
	ctNew         = 1 << 3
)

// noRouteBack matches packets whose source would not be answered by the interface that they came in by: the strict test of
// RFC 3704. It does not depend on rp_filter, where the loosest of two settings wins.
func noRouteBack() part {
	return part{"fib saddr . iif oif missing", []expr.Any{
		&expr.Fib{Register: reg1, FlagSADDR: true, FlagIIF: true, ResultOIF: true, FlagPRESENT: true}, equal(reg1, 0, 0, 0, 0)}}
}

// toLocal matches packets for one of the host's own addresses.
func toLocal() part {
	return part{"fib daddr type local", []expr.Any{
		&expr.Fib{Register: reg1, FlagDADDR: true, ResultADDRTYPE: true},
		equal(reg1, binaryutil.NativeEndian.PutUint32(unix.RTN_LOCAL)...)}}
}

// l4 is the condition on the transport protocol that nft(8) adds by itself before a match on its header.
func l4(number byte) part {
	return part{"", []expr.Any{meta(expr.MetaKeyL4PROTO, reg1), equal(reg1, number)}}
}

// dnat rewrites the destination to what the map holds for the key that loads put into the registers.
func dnat(text string, m *nftables.Set, loads ...expr.Any) part {
	return part{"dnat ip to " + text + " map @" + m.Name, append(slices.Clone(loads),
		&expr.Lookup{SourceRegister: reg1, DestRegister: reg1, IsDestRegSet: true, SetName: m.Name, SetID: m.ID},
		&expr.NAT{Type: expr.NATTypeDestNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: reg1, RegProtoMin: reg32 + 1},
	)}
}

// overRate matches packets of a source that sends more than so many in a second; the set keeps one limit for each source.
func overRate(s *nftables.Set, rate uint64, burst uint32) part {
	limit := &expr.Limit{Type: expr.LimitTypePkts, Rate: rate, Unit: expr.LimitTimeSecond, Burst: burst, Over: true}
	text := fmt.Sprintf("update @%s { ip saddr limit rate over %d/second burst %d packets }", s.Name, rate, burst)
	return part{text, []expr.Any{ipSource.load(reg1),
		&expr.Dynset{SrcRegKey: reg1, SetName: s.Name, SetID: s.ID, Operation: unix.NFT_DYNSET_OP_UPDATE, Exprs: []expr.Any{limit}}}}
}

func notrack() part { return part{"notrack", []expr.Any{&expr.Notrack{}}} }

func masquerade() part { return part{"masquerade", []expr.Any{&expr.Masq{}}} }

func accept() part { return verdict("accept", expr.VerdictAccept) }
func drop() part   { return verdict("drop", expr.VerdictDrop) }

func verdict(text string, kind expr.VerdictKind) part {
	return part{text, []expr.Any{&expr.Verdict{Kind: kind}}}
}

func goTo(chain string) part {
	return part{"goto " + chain, []expr.Any{&expr.Verdict{Kind: expr.VerdictGoto, Chain: chain}}}
}
