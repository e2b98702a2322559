package engine

import (
	"slices"
	"strings"
)

// addMissing appends the defaults whose names the environment does not have.
func addMissing(env, defaults []string) []string {
	out := slices.Clone(env)
	for _, d := range defaults {
		name, _, _ := strings.Cut(d, "=")
		if !slices.ContainsFunc(env, func(kv string) bool { return strings.HasPrefix(kv, name+"=") }) {
			out = append(out, d)
		}
	}
	return out
}
