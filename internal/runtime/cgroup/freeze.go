package cgroup

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// Freeze stops every process of the container; it returns when all stand.
func (m *Manager) Freeze(ctx context.Context, id string) error { return m.freezeAndWait(ctx, id, true) }

// Thaw undoes Freeze.
func (m *Manager) Thaw(ctx context.Context, id string) error { return m.freezeAndWait(ctx, id, false) }

func (m *Manager) freezeAndWait(ctx context.Context, id string, frozen bool) error {
	for pause := time.Millisecond; ; pause = min(2*pause, 20*time.Millisecond) {
		// Asked again each time: version 1 gives up on processes that forked meanwhile.
		if err := m.setFrozen(id, frozen); err != nil {
			return err
		}
		is, err := m.frozen(id)
		if err != nil || is == frozen {
			return err
		}
		if err := wait(ctx, pause); err != nil {
			if frozen {
				err = errors.Join(err, m.setFrozen(id, false))
			}
			return fmt.Errorf("freeze container %s: %w", id, err)
		}
	}
}

// setFrozen asks the kernel to freeze or to thaw.
func (m *Manager) setFrozen(id string, frozen bool) error {
	dir := m.controllerDir("freezer", id)
	if dir == "" || !validName(id) {
		return fmt.Errorf("freeze container %s: this host has no freezer: %w", id, errors.ErrUnsupported)
	}
	file, value := "freezer.state", "THAWED"
	if frozen {
		value = "FROZEN"
	}
	if m.mode == V2 {
		file, value = "cgroup.freeze", "0"
		if frozen {
			value = "1"
		}
	}
	if err := write(filepath.Join(dir, file), value); err != nil {
		return fmt.Errorf("freeze container %s: %w", id, err)
	}
	return nil
}

// frozen tells whether all processes stand; not whether that was asked for.
func (m *Manager) frozen(id string) (bool, error) {
	dir := m.controllerDir("freezer", id)
	if m.mode == V2 {
		events, err := read(dir + "/cgroup.events")
		return table(events)["frozen"] == 1, err
	}
	state, err := read(dir + "/freezer.state")
	return strings.TrimSpace(state) == "FROZEN", err
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
