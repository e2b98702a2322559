package sandbox

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func stepRequest() StepRequest {
	return StepRequest{ID: strings.Repeat("5", 64), Hostname: "step", Args: []string{"make"}, WorkingDir: "/", Network: "none"}
}

// TestStepIsAContainer: whatever a build step does not need differently is as in a container.
func TestStepIsAContainer(t *testing.T) {
	p, err := ComputeStep(stepRequest(), testHost())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range p.Controls() {
		allowed := []string{ControlRoot, ControlTemporary, ControlMemory, ControlPids, ControlNetwork, ControlLog, ControlDisk, ControlPorts, ControlSecrets}
		if c.Actual != c.Default && !slices.Contains(allowed, c.Control) {
			t.Errorf("%s: %q, and of a container %q", c.Control, c.Actual, c.Default)
		}
	}
	if len(p.Relaxations) != 0 || !p.Root.Writable || p.Root.Setuid || !p.NoNewPrivileges || p.Namespaces.User != NamespaceOwn || p.Network.Name != "none" {
		t.Errorf("%+v", p)
	}
	if p.Limits.Memory != 4*gib || p.Limits.Pids != StepPids || p.Limits.Swap != 0 {
		t.Errorf("%+v", p.Limits)
	}
	for _, m := range p.Mounts {
		if m.Kind == MountTmpfs {
			t.Errorf("%s is memory, and would not be in the layer", m.Target)
		}
	}
}

// TestStepNetworkFailsClosed: only what was granted is given.
func TestStepNetworkFailsClosed(t *testing.T) {
	outbound := Relaxation{Control: ControlNetwork, Rule: RuleBuildNetwork, Value: BuildOutbound}
	host := Relaxation{Control: ControlNetwork, Rule: RuleBuildNetwork, Value: BuildHost}
	for _, tt := range []struct {
		network string
		grants  []Relaxation
		ok      bool
	}{
		{"none", nil, true}, {"none", []Relaxation{outbound, host}, true},
		{DefaultNetwork, nil, false}, {DefaultNetwork, []Relaxation{host}, false}, {DefaultNetwork, []Relaxation{outbound}, true},
		{NamespaceHost, nil, false}, {NamespaceHost, []Relaxation{outbound}, false}, {NamespaceHost, []Relaxation{host}, true},
		{"container:x", []Relaxation{outbound, host}, false}, {"", []Relaxation{outbound}, false},
		{DefaultNetwork, []Relaxation{{Rule: RuleCapAdd, Value: BuildOutbound}}, false},
	} {
		r := stepRequest()
		r.Network, r.Grants = tt.network, tt.grants
		p, err := ComputeStep(r, testHost())
		if (err == nil) != tt.ok {
			t.Errorf("%q with %v: %v", tt.network, tt.grants, err)
		}
		if own := p.Namespaces.Network == NamespaceOwn; err == nil && own != (tt.network != NamespaceHost) {
			t.Errorf("%q: the network namespace is %q", tt.network, p.Namespaces.Network)
		}
	}
}

// TestStepMounts: what the builder mounts never takes the place of what the sandbox mounts.
func TestStepMounts(t *testing.T) {
	for target, ok := range map[string]bool{
		"/run/secrets/x": true, "/cache": true, "/tmp": true, "/proc": false, "/proc/sys": false, "/sys/fs": false, "/dev": false, "/dev/kmsg": false, "/": false, "relative": false,
	} {
		r := stepRequest()
		r.Mounts = []StepMount{{Target: target}}
		if _, err := ComputeStep(r, testHost()); (err == nil) != ok {
			t.Errorf("%s: %v", target, err)
		}
	}
	r := stepRequest()
	r.Mounts = []StepMount{{Target: "/a/b/c", ReadOnly: true}, {Target: "/a", Tmpfs: true}, {Target: "/a/b"}}
	p, err := ComputeStep(r, testHost())
	if err != nil {
		t.Fatal(err)
	}
	spec, err := Spec(p, Binding{IDBase: 1 << 20, RootfsPath: "/r", CgroupPath: "/c", UserNSPath: "/ns/u", NetNSPath: "/ns/n", MemfdHook: []string{"/h"},
		MountSources: map[string]string{"/a/b/c": "/m/1", "/a/b": "/m/2"}})
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, m := range spec.Mounts {
		if strings.HasPrefix(m.Destination, "/a") {
			order = append(order, m.Destination)
			joined := strings.Join(m.Options, ",")
			if !strings.Contains(joined, "nosuid") || !strings.Contains(joined, "nodev") || strings.Contains(joined, "idmap") {
				t.Errorf("%s: %v", m.Destination, m.Options)
			}
			if m.Destination == "/a" && !strings.Contains(joined, "size=1073741824") {
				t.Errorf("a tmpfs without a cap: %v", m.Options)
			}
		}
	}
	if !slices.Equal(order, []string{"/a", "/a/b", "/a/b/c"}) {
		t.Errorf("%v", order)
	}
	r.Mounts = append(r.Mounts, StepMount{Target: "/a/b"})
	if _, err := ComputeStep(r, testHost()); err == nil {
		t.Error("one target twice")
	}
}

// TestAllowBuild: the entry that a refusal prints allows what was refused, and nothing else.
func TestAllowBuild(t *testing.T) {
	caller := Caller{UID: 1000, User: "ci"}
	for _, w := range []BuildWish{
		{RuleBuildNetwork, BuildOutbound, "a network"}, {RuleBuildNetwork, BuildHost, "--network host"},
		{RuleBuildSource, "https://host.example/a.git", "fetching"}, {RuleBuildFrontend, "docker.io/evil/reader:1", "# syntax="},
	} {
		_, err := AllowBuild(w, Policy{}, caller)
		var refused *RefusalError
		if !errors.As(err, &refused) || refused.Why == "" {
			t.Fatalf("%+v: %v", w, err)
		}
		_, entry, _ := strings.Cut(refused.Mend, "[[allow]]")
		policy, err := ParsePolicy("p", []byte("[[allow]]"+entry))
		if err != nil {
			t.Fatalf("%+v: the entry cannot be read: %v", w, err)
		}
		if _, err := AllowBuild(w, policy, caller); err != nil {
			t.Errorf("%+v: the entry does not allow it: %v", w, err)
		}
		if _, err := AllowBuild(w, policy, Caller{UID: 1, User: "other"}); err == nil {
			t.Errorf("%+v: the entry allows it to others", w)
		}
		w.Value += "x"
		if _, err := AllowBuild(w, policy, caller); err == nil {
			t.Errorf("%+v: the entry allows more", w)
		}
	}
}

func TestBuildSourceValues(t *testing.T) {
	for value, ok := range map[string]bool{
		"https://host.example/team/*": true, "https://host.example/a.git": true, "*": true, "https://host.example": true,
		"https://host.exam*": false, "https://*": false, "host.example/x": false, "https:///x": false, "https://*.example/": false,
	} {
		text := "[[allow]]\nrule = \"build-source\"\nvalues = [\"" + value + "\"]\ncallers = [\"*\"]\nreason = \"r\"\n"
		if _, err := ParsePolicy("p", []byte(text)); (err == nil) != ok {
			t.Errorf("%s: %v", value, err)
		}
	}
}
