package firewall

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
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
	r.prerouting(c)
	r.input(c)
	r.forward(c)
	r.output(c)
	r.bridgeChains(c)
	return r
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
