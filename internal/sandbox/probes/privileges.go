package probes

import (
	"errors"
	"os"
	"strings"

	"github.com/bailey-run/bailey/internal/prove/probe"
)

func privileges() []probe.Probe {
	return of("no-new-privileges",
		probe.Probe{ID: "flag", Tries: "run without no-new-privileges, so that set-user-id programs count", Source: "prctl(2), PR_SET_NO_NEW_PRIVS",
			Attempt: func() error { return statusSays("NoNewPrivs", "0") }},
	)
}

// statusSays is nil when a line of /proc/self/status has a value.
func statusSays(name, want string) error {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return probe.Untried("%w", err)
	}
	for line := range strings.Lines(string(status)) {
		if key, value, _ := strings.Cut(line, ":"); key == name {
			if value = strings.TrimSpace(value); value != want {
				return errors.New(name + " is " + value)
			}
			return nil
		}
	}
	return probe.Untried("/proc/self/status has no %s", name)
}
