package e2e

import (
	"strings"
	"testing"

	"github.com/bailey-run/bailey/internal/prove"
	"github.com/bailey-run/bailey/internal/sandbox"
	"github.com/bailey-run/bailey/test/harness"
)

// cannotShow are controls that a container can be without, and for which no attack that is stopped needs to succeed when they
// are off: what some kernels lack.
var cannotShow = map[string]string{
	sandbox.ControlLSM:      "a kernel without AppArmor and SELinux has nothing to switch off",
	sandbox.ControlCgroupFS: "writing there takes a capability besides: its twins are without both",
}

// TestEveryControlMatters is the proof of the proof: for each control that a container can be without there is an attack that
// it stops, and that works in a container which differs in this control alone. One whose removal nobody notices is not proved.
func TestEveryControlMatters(t *testing.T) {
	node := harness.NewEmpty(t, harness.Options{})
	report, _ := proved(t, node)
	notices, attacks := map[string]int{}, map[string]int{}
	for _, r := range report.Results {
		attacks[r.Control]++
		if r.Verdict == prove.Blocked && r.Twin == "without "+r.Control+": succeeded" {
			notices[r.Control]++
		}
	}
	for _, control := range prove.Removable() {
		switch reason, excepted := cannotShow[control]; {
		case attacks[control] == 0:
			t.Errorf("nothing attacks %s", control)
		case notices[control] == 0 && excepted:
			t.Logf("%s: %s", control, reason)
		case notices[control] == 0:
			t.Errorf("%s: no attack works without it", control)
		default:
			t.Logf("%s: %d of %d attacks work without it", control, notices[control], attacks[control])
		}
	}
	for _, r := range report.Results { // of the others, the twin is elsewhere, and there must be one
		if r.Verdict == prove.Blocked && strings.HasSuffix(r.Twin, ": succeeded") {
			notices[r.Control]++
		}
	}
	for _, control := range sandbox.ProvedNames() {
		// What a host refuses to its own root cannot be shown there: the hard limit of a container without CAP_SYS_RESOURCE.
		_, excepted := cannotShow[control]
		if notices[control] == 0 && !excepted && control != sandbox.ControlNofile {
			t.Errorf("%s: no attack is proved to be stopped by it", control)
		}
	}
}
