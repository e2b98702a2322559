//go:build !amd64

package probes

import "github.com/bailey-run/bailey/internal/prove/probe"

// abis is empty: there is no second door on this architecture that a 64-bit
// process could take.
func abis() []probe.Probe { return nil }
