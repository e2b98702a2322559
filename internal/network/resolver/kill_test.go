package resolver

import (
	"os/exec"
	"testing"
)

// TestKillEndsResolversOnly: a resolver says itself which process it is, and one that was taken over may lie.
func TestKillEndsResolversOnly(t *testing.T) {
	other := exec.Command("sleep", "60")
	must(t, other.Start())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = other.Wait() }()
	pids := []int{}
	l := &link{running: func() ([]int, error) { return pids, nil }}
	l.greeting.Pid = other.Process.Pid
	must(t, l.hold())
	l.kill()
	if gone(l.pidfd, 0) {
		t.Error("a process that is no resolver was ended")
	}
	pids = append(pids, other.Process.Pid)
	l.kill()
	<-ended
}
