package gate

import (
	"context"
	"fmt"
	"strings"

	"github.com/moby/buildkit/client/buildid"

	"github.com/bailey-run/bailey/internal/sandbox"
)

// bridge is BuildKit's API inside of a build: whoever uses it acts with the secrets, the network and the entitlements of
// that build. BuildKit looks only at the build's id, which everybody finds in the history.
const bridge = "/moby.buildkit.v1.frontend.LLBBridge/"

// claim is whose a build is. It lasts for as long as something holds it.
type claim struct {
	owner sandbox.Caller
	held  int
}

// claim holds a build for a caller until leave is called; another caller's is refused. Clients speak to a build a moment
// before they ask for it, so whoever names an id first has it: they choose it at random, and nobody else can know it yet.
func (g *Gate) claim(build string, c sandbox.Caller) (leave func(), err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	b := g.builds[build]
	if b == nil {
		b = &claim{owner: c}
		g.builds[build] = b
	}
	if b.owner.UID != c.UID {
		return nil, fmt.Errorf("build %.40q is another caller's", build)
	}
	b.held++
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if b.held--; b.held == 0 {
			delete(g.builds, build)
		}
	}, nil
}

// within claims the build that a method acts in, if it is one that does.
func (g *Gate) within(ctx context.Context, method string) (leave func(), err error) {
	if !strings.HasPrefix(method, bridge) {
		return func() {}, nil
	}
	c, err := clientIn(ctx)
	if err != nil {
		return nil, err
	}
	return g.claim(buildid.FromIncomingContext(ctx), c.Caller)
}
