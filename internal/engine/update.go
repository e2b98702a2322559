package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/bailey-run/bailey/internal/engine/translate"
	"github.com/bailey-run/bailey/internal/sandbox"
	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
)

// Update changes limits and the restart policy, of a running container at
// once. It returns warnings.
func (e *Engine) Update(ctx context.Context, ref string, u container.UpdateConfig, caller sandbox.Caller) ([]string, error) {
	c, err := e.find(ref)
	if err != nil {
		return nil, err
	}
	if err := c.lock(ctx); err != nil {
		return nil, err
	}
	defer c.unlock()
	rec := c.record()
	if err := translate.CheckRestart(u.RestartPolicy); err != nil {
		return nil, err
	}
	if u.RestartPolicy.Name != "" && rec.HostConfig.AutoRemove && u.RestartPolicy.Name != container.RestartPolicyDisabled {
		return nil, fmt.Errorf("Restart policy cannot be updated because AutoRemove is enabled for the container %s: it removes itself at its end: %w", rec.Name, errdefs.ErrConflict)
	}
	posture, limits, err := sandbox.ApplyUpdate(rec.Posture, translate.Update(u.Resources), *e.policy.Load(), caller, e.opts.Facts)
	if err != nil {
		return nil, refusal(err)
	}
	if run, err := c.running(); err == nil && limits != nil {
		if err := run.Update(ctx, limits); err != nil {
			return nil, fmt.Errorf("update container %s: %w", rec.Name, err)
		}
	}
	err = e.change(c, func(r *store.Container) {
		r.Posture = posture
		translate.Record(&r.HostConfig, u)
	})
	if err != nil {
		return nil, err
	}
	e.emit(c, events.ActionUpdate, nil)
	return posture.Notes, nil
}

// Rename gives a container another name.
func (e *Engine) Rename(ctx context.Context, ref, name string) error {
	c, err := e.find(ref)
	if err != nil {
		return err
	}
	name = strings.TrimPrefix(name, "/")
	if err := checkName(name); err != nil {
		return err
	}
	if err := c.lock(ctx); err != nil {
		return err
	}
	defer c.unlock()
	old := c.record().Name
	if old == name {
		//lint:ignore ST1005 Docker's clients look for these words
		return fmt.Errorf("Renaming a container with the same name as its current name (%s) changes nothing: %w", name, errdefs.ErrInvalidArgument)
	}
	if err := e.rename(c, old, name); err != nil {
		return err
	}
	if c.current() != nil {
		if err := e.opts.Networks.Rename(ctx, c.id(), name); err != nil {
			e.log.Warn("the network still knows a container by its old name", "container", c.id(), "error", err)
		}
	}
	e.emit(c, events.ActionRename, map[string]string{"oldName": "/" + old})
	return nil
}

func (e *Engine) rename(c *cont, old, name string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	next := *c.rec
	next.Name = name
	err := e.store.RenameContainer(&next, old)
	var taken *store.NameTakenError
	if errors.As(err, &taken) {
		return fmt.Errorf("%w: %w", taken, errdefs.ErrConflict)
	}
	if err != nil {
		return fmt.Errorf("rename container %s: %w", old, err)
	}
	c.rec = &next
	delete(e.names, old)
	e.names[name] = next.ID
	return nil
}
