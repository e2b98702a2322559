package firewall

import (
	"fmt"
	"os"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
)

// Foreign is what other firewalls of the host would do to a container's packets.
type Foreign struct {
	// Forward names the chains that drop or reject forwarded packets which none of their rules accepts.
	Forward []string
	// Input names the chains that judge what the host receives.
	Input []string
	// Legacy says that rules of the old iptables exist, which cannot be read over nftables.
	Legacy bool
}

// Foreign looks at the tables that are not Bailey's.
func (t *Table) Foreign() (Foreign, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	chains, err := t.conn.ListChains()
	if err != nil {
		return Foreign{}, fmt.Errorf("list nftables chains: %w", err)
	}
	f := Foreign{Legacy: legacyTables()}
	for _, c := range chains {
		ip4 := c.Table.Family == nftables.TableFamilyINet || c.Table.Family == nftables.TableFamilyIPv4
		if !ip4 || c.Hooknum == nil || c.Type == nftables.ChainTypeNAT || strings.HasPrefix(c.Table.Name, "bailey-") {
			continue
		}
		name := fmt.Sprintf("table %s chain %s", tableName(c.Table), c.Name)
		switch *c.Hooknum {
		case *nftables.ChainHookForward:
			if t.endsInDrop(c) {
				f.Forward = append(f.Forward, name)
			}
		case *nftables.ChainHookInput:
			rules, err := t.conn.GetRules(c.Table, c)
			if dropPolicy(c) || err != nil || len(rules) > 0 {
				f.Input = append(f.Input, name)
			}
		}
	}
	return f, nil
}

func tableName(t *nftables.Table) string {
	if t.Family == nftables.TableFamilyINet {
		return "inet " + t.Name
	}
	return "ip " + t.Name
}

func dropPolicy(c *nftables.Chain) bool {
	return c.Policy != nil && *c.Policy == nftables.ChainPolicyDrop
}

// endsInDrop reports whether a packet that no rule matches is dropped or rejected: by the policy, or by an unconditional
// last rule.
func (t *Table) endsInDrop(c *nftables.Chain) bool {
	if dropPolicy(c) {
		return true
	}
	rules, err := t.conn.GetRules(c.Table, c)
	if err != nil {
		return true
	}
	if len(rules) == 0 {
		return false
	}
	for _, e := range rules[len(rules)-1].Exprs {
		switch e := e.(type) {
		case *expr.Counter, *expr.Log:
		case *expr.Reject:
			return true
		case *expr.Verdict:
			return e.Kind == expr.VerdictDrop
		default:
			return false
		}
	}
	return false
}

// legacyTables reports whether the old iptables has its filter table in this network namespace.
func legacyTables() bool {
	b, err := os.ReadFile("/proc/thread-self/net/ip_tables_names")
	return err == nil && strings.Contains("\n"+string(b), "\nfilter\n")
}
