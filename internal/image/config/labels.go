package config

import (
	"strconv"
	"strings"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/bailey-run/bailey/internal/image/hostile"
)

// Bounds of labels and ports.
const (
	maxLabelKey   = 1 << 10
	maxLabelValue = 256 << 10 // buildpacks put a bill of materials into one
	maxPorts      = 4096
)

// reserved are prefixes of keys that engines act on. A label of an image that ends up among an engine's own has started
// programs on the host (CVE-2026-53488).
var reserved = []string{"containerd.io/", "io.containerd.", "bailey/", "bailey.", "run.bailey."}

// checkLabels checks keys and values of the labels.
func checkLabels(img *dockerspec.DockerOCIImage) error {
	if len(img.Config.Labels) > maxItems {
		return hostile.Refuse("config-labels", "config.Labels", "it has %d labels, at most %d are allowed", len(img.Config.Labels), maxItems)
	}
	total := 0
	for key, value := range img.Config.Labels {
		if total += len(key) + len(value); total > maxTotal {
			return hostile.Refuse("config-labels", "config.Labels", "the labels have more than %d bytes in all", maxTotal)
		}
		if key == "" || len(key) > maxLabelKey || strings.ContainsAny(key, "\t\r\n") || control(key) >= 0 {
			return hostile.Refuse("config-labels", "config.Labels", "the key %q is empty, longer than %d bytes or has a control character", clip(key), maxLabelKey)
		}
		for _, prefix := range reserved {
			if len(key) >= len(prefix) && strings.EqualFold(key[:len(prefix)], prefix) {
				return hostile.Refuse("config-labels", "config.Labels."+clip(key), "keys that begin with %q belong to the engine", prefix)
			}
		}
		if err := checkText("config.Labels."+clip(key), value, maxLabelValue); err != nil {
			return err
		}
	}
	return nil
}

// checkPorts accepts PORT or PORT-PORT, with /tcp, /udp or /sctp.
func checkPorts(img *dockerspec.DockerOCIImage) error {
	if len(img.Config.ExposedPorts) > maxPorts {
		return hostile.Refuse("config-ports", "config.ExposedPorts", "it has %d ports, at most %d are allowed", len(img.Config.ExposedPorts), maxPorts)
	}
	for spec := range img.Config.ExposedPorts {
		ports, proto, _ := strings.Cut(spec, "/")
		if proto != "" && proto != "tcp" && proto != "udp" && proto != "sctp" || strings.HasSuffix(spec, "/") {
			return hostile.Refuse("config-ports", "config.ExposedPorts", "%q has a protocol other than tcp, udp and sctp", clip(spec))
		}
		first, last, two := strings.Cut(ports, "-")
		if !two {
			last = first
		}
		from, ok1 := port(first)
		to, ok2 := port(last)
		if !ok1 || !ok2 || from > to {
			return hostile.Refuse("config-ports", "config.ExposedPorts", "%q is no port between 1 and 65535 and no range of them", clip(spec))
		}
	}
	return nil
}

// port reads one port in its plain spelling.
func port(s string) (uint64, bool) {
	n, err := strconv.ParseUint(s, 10, 16)
	return n, err == nil && n > 0 && strconv.FormatUint(n, 10) == s
}
