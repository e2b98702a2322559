package workloads_test

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// cron is root's crontab: busybox's crond starts a shell every minute, which writes to the image's volume.
var cron = workload{
	name: "cron",
	run:  []string{"--init", "cron:debian"},
	first: func(t *testing.T, s service) {
		s.eventually(t, "the first minute", func(ctx context.Context) error {
			if read := s.Bailey(ctx, "exec", "cron", "cat", "/data/beats"); read.Code != 0 {
				return errors.New(read.Stderr)
			}
			return nil
		})
	},
	again: func(t *testing.T, s service) {
		if !s.Running() {
			return // it has no port, and who looks inside asks the daemon
		}
		if beats := strings.Fields(s.inside(t, "cat", "/data/beats")); len(beats) == 0 {
			t.Error("what the job wrote is gone")
		}
	},
}
