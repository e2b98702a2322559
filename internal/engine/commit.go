package engine

import (
	"context"
	"io"
	"path/filepath"
	"strings"

	"github.com/bailey-run/bailey/internal/engine/files"
	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/bailey-run/bailey/internal/engine/translate"
	"github.com/bailey-run/bailey/internal/image"
	"github.com/bailey-run/bailey/internal/sandbox"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
)

// CommitRequest says what to make of a container's changes.
type CommitRequest struct {
	// Name is the image's name; empty leaves it unnamed.
	Name            string
	Author, Comment string
	// Config goes before the container's own configuration; nil leaves that as it is. Changes are Dockerfile instructions
	// that are applied to it.
	Config  *container.Config
	Changes []string
	// Pause freezes a running container meanwhile, so that no file changes while it is read.
	Pause  bool
	Caller sandbox.Caller
}

// Commit makes an image of a container: its image, with one more layer of what the container changed. What is in volumes and
// other mounts does not belong to it. The policy decides who may.
func (e *Engine) Commit(ctx context.Context, ref string, r CommitRequest) (string, error) {
	c, err := e.find(ref)
	if err != nil {
		return "", err
	}
	if err := e.policy.Load().MayCommit(r.Caller); err != nil {
		return "", refusal(err)
	}
	rec := c.record()
	opts := image.CommitOptions{Name: r.Name, Author: r.Author, Message: r.Comment, CreatedBy: strings.Join(rec.Args, " ")}
	over := translate.ImageConfig(r.Config)
	if err := image.Change(&over, r.Changes, rec.Config.Env); err != nil {
		return "", err
	}
	if opts.Config, err = translate.Over(over, &rec.Config); err != nil {
		return "", err
	}
	if r.Pause && c.status() == store.Running {
		// One that has just ended changes nothing more either.
		if err := e.Pause(ctx, ref); err != nil && c.status() == store.Running {
			return "", err
		} else if err == nil {
			defer func() { _ = e.Unpause(context.WithoutCancel(ctx), ref) }() // fails when it was killed meanwhile
		}
	}
	changed, err := e.changedFiles(ctx, &rec)
	if err != nil {
		return "", err
	}
	var layer io.Reader
	if changed != nil {
		defer func() { _ = changed.Close() }()
		layer = changed
	}
	img, err := e.opts.Images.Commit(ctx, rec.ImageID, layer, opts)
	if err != nil {
		return "", err
	}
	e.emit(c, events.ActionCommit, map[string]string{"comment": r.Comment, "imageID": string(img.ID), "imageRef": r.Name})
	return string(img.ID), nil
}

// changedFiles is the layer of what a container changed; nil when that is nothing.
func (e *Engine) changedFiles(ctx context.Context, rec *store.Container) (io.ReadCloser, error) {
	changes, err := e.Changes(ctx, rec.ID)
	if err != nil || len(changes) == 0 {
		return nil, err
	}
	keep := make(map[string]bool)
	for _, ch := range changes {
		for p := ch.Path; p != "/" && p != "." && !keep[p]; p = filepath.Dir(p) {
			keep[p] = true
		}
	}
	upper := e.upperDir(rec.ID)
	pr, pw := io.Pipe()
	go func() { pw.CloseWithError(files.Layer(upper, keep, pw)) }()
	return pr, nil
}
