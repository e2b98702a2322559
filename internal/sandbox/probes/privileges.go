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

// lsm reads what a security module calls this process. Where there is none,
// the file can be opened and not read.
func lsm() []probe.Probe {
	return of("lsm", probe.Probe{ID: "unconfined", Tries: "run without a profile of a security module", Source: "apparmor(7), selinux(8)", Attempt: func() error {
		label, err := os.ReadFile("/proc/self/attr/current")
		if err != nil {
			return err
		}
		text := strings.TrimRight(string(label), "\x00\n")
		if text != "unconfined" && !strings.Contains(text, ":unconfined_t:") && !strings.Contains(text, ":spc_t:") {
			return errors.New("it is " + text)
		}
		return nil
	}})
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
