package sandbox

import "testing"

// TestProverAndStranger: the prover needs no policy, and no policy reaches a stranger. Neither passes what no policy can allow.
func TestProverAndStranger(t *testing.T) {
	everyone := Policy{
		Allow:      []Allow{{Rule: RulePrivileged, Callers: []string{"*"}, Reason: "x"}},
		HostMounts: []HostMount{{Path: "/srv", Callers: []string{"*"}, Reason: "x"}},
	}
	privileged := request(func(r *Request) { r.Privileged = true })
	mount := func(source string) Request {
		return request(func(r *Request) { r.Mounts = []Mount{{Type: MountBind, Source: source, Target: "/x"}} })
	}
	for name, tt := range map[string]struct {
		request Request
		policy  Policy
		caller  Caller
		allowed bool
	}{
		"prover, privileged":          {privileged, Policy{}, Prover(), true},
		"prover, host mount":          {mount("/srv/a"), Policy{}, Prover(), true},
		"prover, what nobody may":     {mount("/etc"), Policy{}, Prover(), false},
		"stranger, privileged":        {privileged, everyone, Stranger(), false},
		"stranger, host mount":        {mount("/srv/a"), everyone, Stranger(), false},
		"a name is not enough":        {privileged, Policy{}, Caller{User: Prover().User, UID: Prover().UID}, false},
		"stranger, a plain container": {request(func(*Request) {}), everyone, Stranger(), true},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Compute(tt.request, tt.policy, tt.caller, testHost()); (err == nil) != tt.allowed {
				t.Errorf("allowed %v, want %v: %v", err == nil, tt.allowed, err)
			}
		})
	}
}
