package engine

import "testing"

// TestStepMountsThatAreCapped: a cache is a directory of its own, or a layer above others.
func TestStepMountsThatAreCapped(t *testing.T) {
	for name, tc := range map[string]struct {
		mount StepMount
		want  string
	}{
		"a new cache":               {StepMount{Lower: []string{"/s/1"}}, "/s/1"},
		"a part of it":              {StepMount{Lower: []string{"/s/1"}, Sub: "a"}, "/s/1"},
		"a cache with a beginning":  {StepMount{Lower: []string{"/s/1"}, Upper: "/s/2", Work: "/s/w"}, "/s/2"},
		"another stage":             {StepMount{Lower: []string{"/s/1"}, ReadOnly: true}, ""},
		"layers of another stage":   {StepMount{Lower: []string{"/s/1", "/s/2"}, ReadOnly: true}, ""},
		"a cache that is only read": {StepMount{Lower: []string{"/s/1"}, Upper: "/s/2", ReadOnly: true}, ""},
		"memory":                    {StepMount{Tmpfs: true}, ""},
		"a secret":                  {StepMount{File: []byte{}, IsFile: true}, ""},
		"an agent":                  {StepMount{Lower: []string{"/s"}, Sub: "agent", Socket: true}, ""},
	} {
		if got := tc.mount.writes(); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}
