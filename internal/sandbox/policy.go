package sandbox

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Policy is what the administrator of a node allows beyond the default. The
// zero value allows nothing.
type Policy struct {
	// Path is where the policy was read from; refusals name it.
	Path string `toml:"-"`
	// Allow are the relaxations, HostMounts the host's paths that containers may mount.
	Allow      []Allow     `toml:"allow"`
	HostMounts []HostMount `toml:"host-mount"`
}

// Allow is one [[allow]] entry: it allows the relaxation Rule, for these
// Values of it, to these Callers. A value is exact, or a beginning that ends
// in "*"; "*" alone is every value. A caller is a user name, uid:N,
// group:NAME or "*".
type Allow struct {
	Rule    string   `toml:"rule"`
	Values  []string `toml:"values"`
	Callers []string `toml:"callers"`
	Reason  string   `toml:"reason"`
}

// HostMount is one [[host-mount]] entry: the callers may mount Path and what
// lies below it, only for reading when ReadOnly.
type HostMount struct {
	Path     string   `toml:"path"`
	ReadOnly bool     `toml:"readonly"`
	Callers  []string `toml:"callers"`
	Reason   string   `toml:"reason"`
}

// file names the policy file in a message.
func (p Policy) file() string {
	if p.Path == "" {
		return "the node's policy file"
	}
	return p.Path
}

// allows looks for an entry that allows a value of a rule to a caller; by
// names the entry.
func (p Policy) allows(rule, value string, c Caller) (by, reason string, ok bool) {
	if c.prover {
		return proverAllowed, proverReason, true
	}
	for i, a := range p.Allow {
		if a.Rule != rule || (ruleValues[rule] != nil && !matches(a.Values, value)) {
			continue
		}
		if who, ok := c.among(a.Callers); ok {
			return fmt.Sprintf("%s: [[allow]] %d for %s", p.file(), i+1, who), a.Reason, true
		}
	}
	return "", "", false
}

// matches says whether value is one of values, or begins like one that ends in "*".
func matches(values []string, value string) bool {
	return slices.ContainsFunc(values, func(v string) bool {
		if start, isStart := strings.CutSuffix(v, "*"); isStart {
			return strings.HasPrefix(value, start)
		}
		return v == value
	})
}

// Who allows the prover what it does, and why: no entry of the policy does.
const (
	proverAllowed = "the node itself, to prove its controls"
	proverReason  = "the twin of an attack, in which it must succeed"
)

// among returns the entry of a list of callers that means c. None means a stranger.
func (c Caller) among(callers []string) (string, bool) {
	if c.stranger {
		return "", false
	}
	for _, who := range callers {
		group, isGroup := strings.CutPrefix(who, "group:")
		uid, isUID := strings.CutPrefix(who, "uid:")
		switch {
		case who == "*",
			isGroup && slices.Contains(c.Groups, group),
			isUID && uid == strconv.FormatUint(uint64(c.UID), 10),
			!isGroup && !isUID && c.User != "" && who == c.User:
			return who, true
		}
	}
	return "", false
}

// name is how an entry would list the caller.
func (c Caller) name() string {
	if c.User != "" {
		return c.User
	}
	return fmt.Sprintf("uid:%d", c.UID)
}
