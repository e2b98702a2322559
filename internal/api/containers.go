package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/bailey-run/bailey/internal/engine"
	"github.com/moby/moby/api/types/container"
)

func decodeList(c *call) (engine.ListOptions, error) {
	o := engine.ListOptions{All: c.q.flag("all"), Size: c.q.flag("size"), Filters: c.q.filters()}
	if n := c.q.number("limit"); n != nil {
		o.Limit = max(*n, 0)
	}
	return o, nil
}

func getContainers(c *call, o engine.ListOptions) error {
	items, err := c.s.engine.List(c.ctx(), o)
	if err != nil {
		return err
	}
	for i := range items {
		if c.version < mkVersion(1, 52) {
			items[i].Health = nil
		}
		if c.version < mkVersion(1, 48) {
			items[i].ImageManifestDescriptor = nil
		}
	}
	return c.json(http.StatusOK, list(items))
}

func decodeStart(c *call) (none, error) {
	// Bodies held a HostConfig once: whoever sends one expects it to be heeded.
	if c.r.ContentLength > 7 || c.r.ContentLength < 0 {
		return none{}, invalid("starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24")
	}
	if id := c.q.text("checkpoint"); strings.ContainsAny(id, `/\`) || id == "." || id == ".." {
		return none{}, invalid("invalid checkpoint ID %q: it is a name and not a path", shorten(id))
	} else if id != "" || c.q.text("checkpoint-dir") != "" {
		return none{}, unsupported("checkpoints are not supported")
	}
	return none{}, nil
}

func postStart(c *call, _ none) error {
	if err := c.s.engine.Start(c.ctx(), c.name); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}

func decodeStop(c *call) (engine.StopOptions, error) {
	return engine.StopOptions{Signal: c.q.text("signal"), Timeout: c.q.number("t")}, nil
}

func postStop(c *call, o engine.StopOptions) error {
	if err := c.s.engine.Stop(c.ctx(), c.name, o); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}

func postRestart(c *call, o engine.StopOptions) error {
	if err := c.s.engine.Restart(c.ctx(), c.name, o); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}

// killRequest is the signal to send; "" is SIGKILL.
type killRequest string

func decodeKill(c *call) (killRequest, error) { return killRequest(c.q.text("signal")), nil }

func postKill(c *call, signal killRequest) error {
	if err := c.s.engine.Kill(c.ctx(), c.name, string(signal)); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}

func postPause(c *call) error {
	if err := c.s.engine.Pause(c.ctx(), c.name); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}

func postUnpause(c *call) error {
	if err := c.s.engine.Unpause(c.ctx(), c.name); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}

// renameRequest is the new name.
type renameRequest string

func decodeRename(c *call) (renameRequest, error) {
	name := c.q.text("name")
	if len(name) > 0 && name[0] == '/' {
		name = name[1:]
	}
	if name == "" {
		return "", invalid("the new name is empty: give it as ?name=")
	}
	return renameRequest(name), nil
}

func postRename(c *call, name renameRequest) error {
	if err := c.s.engine.Rename(c.ctx(), c.name, string(name)); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}

func decodeUpdate(c *call) (container.UpdateConfig, error) {
	return body[container.UpdateConfig](c, legacyUpdate)
}

func postUpdate(c *call, u container.UpdateConfig) error {
	warnings, err := c.s.engine.Update(c.ctx(), c.name, u, c.caller)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, container.UpdateResponse{Warnings: list(warnings)})
}

func decodeRemove(c *call) (engine.RemoveOptions, error) {
	return engine.RemoveOptions{Force: c.q.flag("force"), Volumes: c.q.flag("v"), Link: c.q.flag("link")}, nil
}

func deleteContainer(c *call, o engine.RemoveOptions) error {
	if err := c.s.engine.Remove(c.ctx(), c.name, o); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}

// size is that of a terminal, in character cells.
type size struct{ rows, cols uint16 }

func decodeSize(c *call) (size, error) {
	return size{rows: c.q.cells("h", "height"), cols: c.q.cells("w", "width")}, nil
}

func postResize(c *call, s size) error {
	if err := c.s.engine.Resize(c.ctx(), c.name, s.rows, s.cols); err != nil {
		return err
	}
	return c.empty(http.StatusOK)
}

// topRequest is how ps is to show the processes.
type topRequest string

func decodeTop(c *call) (topRequest, error) { return topRequest(c.q.text("ps_args")), nil }

func getTop(c *call, args topRequest) error {
	top, err := c.s.engine.Top(c.ctx(), c.name, string(args))
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, top)
}

func getChanges(c *call) error {
	changes, err := c.s.engine.Changes(c.ctx(), c.name)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, list(changes))
}

func decodeFilters(c *call) (engine.Filters, error) { return c.q.filters(), nil }

func pruneContainers(c *call, f engine.Filters) error {
	report, err := c.s.engine.Prune(c.ctx(), f)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, container.PruneReport{ContainersDeleted: list(report.Deleted), SpaceReclaimed: report.SpaceReclaimed})
}

// conditions are those that a client can wait for.
var conditions = []container.WaitCondition{container.WaitConditionNotRunning, container.WaitConditionNextExit, container.WaitConditionRemoved}

func decodeWait(c *call) (container.WaitCondition, error) {
	condition := container.WaitCondition(c.q.text("condition"))
	if condition == "" {
		condition = container.WaitConditionNotRunning
	}
	if !slices.Contains(conditions, condition) {
		return "", invalid("invalid condition: %q", shorten(string(condition)))
	}
	return condition, nil
}

// postWait sends the headers as soon as the waiter is registered: a client that
// has read them may start the container and will not miss its end.
func postWait(c *call, condition container.WaitCondition) error {
	ctx, cancel := c.streamCtx()
	defer cancel()
	result, err := c.s.engine.Wait(ctx, c.name, condition)
	if err != nil {
		return err
	}
	c.w.Header().Set("Content-Type", "application/json")
	c.w.WriteHeader(http.StatusOK)
	if err := c.flush(); err != nil {
		return err
	}
	select {
	case r, ok := <-result:
		if !ok {
			return errCut // the client must not take silence for an exit code
		}
		answer := container.WaitResponse{StatusCode: int64(r.ExitCode)}
		if r.Err != nil {
			answer.Error = &container.WaitExitError{Message: message(r.Err)}
		}
		return encodeLine(c.w, answer)
	case <-ctx.Done():
		return errCut
	}
}
