package api

import (
	"net/http"

	"github.com/bailey-run/bailey/internal/engine"
	"github.com/moby/term"
)

// detachKeys are Docker's: ctrl-p ctrl-q.
var detachKeys = []byte{16, 17}

// attachRequest is an attach and how the connection is to be taken over.
type attachRequest struct {
	engine.AttachRequest
	upgrade bool
	keys    []byte
}

func decodeAttach(c *call) (attachRequest, error) {
	r := attachRequest{AttachRequest: engine.AttachRequest{
		Stdin: c.q.flag("stdin"), Stdout: c.q.flag("stdout"), Stderr: c.q.flag("stderr"),
		Logs: c.q.flag("logs"), Stream: c.q.flag("stream"), DetachKeys: c.q.text("detachKeys"),
	}}
	if c.r.ContentLength < 0 {
		return r, invalid("a chunked body can not become a stream: ask for the connection with Upgrade: tcp")
	}
	var err error
	if r.keys, err = parseKeys(r.DetachKeys); err != nil {
		return r, err
	}
	r.upgrade, err = c.checkUpgrade()
	return r, err
}

// parseKeys reads a key sequence such as ctrl-a,b.
func parseKeys(s string) ([]byte, error) {
	if s == "" {
		return detachKeys, nil
	}
	keys, err := term.ToBytes(s)
	if err != nil {
		return nil, invalid("Invalid detach keys (%s) provided", shorten(s))
	}
	return keys, nil
}

// postAttach attaches before it answers: what the container writes after the
// client has seen the answer reaches the client.
func postAttach(c *call, r attachRequest) error {
	c.s.sessions.Add(1)
	defer c.s.sessions.Done()
	ctx, cancel := c.streamCtx()
	defer cancel()
	attached, err := c.s.engine.Attach(ctx, c.name, r.AttachRequest)
	if err != nil {
		return c.attachFailed(r, err)
	}
	conn, err := c.hijack(r.upgrade, attached.TTY)
	if err != nil {
		_ = attached.Stream.Close() // err says why
		return err
	}
	s := &session{conn: conn, stream: attached.Stream, tty: attached.TTY, stdin: r.Stdin && r.Stream, keys: r.keys}
	s.run(ctx)
	return nil
}

// attachFailed shows what is wrong with the node in the stream. What is wrong
// with the request keeps its status.
func (c *call) attachFailed(r attachRequest, reason error) error {
	code := status(reason) // a conflict: another has what the container needs, such as a port
	if !r.upgrade || code != http.StatusInternalServerError && code != http.StatusConflict || gone(c.ctx(), reason) {
		return reason
	}
	found, err := c.s.engine.Inspect(c.ctx(), c.name, false)
	if err != nil || found.Config == nil {
		return reason
	}
	return c.explain(r.upgrade, found.Config.Tty, reason)
}

// attachSocket is the way of browsers, which have no business here.
func attachSocket(*call) error {
	return unsupported("attaching over a websocket is not supported: use POST /containers/{id}/attach")
}
