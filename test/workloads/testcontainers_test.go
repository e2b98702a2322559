package workloads_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/bailey-run/bailey/internal/image/imagetest"
	"github.com/bailey-run/bailey/test/harness"
	"github.com/bailey-run/bailey/test/workloads"
)

// TestTestcontainers runs tests that use Testcontainers, with its modules for PostgreSQL and Redis: without its reaper, and then one
// with it, which is told what to do.
func TestTestcontainers(t *testing.T) {
	n := harness.NewEmpty(t, harness.Options{})
	load(t, n, workloads.Postgres(), workloads.Redis())
	// Its reaper's image must be there before anybody can refuse what the reaper wants.
	for _, name := range []string{harness.Image, "testcontainers/ryuk:0.14.0"} {
		if err := n.Load(t.Context(), imagetest.DockerArchive(imagetest.Busybox(t, name))); err != nil {
			t.Fatal(err)
		}
	}
	for what, args := range map[string][]string{
		"without the reaper": {"TESTCONTAINERS_RYUK_DISABLED=true"},
		"with it":            {"TESTCONTAINERS_RYUK_DISABLED=false", "-test.run=TestReaper"},
	} {
		t.Run(what, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			cmd, err := n.ClientCommand(ctx, "containers.test", append([]string{"-test.v"}, args[1:]...)...)
			if err != nil {
				t.Fatal(err)
			}
			// Where the machine is a container itself, Testcontainers would look for published ports at a gateway.
			cmd.Env = append(cmd.Env, args[0], "TESTCONTAINERS_HOST_OVERRIDE=localhost", "BUSYBOX="+harness.Image, "POSTGRES=postgres:debian", "REDIS=redis:debian")
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := n.Room.Start(cmd); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), "--- PASS") {
				t.Fatalf("%v\n%s", err, out.String())
			}
			if left := n.MustBailey(t, "ps", "-aq"); left != "" && len(args) == 1 { // the reaper would have removed it
				t.Errorf("left: %s", left)
			}
		})
	}
}
