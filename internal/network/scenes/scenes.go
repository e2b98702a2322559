// Package scenes attacks the network of containers: neighbours, other
// networks, the host, what a cloud tells its machines, and what comes from
// outside. The members of its cast are started once for a whole proof.
package scenes

import (
	"context"
	"slices"

	"github.com/bailey-run/bailey/internal/prove/scene"
)

// The controls that these attack.
const (
	control = "network"
	ports   = "published-ports"
)

// port is what servers of scenes listen on.
const port = "7000"

// All returns the scenes, in the order in which they are shown.
func All() []scene.Scene {
	return slices.Concat(neighbours(), hosts(), names(), frames(), outside(), published())
}

// half is an attack or a twin.
type half = func(context.Context, scene.Stage) error

// of is a scene on a control. The twin's name says who has the same one.
func of(control, id, tries, source string, attack half, shares string, twin half) scene.Scene {
	return scene.Scene{ID: control + "/" + id, Control: control, Tries: tries, Source: source, Attack: attack, Twin: twin, Shares: shares, Waits: true}
}
