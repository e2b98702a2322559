package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bailey-run/bailey/internal/image/imagetest"
	"github.com/bailey-run/bailey/test/harness"
)

// TestUpgrade: a node that an older bailey started (BAILEY_OLD is its binary) is taken over by this one with all that runs.
func TestUpgrade(t *testing.T) {
	old := os.Getenv("BAILEY_OLD")
	if old == "" {
		t.Skip("needs an older bailey to upgrade from: set BAILEY_OLD to its binary")
	}
	node := harness.New(t, harness.Options{Bin: old})
	bin, err := harness.Binary()
	if err != nil {
		t.Fatal(err)
	}
	node.MustBailey(t, "network", "create", "front")
	node.MustBailey(t, "volume", "create", "data")
	web := launch(t, node, member("web", "front"))
	peer := launch(t, node, member("peer", "front"))
	counter := launch(t, node, shell("counter", counting))
	if result := node.Bailey(t.Context(), "run", "--name", "ended", harness.Image, "sh", "-c", "exit 7"); result.Code != 7 {
		t.Fatal(result)
	}
	before := map[string]int{}
	for _, id := range []string{web, peer, counter} {
		before[id] = inspect(t, node, id).State.Pid
	}
	restart := func() {
		t.Helper()
		restartDaemon(t, node, func() { node.Upgrade(bin) })
	}
	restart()
	for range 2 { // as found, and as left by itself
		for id, pid := range before {
			if got := inspect(t, node, id).State; !got.Running || got.Pid != pid {
				t.Errorf("%.12s was process %d and is %+v", id, pid, got)
			}
		}
		from := askFrom(t, node, peer)
		want := "NOERROR " + inspect(t, node, web).NetworkSettings.Networks["front"].IPAddress.String()
		if got, err := from.ask(t, "web"); err != nil || got != want {
			t.Errorf("web is %q %v, want %s", got, err, want)
		}
		if got := inspect(t, node, "ended").State; got.ExitCode != 7 {
			t.Errorf("what had ended is %+v", got)
		}
		if out := node.MustBailey(t, "volume", "ls", "-q"); !strings.Contains(out, "data") {
			t.Errorf("volumes: %q", out)
		}
		eventually(t, 10*time.Second, "the counter has counted", func() bool {
			text, err := logged(t.Context(), node, counter)
			return err == nil && strings.Count(text, "\n") > 10
		})
		checkCount(t, node, counter)
		restart()
	}
}

// TestVolumeFillingCutShort: a volume in which a crash left half of what the image has is filled anew, once.
func TestVolumeFillingCutShort(t *testing.T) {
	node := harness.New(t, harness.Options{})
	img := imagetest.Busybox(t, "filled:test")
	img.Layers = append(img.Layers, imagetest.Layer{Files: []imagetest.File{
		imagetest.Dir("db"), imagetest.Reg("db/schema", "s"), imagetest.Reg("db/rows", "r")}})
	if err := node.Load(t.Context(), imagetest.DockerArchive(img)); err != nil {
		t.Fatal(err)
	}
	node.MustBailey(t, "volume", "create", "data")
	top := filepath.Join(node.Dir, "volumes", "data")
	for _, file := range []string{"filling", "_data/schema"} {
		if err := os.WriteFile(filepath.Join(top, file), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	in := func(script string) string {
		t.Helper()
		return node.MustBailey(t, "run", "--rm", "-v", "data:/db", "filled:test", "sh", "-c", script)
	}
	if out := in("cat /db/schema /db/rows"); out != "sr" {
		t.Errorf("the volume has %q", out)
	}
	if _, err := os.Stat(filepath.Join(top, "filling")); err == nil {
		t.Error("it still counts as half full")
	}
	in("rm /db/rows; echo own >/db/schema")
	if out := in("cat /db/*"); out != "own\n" {
		t.Errorf("what a container wrote is %q", out)
	}
}
