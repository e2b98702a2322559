package build

import (
	"context"
	"errors"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter"
	"github.com/moby/buildkit/frontend"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/solver"
	"github.com/moby/buildkit/solver/llbsolver/linuxresources"
	"github.com/moby/buildkit/solver/llbsolver/ops"
	"github.com/moby/buildkit/solver/pb"
	bkworker "github.com/moby/buildkit/worker"
	"github.com/moby/buildkit/worker/base"

	"github.com/bailey-run/bailey/internal/build/executor"
	"github.com/bailey-run/bailey/internal/build/export"
	"github.com/bailey-run/bailey/internal/build/gate"
	"github.com/bailey-run/bailey/internal/sandbox"
)

// worker is BuildKit's own with two differences: which executor a step gets, and where images go.
type worker struct {
	*base.Worker
	steps  *executor.Executor
	images export.Images
}

var _ bkworker.Worker = (*worker)(nil)

// errNested refuses builds whose definition a step of another build has made (BuildOp). BuildKit does not know whose they
// are from the second such step on, and then keeps them to no policy on sources at all.
var errNested = errors.New("a build within a build is refused: nobody could say what it may fetch; solve its definition by a build of its own")

// ResolveOp gives steps of builds that were granted a network another executor than those of others.
func (w *worker) ResolveOp(v solver.Vertex, bridge frontend.FrontendLLBBridge, sm *session.Manager, network bkworker.ProxyOpt) (solver.Op, error) {
	op, ok := v.Sys().(*pb.Op)
	if ok && op.GetBuild() != nil {
		return nil, errNested
	}
	if !ok || op.GetExec() == nil {
		return w.Worker.ResolveOp(v, bridge, sm, bkworker.ProxyOpt{})
	}
	steps := w.steps
	switch {
	case op.GetExec().Network == pb.NetMode_HOST: // its build was entitled to it, or it would not have been loaded
		steps = steps.With(granted(sandbox.BuildHost))
	case gate.Granted(context.Background(), network.Policy):
		steps = steps.With(granted(sandbox.BuildOutbound))
	}
	var limits *pb.LinuxResources
	if m, ok := v.Options().Metadata.(*linuxresources.Metadata); ok && m != nil {
		limits = m.LinuxResources
	}
	return ops.NewExecOp(v, op.Op.(*pb.Op_Exec), op.Platform, w.CacheMgr, w.ParallelismSem, sm, steps, w, limits, false)
}

// granted is what the gate let a build have.
func granted(network string) sandbox.Relaxation {
	return sandbox.Relaxation{Control: sandbox.ControlNetwork, Rule: sandbox.RuleBuildNetwork, Value: network, AllowedBy: "the policy, for the builds that the step belongs to"}
}

// Exporter knows where images go: into the image store.
func (w *worker) Exporter(name string, sm *session.Manager) (exporter.Exporter, error) {
	isImage := name == "moby" || name == client.ExporterImage
	if isImage {
		name = client.ExporterImage
	}
	inner, err := w.Worker.Exporter(name, sm)
	if err != nil {
		return nil, err
	}
	if isImage {
		return export.Image(inner, w.images), nil
	}
	return export.Other(inner), nil
}

// Close leaves the databases to whoever opened them.
func (w *worker) Close() error { return w.MetadataStore.Close() }
