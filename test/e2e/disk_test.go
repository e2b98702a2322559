package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/bailey-run/bailey/test/harness"
)

// endedFor waits until a container was ended and returns why.
func endedFor(t *testing.T, node *harness.Node, id string) string {
	t.Helper()
	var state *container.State
	eventually(t, 30*time.Second, "the container is ended", func() bool {
		state = inspect(t, node, id).State
		return state.Status == container.StateExited
	})
	if state.ExitCode != 137 || state.OOMKilled {
		t.Errorf("it ended with %d, out of memory %v", state.ExitCode, state.OOMKilled)
	}
	return state.Error
}

// TestVolumesAreCapped fills volumes in the ways that there are. Where the file system of the test caps by itself, the
// writes fail and nobody is ended; here the node is expected to watch.
func TestVolumesAreCapped(t *testing.T) {
	node := harness.New(t, harness.Options{})
	if row := diskSpace(t, node); !strings.Contains(row, "watched") {
		t.Skip("the file system of the test has project quotas, which test/v2 tries: " + row)
	}
	node.MustBailey(t, "volume", "create", "--opt", "size=8m", "small")
	with := func(name, script string) client.ContainerCreateOptions {
		o := shell(name, script)
		o.HostConfig.Binds = []string{"small:/data"}
		o.HostConfig.RestartPolicy = container.RestartPolicy{Name: container.RestartPolicyAlways}
		return o
	}
	id := launch(t, node, with("within", "head -c 6m /dev/zero > /data/a; sleep 1000"))
	time.Sleep(3 * time.Second) // in which nothing is to happen
	if s := inspect(t, node, id).State; !s.Running {
		t.Fatalf("a container within the cap was ended: %+v", s)
	}
	if _, _, err := run(t.Context(), node, id, "sh", "-c", "head -c 20m /dev/zero > /data/b"); err != nil {
		t.Log(err) // it is ended meanwhile
	}
	why := endedFor(t, node, id)
	for _, part := range []string{"volume small holds", "more than its cap of 8MiB", "bailey volume create --opt size=16m small"} {
		if !strings.Contains(why, part) {
			t.Errorf("the reason %q does not have %q", why, part)
		}
	}
	if got := inspect(t, node, id); got.RestartCount != 0 {
		t.Errorf("it was started again %d times", got.RestartCount)
	}

	// A full volume can be cleared, and not filled further.
	node.MustBailey(t, "run", "--rm", "-v", "small:/data", harness.Image, "sh", "-c", "sleep 2; ls /data")
	id = launch(t, node, with("further", "sleep 1; head -c 20m /dev/zero > /data/c; sleep 1000"))
	endedFor(t, node, id)

	// The command that the reason names mends it.
	node.MustBailey(t, "volume", "create", "--opt", "size=1g", "small")
	id = launch(t, node, with("mended", "head -c 20m /dev/zero > /data/d; sleep 1000"))
	time.Sleep(3 * time.Second)
	if s := inspect(t, node, id).State; !s.Running {
		t.Errorf("after the volume was enlarged: %+v", s)
	}
	if row := node.MustBailey(t, "posture", "mended"); !strings.Contains(row, "/data 1 GiB") {
		t.Error("the posture does not show the new cap:\n" + row)
	}
}

// TestHiddenFilesCount fills a volume with a file that has no name, and one with too many files.
func TestHiddenFilesCount(t *testing.T) {
	node := harness.New(t, harness.Options{})
	if row := diskSpace(t, node); !strings.Contains(row, "watched") {
		t.Skip("the file system of the test has project quotas, which test/v2 tries: " + row)
	}
	volume := func(name, script string) string {
		node.MustBailey(t, "volume", "create", "--opt", "size=8m", "--opt", "inodes=1024", name)
		o := shell(name, script)
		o.HostConfig.Binds = []string{name + ":/data"}
		return launch(t, node, o)
	}
	hidden := volume("hidden", "exec 5>/data/x; rm /data/x; head -c 30m /dev/zero >&5; sleep 1000")
	many := volume("many", "cd /data; i=0; while [ $i -lt 3000 ]; do i=$((i+1)); : >$i; done; sleep 1000")
	for name, id := range map[string]string{"hidden": hidden, "many": many} {
		if why := endedFor(t, node, id); !strings.Contains(why, "volume "+name) {
			t.Errorf("%s: %q", name, why)
		}
	}
}

// diskSpace is the row of the posture that says what is in force.
func diskSpace(t *testing.T, node *harness.Node) string {
	t.Helper()
	for line := range strings.Lines(node.MustBailey(t, "run", "--dry-run", harness.Image, "true")) {
		if strings.Contains(line, "disk-space") {
			return line
		}
	}
	t.Fatal("the posture has no row disk-space")
	return ""
}

// TestWritableRootIsCapped fills a root that a policy made writable.
func TestWritableRootIsCapped(t *testing.T) {
	node := harness.New(t, harness.Options{Policy: "[[allow]]\nrule = \"writable-root\"\ncallers = [\"*\"]\nreason = \"test\"\n"})
	if row := diskSpace(t, node); !strings.Contains(row, "watched") {
		t.Skip("the file system of the test has project quotas, which test/v2 tries: " + row)
	}
	o := shell("root", "head -c 30m /dev/zero > /big; sleep 1000")
	o.HostConfig.SecurityOpt = []string{"rootfs=writable"}
	o.HostConfig.StorageOpt = map[string]string{"size": "8m"}
	if why := endedFor(t, node, launch(t, node, o)); !strings.Contains(why, "the root file system holds") || !strings.Contains(why, "--storage-opt size=16m") {
		t.Errorf("the reason is %q", why)
	}
	if r := node.Bailey(t.Context(), "volume", "create", "--opt", "size=unlimited", "huge"); r.Code == 0 || !strings.Contains(r.Stderr, `rule = "limit"`) {
		t.Errorf("a volume without a limit: %+v", r)
	}
	if r := node.Bailey(t.Context(), "volume", "create", "--opt", "device=/dev/sda", "host"); r.Code == 0 {
		t.Error("a volume of a device of the host")
	}
}

// TestBuildStepsAreCapped builds on a small disk, of which a step may have half.
func TestBuildStepsAreCapped(t *testing.T) {
	if !harness.HasDocker() {
		t.Skip("the stock docker command line is not installed here")
	}
	s := stock{harness.New(t, harness.Options{Dir: smallDisk(t, "400m") + "/n"})}
	dir := directory(t, map[string]string{"Dockerfile": "FROM " + harness.Image + "\nRUN head -c 250m /dev/zero >/big; sleep 60\n"})
	r := s.classic(t, "-t", "big:1", dir)
	for _, part := range []string{"the root file system holds", "more than its cap of 200MiB", "remove in the same RUN"} {
		if r.Code == 0 || !strings.Contains(r.Stdout+r.Stderr, part) {
			t.Errorf("no %q in %+v", part, r)
		}
	}
	dir = directory(t, map[string]string{"Dockerfile": "FROM " + harness.Image + "\nRUN head -c 100m /dev/zero >/big; sleep 3; rm /big\n"})
	if r := s.classic(t, "-t", "big:2", dir); r.Code != 0 {
		t.Errorf("a step within the cap: %+v", r)
	}
}
