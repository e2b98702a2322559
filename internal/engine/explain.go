package engine

import (
	"context"
	"fmt"
	"strings"

	"github.com/bailey-run/bailey/internal/engine/files"
	"github.com/bailey-run/bailey/internal/engine/hint"
	"github.com/bailey-run/bailey/internal/engine/logfile"
	"github.com/bailey-run/bailey/internal/engine/view"
	"github.com/bailey-run/bailey/internal/runtime"
	"github.com/bailey-run/bailey/internal/sandbox"
	"github.com/moby/moby/api/types/events"
)

// lastWords is how much of a failed container's log is searched for a cause, in bytes.
const lastWords = 64 << 10

// The events of what Bailey's own defaults refused.
const (
	actionWriteRefused events.Action = "write-refused"
	actionExecRefused  events.Action = "exec-refused"
)

// explain says why the node or the kernel ended a container, looks into the last
// words of one that failed for a cause that Bailey's own defaults brought about,
// and says what to do.
func (e *Engine) explain(ctx context.Context, c *cont, exit runtime.Exit) []string {
	rec := c.record()
	if rec.State.Fault != "" {
		return []string{"bailey: " + rec.State.Fault}
	}
	if exit.Code == 0 {
		return nil
	}
	var hints []string
	if exit.OOM {
		hints = append(hints, starved(rec.Posture.Limits.Memory))
	}
	text, err := logfile.LastText(e.logPath(c.id()), lastWords)
	if err != nil {
		return hints // it logged nothing, or keeps no log
	}
	if hint.Full(text) {
		hints = append(hints, e.full(c)...)
	}
	return append(hints, e.advise(ctx, c, hint.Read(text, exit.Code, rec.Posture.WorkingDir))...)
}

// starved says that the kernel killed something of a container for want of memory. limit is in bytes, 0 when there is none.
func starved(limit int64) string {
	const what = "bailey: the kernel killed a process of this container for want of memory"
	if limit <= 0 {
		return what + ", and it has no limit: the machine had none left"
	}
	return fmt.Sprintf("%s; its limit is %s, and more is: bailey run -m %dm …", what, size(limit), 2*limit>>20)
}

// explainStart adds to the cause of a failed start what to do about it.
func (e *Engine) explainStart(ctx context.Context, c *cont, failed *runtime.StartError, cause error) error {
	hints := e.advise(ctx, c, hint.Read([]byte(failed.Message), failed.Code, c.record().Posture.WorkingDir))
	if len(hints) == 0 {
		return cause
	}
	return fmt.Errorf("%w\n%s", cause, strings.Join(hints, "\n"))
}

// advise tells in events what was refused, and returns what to tell people.
func (e *Engine) advise(ctx context.Context, c *cont, refused []hint.Refused) []string {
	if len(refused) == 0 {
		return nil
	}
	rec := c.record()
	room := hint.Room{WritableRoot: rec.Posture.Root.Writable, Look: func(string) files.Content { return files.Missing }}
	for _, m := range rec.Posture.Mounts {
		room.Mounts = append(room.Mounts, hint.Mount{Target: m.Target, Tmpfs: m.Kind == sandbox.MountTmpfs, ReadOnly: m.ReadOnly, Exec: m.Exec})
	}
	if img, err := e.opts.Images.Get(ctx, rec.ImageID); err == nil {
		if layers, err := e.opts.Images.Rootfs(ctx, img); err == nil {
			if root, err := view.Open(layers.Lower, "", ""); err == nil {
				defer root.Close()
				room.Look = func(path string) files.Content { return files.Look(root, path) }
			}
		}
	}
	var hints []string
	for _, a := range room.Advise(refused) {
		hints = append(hints, a.String())
		action := actionWriteRefused
		if a.Exec {
			action = actionExecRefused
		}
		e.emit(c, action, map[string]string{"path": a.Path, "flag": a.Flag})
	}
	return hints
}

// full names the places of a container that are near the cap that the file
// system keeps them at. How near is up to the size of the write that failed.
func (e *Engine) full(c *cont) []string {
	var hints []string
	for _, p := range e.writable(c) {
		use, capped, err := e.disk.Capped(p.Dir)
		if err == nil && capped && (use.Bytes >= p.Cap.Bytes/2 || use.Inodes >= p.Cap.Inodes/2) {
			hints = append(hints, fmt.Sprintf("bailey: %s holds %s in %d files, and may hold %s and %d; %s",
				p.what(), size(use.Bytes), use.Inodes, size(p.Cap.Bytes), p.Cap.Inodes, p.mend()))
		}
	}
	return hints
}
