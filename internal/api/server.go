package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/bailey-run/bailey/internal/api/guard"
	"github.com/bailey-run/bailey/internal/api/metrics"
	"github.com/bailey-run/bailey/internal/api/strict"
)

// Times and sizes that bound what a client can hold.
const (
	headerTime    = 10 * time.Second
	idleTime      = 5 * time.Minute
	maxHeaderSize = 64 << 10
	defaultGrace  = 10 * time.Second
)

// Options is what a server is made of. Engine is required.
type Options struct {
	Engine Engine
	// Builder makes images; nil says that the node does not.
	Builder Builder
	// Log receives refusals and failures; nil discards them.
	Log *slog.Logger
	// Version is what the node says it is.
	Version string
	// Authorizer decides who may do what; nil allows whoever can open the socket.
	Authorizer Authorizer
	// Auditor records what is done; nil writes what changes something to Log.
	Auditor Auditor
	// Grace is how long requests get to finish when the server stops; 0 means 10 s.
	Grace time.Duration
	// MaxBody caps a JSON body in bytes; 0 means 4 MiB.
	MaxBody int64
}

// Server answers the API. It is safe for concurrent use.
type Server struct {
	// Prover attacks the node's own controls, through this very server; it is set before Serve. nil refuses to.
	Prover Prover

	engine     Engine
	builder    Builder
	log        *slog.Logger
	authorizer Authorizer
	auditor    Auditor
	grace      time.Duration
	maxBody    int64
	bodyTime   time.Duration
	name       string // of the Server header
	router     *router
	metrics    *metrics.Metrics
	http       *http.Server

	drain    context.Context // ends when streams are to end
	endDrain context.CancelFunc
	sessions sync.WaitGroup // hijacked connections, of which http.Server forgets
}

// New returns a server that is ready to serve.
func New(o Options) (*Server, error) {
	if o.Engine == nil {
		return nil, errors.New("api: an engine is required")
	}
	s := &Server{
		engine: o.Engine, builder: o.Builder, log: o.Log, authorizer: o.Authorizer, auditor: o.Auditor, grace: o.Grace, maxBody: o.MaxBody, bodyTime: defaultBodyTime,
		name: "Bailey/" + o.Version + " (" + runtime.GOOS + ")",
	}
	s.metrics = s.newMetrics(o.Version)
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.authorizer == nil {
		s.authorizer = socketDecides{}
	}
	if s.auditor == nil {
		s.auditor = logAuditor{s.log}
	}
	if s.grace <= 0 {
		s.grace = defaultGrace
	}
	if s.maxBody <= 0 {
		s.maxBody = strict.DefaultMaxBytes
	}
	var err error
	if s.router, err = newRouter(routes()); err != nil {
		return nil, err
	}
	s.drain, s.endDrain = context.WithCancel(context.Background())
	s.http = &http.Server{
		Handler:           s,
		ReadHeaderTimeout: headerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeaderSize,
		ConnContext:       withPeer,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// Serve answers on a unix socket until ctx ends, then lets requests finish and
// ends streams. It returns nil after an orderly end. It may run for several
// sockets at once; the end of one is the end of all. Sockets of other kinds are
// refused: without credentials of the other end there is nobody to authorise.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	if network := ln.Addr().Network(); network != "unix" {
		return fmt.Errorf("api: listening on %s (%s) is refused: anyone who can reach it would own this host; use a unix socket, over ssh if need be", ln.Addr(), network)
	}
	var failure error
	served := make(chan struct{})
	go func() {
		defer close(served)
		failure = s.http.Serve(ln)
	}()
	select {
	case <-served: // by itself, or because another Serve of this server ends
	case <-ctx.Done():
	}
	err := s.shutdown(context.WithoutCancel(ctx))
	<-served
	if !errors.Is(failure, http.ErrServerClosed) {
		err = errors.Join(fmt.Errorf("api: %w", failure), err)
	}
	return err
}

// shutdown ends streams, waits for requests, and closes what is left after the grace.
func (s *Server) shutdown(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.grace)
	defer cancel()
	s.endDrain()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		s.log.Warn("requests were cut short at shutdown", "grace", s.grace)
		err = s.http.Close()
	}
	over := make(chan struct{})
	go func() { s.sessions.Wait(); close(over) }()
	select {
	case <-over:
	case <-ctx.Done():
	}
	return err
}

// ServeHTTP takes one request through its stations.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Server", s.name)
	h.Set("Api-Version", MaxVersion)
	h.Set("Docker-Experimental", "false")
	h.Set("Ostype", runtime.GOOS)
	c := &call{s: s, w: &reply{ResponseWriter: w}, r: r, version: maxVersion}
	c.beginBodyTime()
	if len(r.TransferEncoding) > 0 {
		// RFC 9112, section 6.1: with a length beside the chunks, which net/http hides, a proxy may have seen another end.
		// What follows would be taken for a request of its own, perhaps another caller's.
		h.Set("Connection", "close")
	}
	if refusal := guard.Check(r); refusal != nil {
		s.log.Warn("request turned away", "reason", refusal.Reason, "uid", peerOf(r.Context()).uid())
		s.metrics.Refused(metrics.Request)
		h.Set("Connection", "close")
		c.refuse(refusal.Status, clean(refusal.Reason))
		return
	}
	if err := c.dispatch(); err != nil {
		c.fail(err)
	}
}

// dispatch finds out what is asked, and by whom, and hands it to the route.
func (c *call) dispatch() error {
	v, path, err := splitVersion(c.r.URL.Path)
	c.version = v
	if err != nil {
		return err
	}
	if c.caller, err = peerOf(c.ctx()).caller(); err != nil {
		return err
	}
	if c.route, c.name = c.s.router.find(c.r.Method, path); c.route == nil {
		c.refuse(http.StatusNotFound, "page not found")
		return nil
	}
	c.q = parseQuery(c.r.URL.RawQuery)
	return c.route.handle(c)
}

// fail answers with an error, or cuts an answer that has begun short so that
// the client can not take it for a whole one.
func (c *call) fail(err error) {
	if gone(c.ctx(), err) {
		return
	}
	code := status(err)
	c.countRefusal(err)
	if errors.Is(err, errCut) && c.w.begun {
		panic(http.ErrAbortHandler)
	}
	if code >= http.StatusInternalServerError && code != http.StatusNotImplemented {
		c.s.log.Error("request failed", "method", c.r.Method, "path", clean(c.r.URL.Path), "status", code, "error", message(err))
	}
	if c.w.begun {
		panic(http.ErrAbortHandler) // net/http's way to break off an answer; it is not logged
	}
	c.refuse(code, message(err))
}
