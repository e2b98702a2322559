package scenes

import (
	"bytes"
	"slices"
	"testing"
)

// TestTricksChangeTheArchive: an attack that became its twin by a word that was not found would prove nothing.
func TestTricksChangeTheArchive(t *testing.T) {
	for _, p := range slices.Concat(layers(), outers(), configurations()) {
		if hostile := p.hostile(); len(hostile) == 0 || bytes.Equal(hostile, p.harmless()) {
			t.Errorf("%s: the attack is its twin", p.id)
		}
	}
}
