package network

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bailey-run/bailey/internal/network/address"
	"github.com/bailey-run/bailey/internal/network/link"
)

// forwardingNote is the file that says that Bailey, and nobody before it, switched IPv4 forwarding on in this network
// namespace, and between which interfaces packets did not flow until then. Nodes in one namespace share it.
func (m *Manager) forwardingNote() string {
	return filepath.Join(m.o.ClaimsDir, "forwarding-"+m.scope+".json")
}

// setForwarding makes the host forward IPv4 packets. If it did not before, it goes on refusing those between the
// interfaces that it has now.
func (m *Manager) setForwarding(*address.Held) error {
	note := m.forwardingNote()
	on, err := link.Forwarding()
	if err != nil {
		return err
	}
	if !on {
		names, err := hostInterfaces()
		if err != nil {
			return err
		}
		b, err := json.Marshal(names)
		if err != nil {
			return err
		}
		if err := os.WriteFile(note, b, 0o644); err != nil {
			return fmt.Errorf("note that forwarding was off: %w", err)
		}
		m.log.Info("switching on net.ipv4.ip_forward; packets between the host's own interfaces stay blocked", "interfaces", names)
		if err := link.SetForwarding(true); err != nil {
			return err
		}
	}
	if m.o.HostRouting {
		return nil
	}
	m.guarded, err = readForwardingNote(note)
	return err
}

func readForwardingNote(path string) ([]string, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var names []string
	if err == nil {
		err = json.Unmarshal(b, &names)
	}
	if err != nil {
		return nil, fmt.Errorf("read the note on forwarding %s: %w", path, err)
	}
	return names, nil
}

// hostInterfaces lists the interfaces that are neither loopback nor Bailey's.
func hostInterfaces() ([]string, error) {
	all, err := link.Interfaces("")
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, i := range all {
		if i.Name != "lo" && !strings.HasPrefix(i.Name, family) {
			names = append(names, i.Name)
		}
	}
	return names, nil
}

// restoreForwarding is called when no node is left in this network namespace.
func (m *Manager) restoreForwarding() error {
	note := m.forwardingNote()
	before, err := readForwardingNote(note)
	if err != nil || before == nil {
		return err
	}
	now, err := hostInterfaces()
	if err != nil {
		return err
	}
	for _, name := range now {
		if !slices.Contains(before, name) {
			m.warn("net.ipv4.ip_forward stays on: interface %s came after Bailey switched it on and may need it (sysctl net.ipv4.ip_forward=0 switches it off)", name)
			return os.Remove(note)
		}
	}
	return errors.Join(link.SetForwarding(false), os.Remove(note))
}
