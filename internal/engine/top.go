package engine

import (
	"context"
	"fmt"

	"github.com/bailey-run/bailey/internal/engine/ps"
	"github.com/moby/moby/api/types/container"
)

// Top lists the processes of a container as ps would with these arguments, as the host numbers them.
func (e *Engine) Top(ctx context.Context, ref, psArgs string) (container.TopResponse, error) {
	out := container.TopResponse{Titles: []string{}, Processes: [][]string{}}
	columns, err := ps.Columns(psArgs)
	if err != nil {
		return out, err
	}
	c, err := e.find(ref)
	if err != nil {
		return out, err
	}
	r, err := c.running()
	if err != nil {
		return out, err
	}
	pids, err := r.Pids(ctx)
	if err != nil {
		return out, fmt.Errorf("processes of container %.12s: %w", c.id(), err)
	}
	for _, column := range columns {
		out.Titles = append(out.Titles, column.Title)
	}
	host := ps.Host{Memory: e.opts.Facts.Memory, Boot: ps.Boot()}
	for _, pid := range pids {
		if p, err := ps.Read(pid, r.bind.IDBase, host); err == nil { // it may have ended meanwhile
			out.Processes = append(out.Processes, p.Row(columns))
		}
	}
	return out, nil
}
