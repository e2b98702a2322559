package runtime

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// update has the OCI runtime change limits: it knows which files there are in
// every version of control groups, and in which order they must be written.
func (r *Runtime) update(ctx context.Context, id string, res *specs.LinuxResources) error {
	if err := r.verify(); err != nil {
		return err
	}
	b, err := json.Marshal(res)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, r.oci.Path, "--root", r.runtimeDir(), "update", "--resources", "-", id)
	cmd.Env, cmd.Dir = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, "/"
	cmd.Stdin = bytes.NewReader(b)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("change the limits of container %.12s: %w: %s", id, err, bytes.TrimSpace(lastBytes(out, 1<<10)))
	}
	return nil
}

func lastBytes(b []byte, n int) []byte { return b[max(len(b)-n, 0):] }
