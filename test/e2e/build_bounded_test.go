package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bailey-run/bailey/test/harness"
)

// TestBuildBounded: twenty lines that double a variable are refused before they have filled the memory of the daemon, in
// which they would be replaced.
func TestBuildBounded(t *testing.T) {
	withStock(t, harness.Options{}, map[string]func(*testing.T, stock){
		"variables that double": func(t *testing.T, s stock) {
			var text strings.Builder
			text.WriteString("FROM scratch\nENV v0=0123456789abcdef\n")
			for i := range 20 {
				fmt.Fprintf(&text, "ENV v%d=$v%d$v%d\n", i+1, i, i)
			}
			r := s.classic(t, directory(t, map[string]string{"Dockerfile": text.String()}))
			if r.Code == 0 || !strings.Contains(r.Stdout+r.Stderr, "its variables expand to more than 4 MiB") {
				t.Errorf("%+v", r)
			}
			s.ok(t, "version")
		},
	})
}
