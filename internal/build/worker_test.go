package build

import (
	"errors"
	"testing"

	"github.com/moby/buildkit/solver"
	"github.com/moby/buildkit/solver/pb"
	bkworker "github.com/moby/buildkit/worker"
)

// vertex is a step as BuildKit loads it.
type vertex struct {
	solver.Vertex
	op *pb.Op
}

func (v vertex) Sys() any { return v.op }

// TestBuildsWithinBuilds: BuildKit asks no policy about what the second of them fetches.
func TestBuildsWithinBuilds(t *testing.T) {
	op := &pb.Op{Op: &pb.Op_Build{Build: &pb.BuildOp{Builder: int64(pb.LLBBuilder)}}}
	if _, err := new(worker).ResolveOp(vertex{op: op}, nil, nil, bkworker.ProxyOpt{}); !errors.Is(err, errNested) {
		t.Errorf("got %v", err)
	}
}
