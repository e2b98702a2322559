package e2e

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/bailey-run/bailey/test/harness"
)

// with is shell with a restart policy.
func with(policy container.RestartPolicyMode, name, script string) client.ContainerCreateOptions {
	o := shell(name, script)
	o.HostConfig.RestartPolicy = container.RestartPolicy{Name: policy}
	return o
}

// restartDaemon kills the daemon and starts another.
func restartDaemon(t *testing.T, node *harness.Node, meanwhile func()) {
	t.Helper()
	if err := node.Kill(); err != nil {
		t.Fatal(err)
	}
	meanwhile()
	if err := node.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func gone(pid int) bool { return syscall.Kill(pid, 0) != nil }

// TestRetriesAreCountedOverCrashes: a container that fails again and again gets its five restarts, however many daemons count.
func TestRetriesAreCountedOverCrashes(t *testing.T) {
	node := harness.New(t, harness.Options{})
	id := launch(t, node, with(container.RestartPolicyOnFailure, "fails", "exit 1"))
	for range 4 {
		before := inspect(t, node, id).RestartCount
		eventually(t, 15*time.Second, "it was restarted once more", func() bool {
			got := inspect(t, node, id)
			return got.RestartCount > before || got.State.Status == container.StateExited
		})
		restartDaemon(t, node, func() {})
	}
	eventually(t, 20*time.Second, "it is given up", func() bool { return inspect(t, node, id).State.Status == container.StateExited })
	time.Sleep(300 * time.Millisecond)
	if got := inspect(t, node, id); got.RestartCount != 5 || got.State.Status != container.StateExited {
		t.Errorf("it was restarted %d times and is %s, want 5 and exited", got.RestartCount, got.State.Status)
	}
}

// TestStopOverCrash: a stop that was under way is not undone by the restart policy when the daemon dies before the end.
func TestStopOverCrash(t *testing.T) {
	node := harness.New(t, harness.Options{})
	id := launch(t, node, with(container.RestartPolicyAlways, "slow", "trap 'sleep 0.7; exit 3' TERM; while :; do sleep 0.05; done"))
	eventually(t, 10*time.Second, "the trap is set", func() bool { time.Sleep(300 * time.Millisecond); return true })
	pid := inspect(t, node, id).State.Pid
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		_, _ = node.Client.ContainerStop(t.Context(), id, client.ContainerStopOptions{})
	}()
	time.Sleep(350 * time.Millisecond)
	restartDaemon(t, node, func() {
		<-stopped
		eventually(t, 10*time.Second, "it ends without a daemon", func() bool { return gone(pid) })
	})
	time.Sleep(500 * time.Millisecond)
	if got := inspect(t, node, id).State; got.Status != container.StateExited || got.ExitCode != 3 {
		t.Errorf("it was stopped and is %+v", got)
	}
}

// TestRemovesItselfOverCrash: a container with --rm that ends while no daemon runs is gone when one does.
func TestRemovesItselfOverCrash(t *testing.T) {
	node := harness.New(t, harness.Options{})
	o := shell("brief", "sleep 0.5")
	o.HostConfig.AutoRemove = true
	pid := inspect(t, node, launch(t, node, o)).State.Pid
	restartDaemon(t, node, func() { eventually(t, 10*time.Second, "it ends", func() bool { return gone(pid) }) })
	eventually(t, 10*time.Second, "it is removed", func() bool {
		list, err := node.Client.ContainerList(t.Context(), client.ContainerListOptions{All: true})
		return err == nil && len(list.Items) == 0
	})
}

// TestHealthAfterCrash: a new daemon does not wait for an interval until it knows, nor does it repeat what the last one knew.
func TestHealthAfterCrash(t *testing.T) {
	node := harness.New(t, harness.Options{})
	o := shell("checked", "sleep 1000")
	o.Config.Healthcheck = &container.HealthConfig{Test: []string{"CMD-SHELL", "[ ! -e /tmp/ill ]"}, Interval: time.Hour, Retries: 1}
	id := launch(t, node, o)
	health := func() container.HealthStatus { return inspect(t, node, id).State.Health.Status }
	if got := health(); got != container.Starting {
		t.Fatal(got)
	}
	restartDaemon(t, node, func() {})
	eventually(t, 15*time.Second, "it is known to be healthy", func() bool { return health() == container.Healthy })
	if _, code, err := run(t.Context(), node, id, "touch", "/tmp/ill"); err != nil || code != 0 {
		t.Fatal(code, err)
	}
	restartDaemon(t, node, func() {})
	eventually(t, 15*time.Second, "it is known to be ill", func() bool { return health() == container.Unhealthy })
}

// TestReboot: after the machine went down containers are as Docker's documentation of the restart policies says, and the end of
// one that nobody but its supervisor saw is known.
func TestReboot(t *testing.T) {
	node := harness.New(t, harness.Options{})
	const forever = "sleep 1000"
	stop := func(id string) string {
		zero := 0
		if _, err := node.Client.ContainerStop(t.Context(), id, client.ContainerStopOptions{Timeout: &zero}); err != nil {
			t.Fatal(err)
		}
		return id
	}
	rm := shell("rm", forever)
	rm.HostConfig.AutoRemove = true
	ids := map[string]string{
		"always":         launch(t, node, with(container.RestartPolicyAlways, "always", forever)),
		"always-stopped": stop(launch(t, node, with(container.RestartPolicyAlways, "always-stopped", forever))),
		"unless":         launch(t, node, with(container.RestartPolicyUnlessStopped, "unless", forever)),
		"unless-stopped": stop(launch(t, node, with(container.RestartPolicyUnlessStopped, "unless-stopped", forever))),
		"failure":        launch(t, node, with(container.RestartPolicyOnFailure, "failure", forever)),
		"none":           launch(t, node, shell("none", forever)),
		"rm":             launch(t, node, rm),
		"ends":           launch(t, node, shell("ends", "sleep 1.5; exit 9")),
	}
	if _, err := node.Client.ContainerCreate(t.Context(), with(container.RestartPolicyAlways, "created", forever)); err != nil {
		t.Fatal(err)
	}
	// A daemon that is restarted is no reboot: what was stopped stays so.
	restartDaemon(t, node, func() {})
	if got := inspect(t, node, "always-stopped").State; got.Running {
		t.Errorf("a restart of the daemon started what was stopped: %+v", got)
	}
	pid := inspect(t, node, "ends").State.Pid
	if pid == 0 {
		t.Fatal("it ended too early for this test")
	}
	if err := node.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "it ends without a daemon", func() bool { return gone(pid) })
	exit := filepath.Join(node.Dir, "containers", ids["ends"], "exit.json")
	eventually(t, 10*time.Second, "that is on disk", func() bool { _, err := os.Stat(exit); return err == nil })
	if err := node.Reboot(); err != nil {
		t.Fatal(err)
	}
	if err := node.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]container.ContainerState{
		"always": container.StateRunning, "always-stopped": container.StateRunning, "unless": container.StateRunning,
		"unless-stopped": container.StateExited, "failure": container.StateExited, "none": container.StateExited,
		"ends": container.StateExited, "created": container.StateCreated,
	} {
		eventually(t, 20*time.Second, name+" is "+string(want), func() bool { return inspect(t, node, name).State.Status == want })
	}
	if got := inspect(t, node, "ends").State; got.ExitCode != 9 || got.Error != "" {
		t.Errorf("it ended with 9 before the machine went down and is %+v", got)
	}
	if got := inspect(t, node, "none").State; got.ExitCode != 255 || got.Error == "" {
		t.Errorf("it went down with the machine and is %+v", got)
	}
	eventually(t, 10*time.Second, "what removes itself is removed", func() bool {
		_, err := node.Client.ContainerInspect(t.Context(), ids["rm"], client.ContainerInspectOptions{})
		return err != nil
	})
}
