package engine

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/bailey-run/bailey/internal/network"
)

// binding is what the kernel lent a container for one run. It is written
// into the container's directory before anything of the run exists, so
// that a daemon that comes later knows what a run it did not start holds.
type binding struct {
	IDBase     uint32
	Attachment network.Attachment
}

func bindingPath(dir string) string { return filepath.Join(dir, "binding.json") }

// save needs no fsync: it must survive this process, not this boot.
func (b *binding) save(dir string) error {
	data, err := json.Marshal(b)
	if err != nil {
		return fmt.Errorf("binding: %w", err)
	}
	tmp := bindingPath(dir) + ".new"
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return fmt.Errorf("binding: %w", err)
	}
	return os.Rename(tmp, bindingPath(dir))
}

func loadBinding(dir string) (*binding, error) {
	data, err := os.ReadFile(bindingPath(dir))
	if err != nil {
		return nil, fmt.Errorf("binding: %w", err)
	}
	b := &binding{}
	if err := json.Unmarshal(data, b); err != nil {
		return nil, fmt.Errorf("binding: %w", err)
	}
	return b, nil
}
