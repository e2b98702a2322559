package engine

import (
	"fmt"

	"github.com/bailey-run/bailey/internal/engine/hint"
	"github.com/bailey-run/bailey/internal/engine/logfile"
	"github.com/bailey-run/bailey/internal/runtime"
	"github.com/moby/moby/api/types/events"
)

// lastWords is how much of a failed container's log is searched for a cause, in bytes.
const lastWords = 64 << 10

// actionWriteRefused is the event of a write that the read-only root refused.
const actionWriteRefused events.Action = "write-refused"

// explain looks into the last words of a container that failed for a cause
// that Bailey's own defaults brought about, and says what to do.
func (e *Engine) explain(c *cont, exit runtime.Exit) []string {
	rec := c.record()
	if rec.State.Fault != "" {
		return []string{"bailey: " + rec.State.Fault}
	}
	if exit.Code == 0 {
		return nil
	}
	text, err := logfile.LastText(e.logPath(c.id()), lastWords)
	if err != nil {
		return nil // it logged nothing, or keeps no log
	}
	var hints []string
	if hint.Full(text) {
		hints = e.full(c)
	}
	if rec.Posture.Root.Writable {
		return hints
	}
	for _, w := range hint.ReadOnly(text) {
		hints = append(hints, w.String())
		e.emit(c, actionWriteRefused, map[string]string{"path": w.Path, "flag": w.Flag()})
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
