package executor

import (
	"context"
	"testing"

	"github.com/containerd/containerd/v2/core/mount"
	bkexec "github.com/moby/buildkit/executor"

	"github.com/bailey-run/bailey/internal/engine"
)

// source is a snapshot that BuildKit hands over.
type source struct{ one mount.Mount }

func (s source) Mount(context.Context, bool) (bkexec.MountableRef, error) {
	return ref{one: s.one}, nil
}

type ref struct {
	bkexec.MountableRef
	one mount.Mount
}

func (r ref) Mount() ([]mount.Mount, func() error, error) { return []mount.Mount{r.one}, nil, nil }

// TestFinishedLayersAreOnlyRead: a layer is shared by every image that has it.
func TestFinishedLayersAreOnlyRead(t *testing.T) {
	dir := t.TempDir()
	for name, one := range map[string]mount.Mount{
		"one layer": {Type: "bind", Source: dir, Options: []string{"ro", "rbind"}},
		"several":   {Type: "overlay", Options: []string{"lowerdir=" + dir + ":" + dir}},
	} {
		var req engine.StepRequest
		m := &mounter{}
		if err := m.add(t.Context(), bkexec.Mount{Src: source{one}, Dest: "/x"}, &req); err != nil {
			t.Fatal(err)
		}
		if got := req.Mounts[0]; !got.ReadOnly || got.Upper != "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	var req engine.StepRequest
	if err := new(mounter).add(t.Context(), bkexec.Mount{Src: source{mount.Mount{Type: "bind", Source: dir, Options: []string{"rw"}}}, Dest: "/x"}, &req); err != nil {
		t.Fatal(err)
	}
	if req.Mounts[0].ReadOnly {
		t.Error("a cache cannot be written")
	}
}
