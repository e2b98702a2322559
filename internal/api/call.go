package api

import (
	"context"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/bailey-run/bailey/internal/api/strict"
	"github.com/bailey-run/bailey/internal/sandbox"
)

// How long a client may take to send a body that is read at once, and how much
// of one that nobody wants is read away, in bytes.
const (
	defaultBodyTime = 30 * time.Second
	maxDrained      = 1 << 20
)

// call is one request on its way.
type call struct {
	s       *Server
	w       *reply
	r       *http.Request
	q       *query
	version version
	caller  sandbox.Caller
	route   *route
	// name is what {name} in the route's path stood for.
	name string
	// bodyTaken says that the body is somebody's business.
	bodyTaken bool
}

// reply notes whether an answer has begun: from then on no error can be sent.
type reply struct {
	http.ResponseWriter
	begun bool
}

// WriteHeader begins the answer.
func (w *reply) WriteHeader(code int) {
	w.begun = true
	w.ResponseWriter.WriteHeader(code)
}

// Write begins the answer if it has not begun, and goes on with it.
func (w *reply) Write(p []byte) (int, error) {
	w.begun = true
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *reply) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// flush sends what was written so far.
func (c *call) flush() error {
	c.w.begun = true
	return http.NewResponseController(c.w).Flush()
}

// ctx ends when the client leaves.
func (c *call) ctx() context.Context { return c.r.Context() }

// streamCtx ends when the client leaves or the server is being shut down. It is
// for answers without an end of their own; others get time to finish.
func (c *call) streamCtx() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(c.r.Context())
	stop := context.AfterFunc(c.s.drain, cancel)
	return ctx, func() { stop(); cancel() }
}

// body decodes the request's JSON body. A request without one gives the zero T.
func body[T any](c *call, legacy strict.Legacy) (T, error) {
	var zero T
	c.bodyTaken = true
	kind := c.r.Header.Get("Content-Type")
	if c.r.ContentLength == 0 {
		return zero, nil
	}
	// A web page can not send this type without asking first, so it also keeps pages out.
	media, params, err := mime.ParseMediaType(kind)
	if err != nil || media != "application/json" {
		return zero, invalid("unsupported Content-Type header (%s): must be 'application/json'", shorten(kind))
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return zero, invalid("unsupported charset %q: JSON is UTF-8", shorten(charset))
	}
	if c.r.Header.Get("Content-Encoding") != "" {
		return zero, invalid("a compressed JSON body is not supported: send it plain")
	}
	value, err := strict.Decode[T](c.r.Body, strict.Options{MaxBytes: c.s.maxBody, Legacy: legacy})
	if err != nil {
		return zero, err
	}
	c.endBodyTime()
	return value, nil
}

// takeBody leaves the body to the acting half of a route, which may take as
// long as it likes to read it.
func (c *call) takeBody() {
	c.bodyTaken = true
	c.endBodyTime()
}

// discardBody reads away a body where none is expected. Some clients repeat
// their parameters there; left unread it would become the input of a container.
func (c *call) discardBody() error {
	if c.bodyTaken || c.r.ContentLength == 0 {
		return nil
	}
	switch n, err := io.CopyN(io.Discard, c.r.Body, maxDrained+1); {
	case n > maxDrained:
		return invalid("a body stands where none is expected")
	case err != nil && err != io.EOF:
		return invalid("the body of the request can not be read: %v", err)
	}
	c.endBodyTime()
	return nil
}

// beginBodyTime limits how long the body may take to arrive, and with it how
// long net/http waits for a body that nobody wants before it sends an answer.
func (c *call) beginBodyTime() {
	if c.r.ContentLength != 0 {
		_ = http.NewResponseController(c.w).SetReadDeadline(time.Now().Add(c.s.bodyTime)) // a broken connection shows at the next use
	}
}

// endBodyTime lifts the limit: from here on it would end the request itself.
func (c *call) endBodyTime() {
	if c.r.ContentLength != 0 {
		_ = http.NewResponseController(c.w).SetReadDeadline(time.Time{}) // likewise
	}
}
