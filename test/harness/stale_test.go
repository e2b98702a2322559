package harness

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestRemoveStale: what a killed program left behind goes, what a running one has stays.
func TestRemoveStale(t *testing.T) {
	if !alive(self()) {
		t.Fatalf("%q is not known to be alive", self())
	}
	dead := exec.Command("sleep", "60")
	if err := dead.Start(); err != nil {
		t.Fatal(err)
	}
	owner := startOf(dead.Process.Pid)
	if err := dead.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = dead.Wait()
	bases := map[string]string{}
	for name, text := range map[string]string{"running": self(), "killed": "999999999 " + owner, "other": "not an owner"} {
		base, err := os.MkdirTemp("", basePattern)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(base) })
		if err := os.WriteFile(filepath.Join(base, "owner"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		bases[name] = base
	}
	if err := removeStale(); err != nil {
		t.Fatal(err)
	}
	for name, there := range map[string]bool{"running": true, "killed": false, "other": false} {
		if _, err := os.Stat(bases[name]); (err == nil) != there {
			t.Errorf("the node of a program %s: there %v, want %v", name, err == nil, there)
		}
	}
}
