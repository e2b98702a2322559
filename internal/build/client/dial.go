package client

import (
	"context"
	"net"
	"time"

	bkclient "github.com/moby/buildkit/client"
)

// lastWords is how long the node may still tell how a build went that was cancelled. BuildKit's client waits ten times
// as long, and for a build that the node never heard of too.
const lastWords = 500 * time.Millisecond

// connect makes a client of BuildKit that does not outlast build, but for lastWords. close ends it sooner.
func connect(build context.Context, node Node) (c *bkclient.Client, close func(), err error) {
	c, err = bkclient.New(build, "",
		bkclient.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return dial(ctx, build, node, "/grpc", nil)
		}),
		bkclient.WithSessionDialer(func(ctx context.Context, _ string, header map[string][]string) (net.Conn, error) {
			return dial(ctx, build, node, "/session", header)
		}))
	if err != nil {
		return nil, nil, err
	}
	stop := context.AfterFunc(build, func() {
		time.Sleep(lastWords)
		_ = c.Close() // what is under way on it ends, as cancelled
	})
	return c, func() {
		stop()
		_ = c.Close()
	}, nil
}

// dial connects, unless the attempt or the build is cancelled first: BuildKit does not cancel the attempt with the build,
// and a node may take a connection and say nothing on it.
func dial(ctx, build context.Context, node Node, path string, header map[string][]string) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer context.AfterFunc(build, cancel)()
	conn, err := node.DialHijack(ctx, path, "h2c", header)
	if err != nil {
		cancel() // not otherwise: a connection by way of a command may live as long as its context
	}
	return conn, err
}
