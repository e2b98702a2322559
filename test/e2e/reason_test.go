package e2e

import (
	"strings"
	"testing"

	"github.com/bailey-run/bailey/test/harness"
)

// TestWhyItEnded: who watches a container that is ended for what it takes is told why, and keeps the exit status.
func TestWhyItEnded(t *testing.T) {
	node := harness.New(t, harness.Options{Policy: "[[allow]]\nrule = \"writable-root\"\ncallers = [\"*\"]\nreason = \"test\"\n"})
	if row := diskSpace(t, node); !strings.Contains(row, "watched") {
		t.Skip("the file system of the test has project quotas, which test/v2 tries: " + row)
	}
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"disk": {
			[]string{"--writable-root", "--storage-opt", "size=16m", harness.Image, "sh", "-c", "echo writing; dd if=/dev/zero of=/f bs=1M count=64; sleep 60"},
			[]string{"bailey: the root file system holds", "--storage-opt size="},
		},
		"memory": {
			[]string{"-m", "16m", harness.Image, "sh", "-c", "echo writing; exec tail /dev/zero"},
			[]string{"bailey: ", "for want of memory", "16MiB", "-m 32m"},
		},
	} {
		for _, keep := range []bool{false, true} {
			args := append([]string{"run"}, c.args...)
			if !keep {
				args = append([]string{"run", "--rm"}, c.args...)
			}
			r := node.Bailey(t.Context(), args...)
			if r.Code != 137 || r.Stdout != "writing\n" {
				t.Errorf("%s, kept %v: %+v", name, keep, r)
			}
			for _, text := range c.want {
				if !strings.Contains(r.Stderr, text) {
					t.Errorf("%s, kept %v: the reason lacks %q: %s", name, keep, text, r.Stderr)
				}
			}
		}
	}
}
