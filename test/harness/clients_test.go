package harness

import (
	"os/exec"
	"strings"
	"testing"
)

// TestClients builds every client and sees it run; `make test` begins with it.
func TestClients(t *testing.T) {
	for name := range programs {
		path, err := Client(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		args := []string{"version"}
		if strings.HasSuffix(name, ".test") {
			args = []string{"-test.list", "."}
		}
		if out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput(); err != nil {
			t.Errorf("%s %v: %v: %s", name, args, err, out)
		}
	}
}
