package engine

import (
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
)

func TestDecideRestart(t *testing.T) {
	const short, long = time.Second, time.Minute
	always := container.RestartPolicy{Name: container.RestartPolicyAlways}
	failure := container.RestartPolicy{Name: container.RestartPolicyOnFailure, MaximumRetryCount: 2}
	cases := []struct {
		name   string
		policy container.RestartPolicy
		asked  bool
		exit   int
		ran    time.Duration
		inRow  int
		want   verdict
		row    int
	}{
		{"no policy", container.RestartPolicy{}, false, 1, short, 0, verdict{}, 0},
		{"always", always, false, 0, short, 0, verdict{true, firstDelay}, 1},
		{"back-off doubles", always, false, 1, short, 3, verdict{true, 8 * firstDelay}, 4},
		{"five in a row are enough", always, false, 1, short, defaultRetries, verdict{}, defaultRetries},
		{"a long run begins a new row", always, false, 1, long, defaultRetries, verdict{true, firstDelay}, 1},
		{"a stop is not undone", always, true, 0, long, 0, verdict{}, 0},
		{"success needs no restart", failure, false, 0, short, 0, verdict{}, 0},
		{"failure does", failure, false, 1, short, 1, verdict{true, 2 * firstDelay}, 2},
		{"up to the limit", failure, false, 1, short, 2, verdict{}, 2},
		{"the pause is bounded", container.RestartPolicy{Name: "always", MaximumRetryCount: 99}, false, 1, short, 30, verdict{true, lastDelay}, 31},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, row := decide(c.policy, c.asked, c.exit, c.ran, c.inRow)
			if got != c.want || row != c.row {
				t.Errorf("got %+v, %d; want %+v, %d", got, row, c.want, c.row)
			}
		})
	}
}

func TestReturnsAfterReboot(t *testing.T) {
	for policy, want := range map[container.RestartPolicyMode][2]bool{ // running, stopped
		container.RestartPolicyAlways:        {true, true},
		container.RestartPolicyUnlessStopped: {true, false},
		container.RestartPolicyOnFailure:     {false, false},
		container.RestartPolicyDisabled:      {false, false},
		"":                                   {false, false},
	} {
		p := container.RestartPolicy{Name: policy}
		if got := [2]bool{returns(p, false), returns(p, true)}; got != want {
			t.Errorf("%q: %v, want %v", policy, got, want)
		}
	}
}

func TestPauseIsBounded(t *testing.T) {
	for inRow, want := range map[int]time.Duration{-1: firstDelay, 0: firstDelay, 1: 2 * firstDelay, 30: lastDelay, 1000: lastDelay} {
		if got := pause(inRow); got != want {
			t.Errorf("after %d: %v, want %v", inRow, got, want)
		}
	}
}
