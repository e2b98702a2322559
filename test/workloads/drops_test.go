package workloads_test

import (
	"strings"
	"testing"

	"github.com/bailey-run/bailey/test/harness"
)

// drops tries every way by which an image's entry point leaves root behind. None needs a capability that is not there, and all
// end without any.
func drops(t *testing.T, n *harness.Node) {
	const who = `sh -c 'id -un; grep -E "^(CapEff|NoNewPrivs)" /proc/self/status'`
	for name, command := range map[string]string{
		"gosu":                 "gosu postgres " + who,
		"setpriv":              "setpriv --reuid postgres --regid postgres --init-groups " + who,
		"setpriv, no way back": "setpriv --reuid postgres --regid postgres --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs " + who,
		"runuser":              "runuser -u postgres -- " + who,
		"su":                   `su postgres -s /bin/sh -c "id -un; grep -E '^(CapEff|NoNewPrivs)' /proc/self/status"`,
		"start-stop-daemon":    "start-stop-daemon --start --chuid postgres --exec /bin/bash -- -c 'id -un; grep -E \"^(CapEff|NoNewPrivs)\" /proc/self/status'",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := n.MustBailey(t, "run", "--rm", "--entrypoint", "sh", "postgres:debian", "-c", command)
			if got := strings.Fields(out); strings.Join(got, " ") != "postgres CapEff: 0000000000000000 NoNewPrivs: 1" {
				t.Errorf("printed %q", out)
			}
		})
	}
}
