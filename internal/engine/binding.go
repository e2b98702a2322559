package engine

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/bailey-run/bailey/internal/network"
)

// binding is what the kernel lent a container for one run. It is written
// beside the supervisor's files before anything of the container exists, so
// that a daemon that comes later knows what a run it did not start holds.
type binding struct {
	IDBase     uint32
	Attachment network.Attachment
}

func bindingPath(runDir string) string { return filepath.Join(runDir, "binding.json") }

// save needs no fsync: it must survive this process, not this boot.
func (b *binding) save(runDir string) error {
	data, err := json.Marshal(b)
	if err != nil {
		return fmt.Errorf("binding: %w", err)
	}
	tmp := bindingPath(runDir) + ".new"
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return fmt.Errorf("binding: %w", err)
	}
	return os.Rename(tmp, bindingPath(runDir))
}

func loadBinding(runDir string) (*binding, error) {
	data, err := os.ReadFile(bindingPath(runDir))
	if err != nil {
		return nil, fmt.Errorf("binding: %w", err)
	}
	b := &binding{}
	if err := json.Unmarshal(data, b); err != nil {
		return nil, fmt.Errorf("binding: %w", err)
	}
	return b, nil
}
