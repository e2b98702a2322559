package scenes

import (
	"slices"
	"strings"
	"testing"

	"github.com/bailey-run/bailey/internal/sandbox"
)

func TestScenesAreWellFormed(t *testing.T) {
	seen := map[string]bool{}
	controls := map[string]bool{sandbox.ControlAPIDecoding: false, sandbox.ControlAPIAccess: false}
	for _, s := range All() {
		if seen[s.ID] || !strings.HasPrefix(s.ID, s.Control+"/") || s.Tries == "" || s.Source == "" || s.Attack == nil || s.Twin == nil {
			t.Errorf("%+v", s)
		}
		seen[s.ID] = true
		if _, ok := controls[s.Control]; !ok || !slices.Contains(sandbox.ProvedNames(), s.Control) {
			t.Errorf("%s: there is no control %q of the API", s.ID, s.Control)
		}
		controls[s.Control] = true
	}
	for control, attacked := range controls {
		if !attacked {
			t.Errorf("nothing attacks %s", control)
		}
	}
}

// TestTricksChangeTheRequest: an attack that became its twin by a word that was not found would prove nothing.
func TestTricksChangeTheRequest(t *testing.T) {
	for _, r := range slices.Concat(bodies(), pages(), framings(), paths()) {
		if r.hostile("image") == r.harmless("image") {
			t.Errorf("%s: the attack is its twin", r.id)
		}
	}
}
