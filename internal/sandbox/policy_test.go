package sandbox

import (
	"strings"
	"testing"
)

func TestParsePolicy(t *testing.T) {
	p := testPolicy(t)
	if p.Path != "/etc/bailey/policy.toml" || len(p.Allow) != 4 || len(p.HostMounts) != 2 || !p.HostMounts[0].ReadOnly {
		t.Errorf("%+v", p)
	}
	if empty, err := ParsePolicy("x", nil); err != nil || len(empty.Allow) != 0 {
		t.Errorf("an empty policy: %+v, %v", empty, err)
	}
}

// badPolicies are each an error that names the place.
var badPolicies = map[string]string{
	"not TOML":             `[[allow]`,
	"unknown table":        `[[permit]]`,
	"top-level key":        `mode = "open"`,
	"one table":            "[allow]\nrule = \"privileged\"\ncallers = [\"*\"]\nreason = \"r\"",
	"allow is a list":      `allow = ["privileged"]`,
	"unknown key":          "[[allow]]\nrule = \"privileged\"\ncallers = [\"*\"]\nreason = \"r\"\nuntil = 2030",
	"key in capitals":      "[[allow]]\nRule = \"privileged\"\ncallers = [\"*\"]\nreason = \"r\"",
	"table in capitals":    "[[Allow]]\nrule = \"privileged\"\ncallers = [\"*\"]\nreason = \"r\"",
	"key twice":            "[[allow]]\nrule = \"privileged\"\nrule = \"cap-add\"\ncallers = [\"*\"]\nreason = \"r\"",
	"wrong type":           "[[allow]]\nrule = \"privileged\"\ncallers = \"*\"\nreason = \"r\"",
	"no rule":              "[[allow]]\ncallers = [\"*\"]\nreason = \"r\"",
	"unknown rule":         "[[allow]]\nrule = \"everything\"\ncallers = [\"*\"]\nreason = \"r\"",
	"no reason":            "[[allow]]\nrule = \"privileged\"\ncallers = [\"*\"]",
	"empty reason":         "[[allow]]\nrule = \"privileged\"\ncallers = [\"*\"]\nreason = \" \"",
	"no callers":           "[[allow]]\nrule = \"privileged\"\nreason = \"r\"",
	"caller with a space":  "[[allow]]\nrule = \"privileged\"\ncallers = [\"al ice\"]\nreason = \"r\"",
	"group of nothing":     "[[allow]]\nrule = \"privileged\"\ncallers = [\"group:\"]\nreason = \"r\"",
	"uid of nothing":       "[[allow]]\nrule = \"privileged\"\ncallers = [\"uid:alice\"]\nreason = \"r\"",
	"values for none":      "[[allow]]\nrule = \"privileged\"\nvalues = [\"x\"]\ncallers = [\"*\"]\nreason = \"r\"",
	"no values":            "[[allow]]\nrule = \"cap-add\"\ncallers = [\"*\"]\nreason = \"r\"",
	"unknown capability":   "[[allow]]\nrule = \"cap-add\"\nvalues = [\"CAP_CHOWN\"]\ncallers = [\"*\"]\nreason = \"r\"",
	"unknown group":        "[[allow]]\nrule = \"seccomp\"\nvalues = [\"all\"]\ncallers = [\"*\"]\nreason = \"r\"",
	"unknown namespace":    "[[allow]]\nrule = \"host-namespace\"\nvalues = [\"mnt\"]\ncallers = [\"*\"]\nreason = \"r\"",
	"empty value":          "[[allow]]\nrule = \"sysctl\"\nvalues = [\"\"]\ncallers = [\"*\"]\nreason = \"r\"",
	"relative host mount":  "[[host-mount]]\npath = \"srv\"\ncallers = [\"*\"]\nreason = \"r\"",
	"host mount by detour": "[[host-mount]]\npath = \"/srv/../etc\"\ncallers = [\"*\"]\nreason = \"r\"",
	"forbidden host mount": "[[host-mount]]\npath = \"/etc/ssl\"\ncallers = [\"*\"]\nreason = \"r\"",
	"the whole host":       "[[host-mount]]\npath = \"/\"\ncallers = [\"*\"]\nreason = \"r\"",
	"writable programs":    "[[host-mount]]\npath = \"/usr/local\"\ncallers = [\"*\"]\nreason = \"r\"",
	"host mount rule":      "[[allow]]\nrule = \"host-mount\"\nvalues = [\"/srv\"]\ncallers = [\"*\"]\nreason = \"r\"",
	"far too long":         strings.Repeat("# comment\n", MaxPolicy/10+1),
}

func TestBadPolicies(t *testing.T) {
	for name, text := range badPolicies {
		t.Run(name, func(t *testing.T) {
			p, err := ParsePolicy("policy.toml", []byte(text))
			if err == nil {
				t.Fatal("accepted")
			}
			if !strings.HasPrefix(err.Error(), "policy.toml: ") || len(p.Allow)+len(p.HostMounts) > 0 {
				t.Errorf("%v comes with %+v", err, p)
			}
		})
	}
}

func TestCallers(t *testing.T) {
	caller := Caller{UID: 1000, User: "alice", Groups: []string{"ops"}}
	for who, want := range map[string]bool{
		"alice": true, "uid:1000": true, "group:ops": true, "*": true,
		"bob": false, "uid:100": false, "group:op": false, "ops": false, "group:alice": false, "": false, "1000": false,
	} {
		if _, got := caller.among([]string{who}); got != want {
			t.Errorf("%q means alice: %v", who, got)
		}
	}
	if _, ok := (Caller{UID: 5}).among([]string{"", "uid:"}); ok {
		t.Error("a caller without a name matches an empty entry")
	}
	// A user may be called like an entry's prefix.
	if _, ok := (Caller{UID: 5, User: "group:ops"}).among([]string{"group:ops"}); ok {
		t.Error("a user name passes for a group")
	}
}

func TestValues(t *testing.T) {
	for _, test := range []struct {
		values []string
		value  string
		want   bool
	}{
		{[]string{"/dev/ttyUSB*"}, "/dev/ttyUSB12", true}, {[]string{"/dev/ttyUSB*"}, "/dev/ttyS0", false},
		{[]string{"*"}, "anything", true}, {[]string{"NET_ADMIN"}, "NET_ADMIN", true}, {[]string{"NET_ADMIN"}, "NET_ADMIN2", false},
		{nil, "x", false},
	} {
		if got := matches(test.values, test.value); got != test.want {
			t.Errorf("%v has %q: %v", test.values, test.value, got)
		}
	}
}

// An entry that names values allows none that are empty.
func TestEmptyValue(t *testing.T) {
	p := Policy{Allow: []Allow{{Rule: RuleRuntime, Values: []string{"kata"}, Callers: []string{"*"}, Reason: "r"}}}
	if _, _, ok := p.allows(RuleRuntime, "", alice); ok {
		t.Error("no value passes for one of the values")
	}
}

// Whatever a policy holds, it is an error or one that only names what is known.
func FuzzParsePolicy(f *testing.F) {
	for _, text := range badPolicies {
		if len(text) < 4*kib {
			f.Add([]byte(text))
		}
	}
	f.Add([]byte("[[allow]]\nrule = \"cap-add\"\nvalues = [\"NET_ADMIN\"]\ncallers = [\"root\"]\nreason = \"r\""))
	f.Add([]byte("[[host-mount]]\npath = \"/srv\"\nreadonly = true\ncallers = [\"uid:1\"]\nreason = \"r\""))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ParsePolicy("p", text)
		if err != nil {
			return
		}
		for _, a := range p.Allow {
			if _, known := ruleValues[a.Rule]; !known || a.Reason == "" || len(a.Callers) == 0 {
				t.Errorf("%q gives %+v", text, a)
			}
		}
		for _, m := range p.HostMounts {
			if neverMounted(m.Path, nil) != "" || m.Reason == "" || len(m.Callers) == 0 {
				t.Errorf("%q gives %+v", text, m)
			}
		}
	})
}

// What a refusal writes is read back as it was.
func FuzzTOMLString(f *testing.F) {
	f.Add("plain")
	f.Add("quote \" back \\ new\nline \x00 é")
	f.Fuzz(func(t *testing.T, s string) {
		s = strings.ToValidUTF8(s, "?")
		text := "[[allow]]\nrule = \"runtime\"\nvalues = [" + tomlString(s) + "]\ncallers = [\"*\"]\nreason = \"r\""
		p, err := ParsePolicy("p", []byte(text))
		if s != "" && (err != nil || p.Allow[0].Values[0] != s) {
			t.Errorf("%q comes back as %+v, %v", s, p, err)
		}
	})
}

// TestMayCommit: only whom the policy names may make images of containers, and the refusal says how.
func TestMayCommit(t *testing.T) {
	err := Policy{}.MayCommit(alice)
	refusals := Refusals(err)
	if len(refusals) != 1 || refusals[0].Rule != RuleCommit {
		t.Fatalf("got %v", err)
	}
	policy, err := ParsePolicy("p.toml", []byte(refusals[0].Mend[strings.Index(refusals[0].Mend, "[["):]))
	if err != nil {
		t.Fatal(err)
	}
	if err := policy.MayCommit(alice); err != nil {
		t.Error(err)
	}
	if err := policy.MayCommit(Caller{UID: 7, User: "bob"}); err == nil {
		t.Error("what alice may, bob may too")
	}
}
