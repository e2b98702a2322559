package probes

import (
	"errors"
	"os"
	"strings"

	"github.com/bailey-run/bailey/internal/prove/probe"
)

func userNamespace() []probe.Probe {
	return of("user-namespace",
		probe.Probe{ID: "be-host-root", Tries: "be an id of the host", Source: "user_namespaces(7)", Twin: probe.Twin{Host: true}, Attempt: func() error {
			ids, err := os.ReadFile("/proc/self/uid_map")
			if err != nil {
				return probe.Untried("%w", err)
			}
			if fields := strings.Fields(string(ids)); len(fields) == 3 && fields[1] != "0" {
				return errors.New("uid 0 is the host's uid " + fields[1])
			}
			return nil
		}},
	)
}

func namespaces() []probe.Probe {
	return of("pid-namespace",
		probe.Probe{ID: "see-kernel-threads", Tries: "see the host's processes", Source: "pid_namespaces(7)", As: probe.Root, Attempt: func() error {
			comm, err := os.ReadFile("/proc/2/comm")
			if err != nil {
				return err
			}
			if strings.TrimSpace(string(comm)) != "kthreadd" {
				return errors.New("process 2 is " + strings.TrimSpace(string(comm)))
			}
			return nil
		}},
	)
}
