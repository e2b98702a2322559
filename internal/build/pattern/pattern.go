// Package pattern holds regular expressions that are compiled when they are
// first used: every `bailey` starts with all packages, and few verbs need them.
package pattern

import (
	"regexp"
	"sync"
)

// Lazy returns a function that compiles an expression once. An expression that
// is wrong panics at its first use, like regexp.MustCompile.
func Lazy(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}
