package build

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"github.com/containerd/containerd/v2/defaults"
	"github.com/containerd/log"
	"github.com/google/uuid"
	"github.com/moby/buildkit/util/grpcerrors"
	"github.com/sirupsen/logrus"
	"google.golang.org/grpc"

	"github.com/bailey-run/bailey/internal/build/gate"
	"github.com/bailey-run/bailey/internal/sandbox"
)

// withLog has BuildKit's errors in the node's log. The rest is about traces that nobody collects, and about what the
// answer to the client says too.
func (b *Builder) withLog(ctx context.Context) context.Context {
	l := logrus.New()
	l.SetLevel(logrus.ErrorLevel)
	l.SetFormatter(&logrus.TextFormatter{DisableTimestamp: true, DisableColors: true})
	l.SetOutput(lines{b.log})
	return log.WithLogger(ctx, logrus.NewEntry(l))
}

// lines hands each line to a log.
type lines struct{ to *slog.Logger }

// Write takes one line.
func (l lines) Write(p []byte) (int, error) {
	l.to.Debug("buildkit: " + strings.TrimSpace(string(p)))
	return len(p), nil
}

func newKey() string { return uuid.NewString() }

// sessionHeader is where a client of BuildKit names its session.
const sessionHeader = "X-Docker-Expose-Session-Uuid"

// Admit is asked before each thing that a client of Serve wants to change, by its name in the audit log, with the object
// that it is about and the request itself. The function that it returns is told the outcome.
type Admit = gate.Admit

// Serve speaks BuildKit's API (gRPC over plain HTTP/2) on a connection until one side ends it. A nil admit was asked
// already.
func (b *Builder) Serve(ctx context.Context, conn net.Conn, caller sandbox.Caller, admit Admit) error {
	kit, err := b.buildkit(ctx)
	if err != nil {
		return err
	}
	ctx, end, err := b.builds.begin(gate.WithCaller(b.withLog(ctx), caller, admit), "")
	if err != nil {
		return err
	}
	defer end()
	server := grpc.NewServer(
		grpc.ChainUnaryInterceptor(grpcerrors.UnaryServerInterceptor, kit.gate.Unary),
		grpc.ChainStreamInterceptor(grpcerrors.StreamServerInterceptor, kit.gate.Stream),
		grpc.MaxRecvMsgSize(defaults.DefaultMaxRecvMsgSize), grpc.MaxSendMsgSize(defaults.DefaultMaxSendMsgSize),
	)
	kit.controller.Register(server)
	defer server.Stop()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	front := &http.Server{
		Handler: server, Protocols: &protocols, BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog: slog.NewLogLogger(b.log.Handler(), slog.LevelDebug),
	}
	if err := front.Serve(listenOnce(conn)); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// Session takes the other direction of a client: a connection on which the builder asks the client for files, secrets
// and credentials, until one side ends it. header is that of the request.
func (b *Builder) Session(ctx context.Context, conn net.Conn, header map[string][]string, caller sandbox.Caller) error {
	kit, err := b.buildkit(ctx)
	if err != nil {
		return err
	}
	ctx, end, err := b.builds.begin(b.withLog(ctx), "")
	if err != nil {
		return err
	}
	defer end()
	leave, err := kit.gate.Enter(http.Header(header).Get(sessionHeader), caller)
	if err != nil {
		return err
	}
	defer leave()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	ctx, gone := context.WithCancel(ctx)
	defer gone()
	return kit.sessions.HandleConn(ctx, watched{conn, gone}, header)
}

// watched is a connection that tells its end: BuildKit would notice it at the next of its health checks.
type watched struct {
	net.Conn
	gone func()
}

// Read reads.
func (w watched) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if err != nil {
		w.gone()
	}
	return n, err
}
