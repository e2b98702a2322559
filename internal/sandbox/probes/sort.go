package probes

import (
	"slices"
	"strings"

	"github.com/bailey-run/bailey/internal/prove/probe"
)

func byID(a, b probe.Probe) int { return strings.Compare(a.ID, b.ID) }

// sorted puts probes that were made from a map into the order of their ids.
func sorted(probes []probe.Probe) []probe.Probe {
	slices.SortFunc(probes, byID)
	return probes
}
