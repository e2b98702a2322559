package harness

import (
	"os/exec"
	"testing"
)

// TestClients builds every client and sees it run; `make test` begins with it.
func TestClients(t *testing.T) {
	for name, c := range programs {
		path, err := Client(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), path, c.tells).CombinedOutput(); err != nil {
			t.Errorf("%s %s: %v: %s", name, c.tells, err, out)
		}
	}
}
