package engine

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	apinetwork "github.com/moby/moby/api/types/network"
)

// filterValues says of filters that take certain values only which those are; nil is right.
var filterValues = map[string]func(string) error{
	"all": isBool, "dangling": isBool, "is-task": isBool,
	"exited":  func(v string) error { _, err := strconv.Atoi(v); return err },
	"publish": isPorts, "expose": isPorts,
	"status": func(v string) error { return container.ValidateContainerState(container.ContainerState(v)) },
	"health": func(v string) error { return container.ValidateHealthStatus(container.HealthStatus(v)) },
}

func isBool(v string) error { _, err := strconv.ParseBool(v); return err }

func isPorts(v string) error { _, err := apinetwork.ParsePortRange(v); return err }

// checkFilters refuses a filter that would be silently without effect.
func checkFilters(f Filters, known []string) error {
	for key, values := range f {
		if !slices.Contains(known, key) {
			return fmt.Errorf("invalid filter %q: use one of %s: %w", key, strings.Join(known, ", "), errdefs.ErrInvalidArgument)
		}
		check := filterValues[key]
		for _, v := range values {
			if check == nil {
				break
			}
			if err := check(v); err != nil {
				return fmt.Errorf("invalid filter '%s=%s': %w: %w", key, v, err, errdefs.ErrInvalidArgument)
			}
		}
	}
	return nil
}

// hasPort tells whether a container publishes or exposes one of the ports, such as 80, 53/udp or 8000-8080/tcp.
func hasPort(rec *store.Container, v string, published bool) bool {
	wanted, err := apinetwork.ParsePortRange(v)
	if err != nil {
		return false
	}
	for port := range wanted.All() {
		_, ok := rec.Config.ExposedPorts[port]
		if published {
			_, ok = rec.HostConfig.PortBindings[port]
		}
		if ok {
			return true
		}
	}
	return false
}
