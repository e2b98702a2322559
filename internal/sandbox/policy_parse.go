package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/bailey-run/bailey/internal/sandbox/seccomp"
	toml "github.com/pelletier/go-toml/v2"
)

// MaxPolicy is the greatest size of a policy, in bytes.
const MaxPolicy = 1 << 20

// ParsePolicy reads a policy from TOML; file is where it was read from. It
// is strict: an unknown key, rule or value, a missing reason or caller, and a
// host path that can never be mounted are errors, all of them in one.
func ParsePolicy(file string, text []byte) (Policy, error) {
	p := Policy{Path: file}
	if len(text) > MaxPolicy {
		return Policy{}, fmt.Errorf("%s: a policy of %d bytes is too long; %d are accepted", p.file(), len(text), MaxPolicy)
	}
	if err := exactKeys(text); err != nil {
		return Policy{}, fmt.Errorf("%s: %w", p.file(), err)
	}
	if err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(&p); err != nil {
		return Policy{}, fmt.Errorf("%s: %w", p.file(), explain(err))
	}
	var errs []error
	for i, a := range p.Allow {
		if err := a.check(); err != nil {
			errs = append(errs, fmt.Errorf("%s: [[allow]] %d: %w", p.file(), i+1, err))
		}
	}
	for i, m := range p.HostMounts {
		if err := m.check(); err != nil {
			errs = append(errs, fmt.Errorf("%s: [[host-mount]] %d: %w", p.file(), i+1, err))
		}
	}
	if len(errs) > 0 {
		return Policy{}, errors.Join(errs...)
	}
	return p, nil
}

// exactKeys refuses keys in other letters than the documented: the decoder
// would take "Rule" for "rule", and the last of both would win.
func exactKeys(text []byte) error {
	var tables map[string]any
	if err := toml.Unmarshal(text, &tables); err != nil {
		return explain(err)
	}
	known := map[string][]string{
		"allow":      {"rule", "values", "callers", "reason"},
		"host-mount": {"path", "readonly", "callers", "reason"},
	}
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		keys, ok := known[table]
		if !ok {
			return fmt.Errorf("%q is not known; there are [[allow]] and [[host-mount]]", table)
		}
		entries, ok := tables[table].([]any)
		if !ok {
			return fmt.Errorf("%q is a list of tables: write [[%s]] above each", table, table)
		}
		for i, e := range entries {
			entry, ok := e.(map[string]any)
			if !ok {
				return fmt.Errorf("%q is a list of tables: write [[%s]] above each", table, table)
			}
			for _, key := range slices.Sorted(maps.Keys(entry)) {
				if !slices.Contains(keys, key) {
					return fmt.Errorf("[[%s]] %d: %q is not known; there are %s", table, i+1, key, strings.Join(keys, ", "))
				}
			}
		}
	}
	return nil
}

// explain adds the place to an error of the parser.
func explain(err error) error {
	var syntax *toml.DecodeError
	if errors.As(err, &syntax) {
		line, column := syntax.Position()
		return fmt.Errorf("line %d, column %d: %w", line, column, err)
	}
	return err
}

func (a Allow) check() error {
	values, ok := ruleValues[a.Rule]
	if !ok {
		return fmt.Errorf("rule %q is not known; there are %s", a.Rule, strings.Join(slices.Sorted(maps.Keys(ruleValues)), ", "))
	}
	if values == nil && len(a.Values) > 0 {
		return fmt.Errorf("rule %q takes no values", a.Rule)
	}
	if values != nil && len(a.Values) == 0 {
		return fmt.Errorf("rule %q needs values; \"*\" is every one of them", a.Rule)
	}
	for _, v := range a.Values {
		if v == "" || (v != "*" && !values(v)) {
			return fmt.Errorf("rule %q has no value %q", a.Rule, v)
		}
	}
	return checkEntry(a.Callers, a.Reason)
}

func (m HostMount) check() error {
	if !path.IsAbs(m.Path) || path.Clean(m.Path) != m.Path {
		return fmt.Errorf("path %q must be absolute and without \"..\", \".\" and double slashes", m.Path)
	}
	if why := neverMounted(m.Path, nil); why != "" {
		return fmt.Errorf("path %q can never be mounted: %s", m.Path, why)
	}
	if !m.ReadOnly && isSystem(m.Path) {
		return fmt.Errorf("path %q holds programs of the host: set readonly = true", m.Path)
	}
	return checkEntry(m.Callers, m.Reason)
}

func checkEntry(callers []string, reason string) error {
	if strings.TrimSpace(reason) == "" {
		return errors.New("reason is missing: say why, it is shown with every container that uses it")
	}
	if len(callers) == 0 {
		return errors.New("callers is missing: name users, uid:N or group:NAME; \"*\" is everyone who may use the socket")
	}
	for _, c := range callers {
		uid, isUID := strings.CutPrefix(c, "uid:")
		if _, err := strconv.ParseUint(uid, 10, 32); isUID && err != nil {
			return fmt.Errorf("caller %q is uid: without a number behind it", c)
		}
		if c == "" || c == "group:" || strings.ContainsAny(c, " \t\n") {
			return fmt.Errorf("caller %q is neither a user name nor uid:N, group:NAME or \"*\"", c)
		}
	}
	return nil
}

// ruleValues checks the values that an entry lists, by rule; nil is for a
// rule without values.
var ruleValues = map[string]func(string) bool{
	RulePrivileged:       nil,
	RuleWritableRoot:     nil,
	RuleCommit:           nil,
	RuleCapAdd:           func(v string) bool { return v == "ALL" || slices.Contains(knownCapabilities, "CAP_"+v) },
	RuleSecurityOpt:      func(v string) bool { return strings.Contains(v, "=") },
	RuleSeccomp:          seccomp.Known,
	RuleUnmaskedPaths:    func(v string) bool { return v == "all" || path.IsAbs(v) },
	RuleBrokenControl:    func(v string) bool { return slices.Contains(ProvedNames(), v) },
	RuleHostNamespace:    oneOf("pid", "ipc", "uts", "cgroup", "time", "user", "network"),
	RuleJoinNamespace:    oneOf("pid", "ipc", "network"),
	RuleDevice:           path.IsAbs,
	RuleDeviceCgroupRule: func(v string) bool { _, err := parseDeviceRule(v); return err == nil || strings.HasSuffix(v, "*") },
	RuleMountOption:      oneOf("exec", "suid", "dev", "propagation"),
	RuleSysctl:           func(v string) bool { return strings.Contains(v, ".") },
	RuleLimit: func(v string) bool {
		_, isUlimit := ulimits[v]
		return isUlimit || oneOf("memory", "swap", "pids", "log", "disk", "oom-kill-disable", "oom-score-adj", "cpu-realtime")(v)
	},
	RuleCgroupParent: func(string) bool { return true },
	RuleRuntime:      func(string) bool { return true },
	RuleAnnotation:   func(string) bool { return true },
	RuleBuildNetwork: oneOf(BuildOutbound, BuildHost),
	// A beginning without its host would open every host that begins so.
	RuleBuildSource: func(v string) bool {
		_, rest, ok := strings.Cut(v, "://")
		host, _, whole := strings.Cut(rest, "/")
		return ok && host != "" && (whole || !strings.HasSuffix(v, "*")) && !strings.Contains(host, "*")
	},
	RuleBuildFrontend: func(v string) bool { return strings.Contains(v, "/") },
}

func oneOf(values ...string) func(string) bool {
	return func(v string) bool { return slices.Contains(values, v) }
}
