package api

import (
	"context"
	"log/slog"

	"github.com/bailey-run/bailey/internal/sandbox"
)

// Access is one authenticated, decoded request: who wants to do what to which object.
type Access struct {
	Caller sandbox.Caller
	// Action is the name of what is to be done, such as "container.create". It never changes.
	Action string
	// Mutates says that the action may change something.
	Mutates bool
	// Object is the name, id or reference from the path; the wanted name for a create.
	Object string
	// Request is the decoded request, the very value that is acted on. It may
	// hold credentials: do not log it whole.
	Request any
}

// Authorizer decides. An error refuses the access; its class decides the
// status (errdefs.ErrPermissionDenied is 403) and its text is shown.
type Authorizer interface {
	Authorize(ctx context.Context, a Access) error
}

// Auditor records accesses. Begin is called after an access was allowed and
// before anything is done; the function it returns is called with the outcome.
// Refused is called instead when it was not allowed.
type Auditor interface {
	Begin(ctx context.Context, a Access) (end func(outcome error))
	Refused(ctx context.Context, a Access, reason error)
}

// socketDecides allows whoever could open the socket.
type socketDecides struct{}

func (socketDecides) Authorize(context.Context, Access) error { return nil }

// logAuditor writes what changes something to the log.
type logAuditor struct{ log *slog.Logger }

func (l logAuditor) Begin(ctx context.Context, a Access) func(error) {
	if !a.Mutates {
		return func(error) {}
	}
	l.log.LogAttrs(ctx, slog.LevelInfo, "api request", attrs(a)...)
	return func(outcome error) {
		if outcome != nil {
			l.log.LogAttrs(ctx, slog.LevelInfo, "api request failed", append(attrs(a), slog.String("error", message(outcome)))...)
		}
	}
}

func (l logAuditor) Refused(ctx context.Context, a Access, reason error) {
	l.log.LogAttrs(ctx, slog.LevelWarn, "api request refused", append(attrs(a), slog.String("error", message(reason)))...)
}

func attrs(a Access) []slog.Attr {
	return []slog.Attr{
		slog.String("action", a.Action), slog.String("object", clean(a.Object)),
		slog.Uint64("uid", uint64(a.Caller.UID)), slog.String("user", a.Caller.User),
	}
}

// act makes a handler of its two halves: what the request asks for, and doing
// it. Between them the very value that the first returned and the second gets is
// authorised and audited.
func act[T any](decode func(*call) (T, error), do func(*call, T) error) func(*call) error {
	return func(c *call) error {
		value, err := decode(c)
		switch {
		case c.q.err != nil:
			return c.q.err
		case err != nil:
			return err
		}
		if err := c.discardBody(); err != nil {
			return err
		}
		a := Access{Caller: c.caller, Action: c.route.action, Mutates: c.route.mutates, Object: c.name, Request: value}
		if v, ok := any(value).(interface{ object() string }); ok {
			a.Object = v.object()
		}
		if v, ok := any(value).(interface{ action() string }); ok {
			a.Action = v.action()
		}
		err = c.s.authorizer.Authorize(c.ctx(), a)
		if err == nil {
			err = c.checkAttempts(value)
		}
		if err != nil {
			c.s.auditor.Refused(c.ctx(), a, err)
			return err
		}
		end := c.s.auditor.Begin(c.ctx(), a)
		err = do(c, value)
		end(err)
		return err
	}
}

// none is what requests decode to that ask for nothing beyond their path.
type none struct{}

func decodeNone(*call) (none, error) { return none{}, nil }

// simple is act for such requests.
func simple(do func(*call) error) func(*call) error {
	return act(decodeNone, func(c *call, _ none) error { return do(c) })
}
