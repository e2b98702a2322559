package config

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/moby/sys/signal"

	"github.com/bailey-run/bailey/internal/image/hostile"
)

// maxID is the highest user or group id a container has.
const maxID = 65535

// userName is what passwd(5) and group(5) take for a name. One that begins with a digit could be taken for a number.
var userName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,62}\$?$`)

// checkUser accepts "", "user", "user:group", each a name or a number in the container's range. Numbers that overflow or are
// written oddly have made engines run the image as root (CVE-2024-40635, CVE-2026-46680).
func checkUser(img *dockerspec.DockerOCIImage) error {
	user, group, two := strings.Cut(img.Config.User, ":")
	if img.Config.User == "" {
		return nil
	}
	if err := checkOwner(user); err != nil {
		return err
	}
	if two && group != "" {
		return checkOwner(group)
	}
	return nil
}

// checkOwner accepts one name or number.
func checkOwner(s string) error {
	if userName.MatchString(s) {
		return nil
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || strconv.FormatUint(n, 10) != s {
		return hostile.Refuse("config-user", "config.User", "%q is neither a user name nor a plain number", clip(s))
	}
	if n > maxID {
		return hostile.Refuse("config-user", "config.User", "the id %d is beyond %d, the last one that a container has", n, maxID)
	}
	return nil
}

// clip shortens what an error repeats.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

// checkEnv checks the variables.
func checkEnv(img *dockerspec.DockerOCIImage) error {
	if err := checkStrings("config.Env", img.Config.Env); err != nil {
		return err
	}
	for i, s := range img.Config.Env {
		name, _, ok := strings.Cut(s, "=")
		switch {
		case !ok:
			return hostile.Refuse("config-env", field("config.Env", i), "%q is not NAME=value", clip(s))
		case name == "":
			return hostile.Refuse("config-env", field("config.Env", i), "the variable has no name")
		case strings.ContainsAny(name, " \t\r\n") || control(name) >= 0:
			return hostile.Refuse("config-env", field("config.Env", i), "the variable's name %q has a space, newline or control character", clip(name))
		}
	}
	return nil
}

// checkArgs checks what is executed.
func checkArgs(img *dockerspec.DockerOCIImage) error {
	c := &img.Config
	for name, list := range map[string][]string{"config.Entrypoint": c.Entrypoint, "config.Cmd": c.Cmd, "config.Shell": c.Shell, "config.OnBuild": c.OnBuild} {
		if err := checkStrings(name, list); err != nil {
			return err
		}
	}
	return nil
}

// checkStopSignal accepts the names and numbers of Linux's signals.
func checkStopSignal(img *dockerspec.DockerOCIImage) error {
	s := img.Config.StopSignal
	if s == "" {
		return nil
	}
	if sig, err := signal.ParseSignal(s); err != nil || sig < 1 || sig > 64 {
		return hostile.Refuse("config-stop-signal", "config.StopSignal", "%q is no signal of Linux", clip(s))
	}
	return nil
}

// Bounds of health checks. A check is a process that starts in the container each time.
const (
	minInterval = time.Second
	minTimeout  = 100 * time.Millisecond
	maxDuration = 24 * time.Hour
	maxRetries  = 1000
)

// checkHealth checks the form and the pace of the health check.
func checkHealth(img *dockerspec.DockerOCIImage) error {
	h := img.Config.Healthcheck
	if h == nil {
		return nil
	}
	const name = "config.Healthcheck"
	if err := checkStrings(name+".Test", h.Test); err != nil {
		return err
	}
	if len(h.Test) > 0 {
		switch kind := h.Test[0]; {
		case kind == "NONE" && len(h.Test) == 1, kind == "CMD" && len(h.Test) > 1, kind == "CMD-SHELL" && len(h.Test) == 2:
		default:
			return hostile.Refuse("config-healthcheck", name+".Test", "it is none of NONE, CMD with arguments, CMD-SHELL with one command")
		}
	}
	for _, d := range []struct {
		name       string
		value, min time.Duration
	}{
		{"Interval", h.Interval, minInterval}, {"StartInterval", h.StartInterval, minInterval},
		{"Timeout", h.Timeout, minTimeout}, {"StartPeriod", h.StartPeriod, 0},
	} {
		if d.value != 0 && (d.value < d.min || d.value > maxDuration) {
			return hostile.Refuse("config-healthcheck", name+"."+d.name, "%v is not between %v and %v", d.value, d.min, maxDuration)
		}
	}
	if h.Retries < 0 || h.Retries > maxRetries {
		return hostile.Refuse("config-healthcheck", name+".Retries", "%d is not between 0 and %d", h.Retries, maxRetries)
	}
	return nil
}
