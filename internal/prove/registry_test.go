package prove

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/bailey-run/bailey/internal/prove/registry"
	"github.com/bailey-run/bailey/internal/runtime/payload"
	"github.com/bailey-run/bailey/internal/sandbox"
)

// TestProbesAreWellFormed: ids are unique and say the control, and every twin can be had.
func TestProbesAreWellFormed(t *testing.T) {
	seen := map[string]bool{}
	check := func(id, control, tries string) {
		if seen[id] {
			t.Errorf("%s is there twice", id)
		}
		seen[id] = true
		if !strings.HasPrefix(id, control+"/") || tries == "" {
			t.Errorf("%s: an id begins with its control (%s), and every attack says what it tries (%q)", id, control, tries)
		}
		if !slices.Contains(sandbox.ProvedNames(), control) {
			t.Errorf("%s: there is no control %q", id, control)
		}
	}
	for _, p := range registry.Probes() {
		check(p.ID, p.Control, p.Tries)
		if p.Attempt == nil {
			t.Errorf("%s attacks nothing", p.ID)
		}
		if p.Twin.Host {
			continue
		}
		for _, control := range append([]string{p.Control}, p.Twin.Without...) {
			if off[control] == nil {
				t.Errorf("%s: its twin is without %s, which no container can be", p.ID, control)
			}
		}
	}
	for _, s := range Scenes() {
		check(s.ID, s.Control, s.Tries)
		if s.Attack == nil || s.Twin == nil {
			t.Errorf("%s: an attack and a twin are needed", s.ID)
		}
	}
}

// TestEveryControlIsAttacked: a control without an attack is one that nobody has shown to be in force. Those of the API are
// attacked by scenes that this package does not know; they have a test of their own.
func TestEveryControlIsAttacked(t *testing.T) {
	attacked := map[string]bool{sandbox.ControlAPIDecoding: true, sandbox.ControlAPIAccess: true}
	for _, p := range registry.Probes() {
		attacked[p.Control] = true
	}
	for _, s := range Scenes() {
		attacked[s.Control] = true
	}
	for _, control := range sandbox.ProvedNames() {
		if !attacked[control] {
			t.Errorf("nothing attacks the control %s", control)
		}
	}
}

// TestProgramIsSmall: it is put into every container that is attacked. Four
// megabytes are what a static program of the standard library may have.
func TestProgramIsSmall(t *testing.T) {
	program, err := payload.Read(payload.Probe)
	if errors.Is(err, payload.ErrMissing) {
		t.Skip("bailey-probe was not built: run make build")
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(program) >= 4<<20 {
		t.Errorf("%d bytes", len(program))
	}
}
