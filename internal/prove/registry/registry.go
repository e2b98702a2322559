// Package registry puts the probes of all packages together. Each declares its
// own, beside its controls; this is the table of contents.
//
// It is linked into the program that is put into containers, and imports
// nothing that is heavy.
package registry

import (
	"slices"

	"github.com/bailey-run/bailey/internal/prove/probe"
	sandbox "github.com/bailey-run/bailey/internal/sandbox/probes"
)

// Probes returns every attack from inside one container, in the order in
// which they are shown.
func Probes() []probe.Probe {
	return slices.Concat(
		sandbox.All(),
	)
}
