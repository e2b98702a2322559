package build

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	controlapi "github.com/moby/buildkit/api/services/control"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/upload/uploadprovider"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/bailey-run/bailey/internal/build/classic"
	"github.com/bailey-run/bailey/internal/sandbox"
)

// lastWords is how long a build that has ended may take to say what it last did.
const lastWords = 2 * time.Second

// Build runs a build and tells what happens by emit, which is called from one goroutine at a time. It ends when ctx does.
func (b *Builder) Build(ctx context.Context, r Request, emit func(Message)) error {
	ctx, end, err := b.builds.begin(ctx, r.ID)
	if err != nil {
		return err
	}
	defer end()
	solve, err := r.solve()
	if err != nil {
		return err
	}
	in, err := b.inside(ctx, r.Caller)
	if err != nil {
		return err
	}
	defer in.close()
	if r.Session == "" {
		if solve.Session, err = in.session(ctx, &r, solve.FrontendAttrs); err != nil {
			return err
		}
	}
	var result *controlapi.SolveResponse
	group, gctx := errgroup.WithContext(ctx)
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		in.watch(watching, solve.Ref, r.Session != "", emit)
	}()
	group.Go(func() (err error) {
		result, err = in.control.Solve(gctx, solve)
		return err
	})
	if err = group.Wait(); ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select { // the last output comes before the verdict
	case <-watched:
	case <-time.After(lastWords):
		stop() // a build that never began has no output
		<-watched
	}
	if err != nil {
		return classic.Explain(err)
	}
	if id := result.ExporterResponse[exptypes.ExporterImageDigestKey]; id != "" {
		emit(Message{ImageID: id})
	}
	return nil
}

// Cancel ends the build with an id, and says whether there was one.
func (b *Builder) Cancel(id string) bool { return b.builds.cancel(id) }

// inside is a client of the builder in its own process. It takes the way of every other client: there is one way in.
type inside struct {
	b       *Builder
	caller  sandbox.Caller
	conn    *grpc.ClientConn
	control controlapi.ControlClient
	closers []func()
}

func (b *Builder) inside(ctx context.Context, caller sandbox.Caller) (*inside, error) {
	if _, err := b.buildkit(ctx); err != nil {
		return nil, err
	}
	in := &inside{b: b, caller: caller}
	ctx = context.WithoutCancel(ctx)
	conn, err := grpc.NewClient("passthrough:///bailey", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
			return in.dial(func(conn net.Conn) error { return b.Serve(ctx, conn, caller, nil) }), nil
		}))
	if err != nil {
		return nil, err
	}
	in.conn, in.control = conn, controlapi.NewControlClient(conn)
	in.closers = append(in.closers, func() { _ = conn.Close() })
	return in, nil
}

func (in *inside) close() {
	for i := len(in.closers) - 1; i >= 0; i-- {
		in.closers[i]()
	}
}

// dial is a connection whose other end is served.
func (in *inside) dial(serve func(net.Conn) error) net.Conn {
	here, there := net.Pipe()
	go func() {
		if err := serve(there); err != nil && !errors.Is(err, context.Canceled) {
			in.b.log.Error("a build's own connection failed", "error", err)
		}
		_ = there.Close() // both ends are ours
	}()
	return here
}

// session gives the builder what the request brought: its files and its credentials.
func (in *inside) session(ctx context.Context, r *Request, attrs map[string]string) (id string, err error) {
	s, err := session.NewSession(ctx, "")
	if err != nil {
		return "", err
	}
	s.Allow(classic.Credentials(r.Auth))
	if r.Context != nil {
		up := uploadprovider.New()
		attrs["context"] = up.Add(io.NopCloser(r.Context))
		s.Allow(up)
	}
	ctx = context.WithoutCancel(ctx)
	in.closers = append(in.closers, func() { _ = s.Close() })
	go func() {
		_ = s.Run(ctx, func(_ context.Context, _ string, meta map[string][]string) (net.Conn, error) {
			return in.dial(func(conn net.Conn) error { return in.b.Session(ctx, conn, meta, in.caller) }), nil
		})
	}()
	return s.ID(), nil
}

// watch tells what happens until the build has ended.
func (in *inside) watch(ctx context.Context, ref string, raw bool, emit func(Message)) {
	stream, err := in.control.Status(ctx, &controlapi.StatusRequest{Ref: ref})
	if err != nil {
		return // the build's own error says why
	}
	screen := classic.NewScreen(func(text string) { emit(Message{Text: text}) })
	for {
		resp, err := stream.Recv()
		if err != nil {
			return
		}
		if !raw {
			screen.Show(client.NewSolveStatus(resp))
			continue
		}
		if data, err := resp.MarshalVT(); err == nil {
			emit(Message{Trace: data})
		}
	}
}
