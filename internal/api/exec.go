package api

import (
	"errors"
	"net/http"

	"github.com/bailey-run/bailey/internal/engine"
	"github.com/moby/moby/api/types/container"
)

// execCreateBody is what clients send to create an exec, with old keys.
type execCreateBody struct {
	container.ExecCreateRequest
	// Detach is said again at the start; docker up to 27 and docker-py send it here too.
	Detach bool
	// Container repeats the path; docker-py sends it.
	Container string
	// Keys is DetachKeys as docker-py spells it.
	Keys string `json:"detachKeys"`
}

func decodeExecCreate(c *call) (container.ExecCreateRequest, error) {
	b, err := body[execCreateBody](c, nil)
	r := b.ExecCreateRequest
	switch {
	case err != nil:
		return r, err
	case len(r.Cmd) == 0:
		return r, invalid("No exec command specified")
	case b.Container != "" && b.Container != c.name:
		return r, invalid("Container stands in the body and is not the one of the path")
	case b.Keys != "" && r.DetachKeys != "" && b.Keys != r.DetachKeys:
		return r, invalid("detachKeys and DetachKeys stand in the body and differ")
	case r.DetachKeys == "":
		r.DetachKeys = b.Keys
	}
	_, err = parseKeys(r.DetachKeys)
	return r, err
}

func postExecCreate(c *call, r container.ExecCreateRequest) error {
	id, err := c.s.engine.ExecCreate(c.ctx(), c.name, r)
	if err != nil {
		return err
	}
	return c.json(http.StatusCreated, container.ExecCreateResponse{ID: id})
}

// execStartRequest is the start of an exec and how the connection is to be taken over.
type execStartRequest struct {
	engine.ExecStartRequest
	upgrade bool
}

func decodeExecStart(c *call) (execStartRequest, error) {
	b, err := body[container.ExecStartRequest](c, legacyExecStart)
	if err != nil {
		return execStartRequest{}, err
	}
	r := execStartRequest{ExecStartRequest: engine.ExecStartRequest{Detach: b.Detach, TTY: b.Tty, ConsoleSize: b.ConsoleSize}}
	if !r.TTY {
		r.ConsoleSize = nil // a size without a terminal has no meaning, and Docker ignores it
	}
	r.upgrade, err = c.checkUpgrade()
	return r, err
}

func postExecStart(c *call, r execStartRequest) error {
	made, err := c.s.engine.ExecInspect(c.ctx(), c.name)
	if err != nil {
		return err
	}
	keys := detachKeys
	if len(made.DetachKeys) > 0 {
		keys = made.DetachKeys
	}
	c.s.sessions.Add(1)
	defer c.s.sessions.Done()
	ctx, cancel := c.streamCtx()
	defer cancel()
	stream, err := c.s.engine.ExecStart(ctx, c.name, r.ExecStartRequest)
	switch {
	case err != nil:
		return c.execFailed(r, err)
	case stream == nil:
		return c.empty(http.StatusOK)
	}
	conn, err := c.hijack(r.upgrade, r.TTY)
	if err != nil {
		_ = stream.Close() // err says why
		return err
	}
	s := &session{conn: conn, stream: stream, tty: r.TTY, stdin: made.OpenStdin, keys: keys}
	s.run(ctx)
	return nil
}

// execFailed tells that a process could not be started. What is wrong with the
// command goes into the stream; its exit code is taken from the inspection.
func (c *call) execFailed(r execStartRequest, reason error) error {
	var late *engine.ExecTooLateError // a conflict that is the exec's end
	code := status(reason)
	if r.Detach || (code == http.StatusNotFound || code == http.StatusConflict) && !errors.As(reason, &late) {
		return reason
	}
	return c.explain(r.upgrade, r.TTY, reason)
}

func getExec(c *call) error {
	found, err := c.s.engine.ExecInspect(c.ctx(), c.name)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, found)
}

func postExecResize(c *call, s size) error {
	if err := c.s.engine.ExecResize(c.ctx(), c.name, s.rows, s.cols); err != nil {
		return err
	}
	return c.empty(http.StatusOK)
}
