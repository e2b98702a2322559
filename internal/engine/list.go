package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/bailey-run/bailey/internal/network"
	"github.com/containerd/errdefs"
	units "github.com/docker/go-units"
	"github.com/moby/moby/api/types/container"
)

// List returns the containers that are wanted, newest first.
func (e *Engine) List(ctx context.Context, o ListOptions) ([]container.Summary, error) {
	if err := checkFilters(o.Filters, containerFilters); err != nil {
		return nil, err
	}
	out := []container.Summary{}
	all := e.all()
	for _, c := range all {
		rec := c.record()
		state := e.apiState(c, &rec)
		if !o.All && o.Limit == 0 && len(o.Filters["status"]) == 0 && !state.Running {
			continue
		}
		ok, err := e.matches(o.Filters, &rec, state)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		s := e.summary(c, &rec, state)
		s.ImageManifestDescriptor = e.imageManifest(ctx, rec.ImageID)
		if o.Size {
			s.SizeRw, s.SizeRootFs = e.sizes(&rec)
		}
		out = append(out, s)
		if o.Limit > 0 && len(out) == o.Limit {
			break
		}
	}
	return out, ctx.Err()
}

func (e *Engine) summary(c *cont, rec *store.Container, state *container.State) container.Summary {
	s := container.Summary{
		ID: rec.ID, Names: []string{"/" + rec.Name}, Image: rec.Config.Image, ImageID: rec.ImageID,
		Command: strings.Join(rec.Args, " "), Created: rec.Created.Unix(), Labels: rec.Config.Labels,
		State: state.Status, Status: statusText(rec, state, time.Now()), Mounts: apiMounts(rec),
		NetworkSettings: &container.NetworkSettingsSummary{Networks: e.networkSettings(c, rec).Networks},
		Ports:           []container.PortSummary{},
	}
	if s.Labels == nil {
		s.Labels = map[string]string{}
	}
	s.HostConfig.NetworkMode = string(rec.HostConfig.NetworkMode)
	s.HostConfig.Annotations = rec.HostConfig.Annotations
	if state.Health != nil {
		s.Health = &container.HealthSummary{Status: state.Health.Status, FailingStreak: state.Health.FailingStreak}
	}
	if state.Running {
		a, _ := e.opts.Networks.Attachment(rec.ID)
		s.Ports = portSummaries(a, rec.Config.ExposedPorts)
	}
	return s
}

// statusText is the sentence that `ps` shows.
func statusText(rec *store.Container, s *container.State, now time.Time) string {
	since := func(t time.Time) string { return units.HumanDuration(now.Sub(t)) }
	switch rec.State.Status {
	case store.Restarting:
		return fmt.Sprintf("Restarting (%d) %s ago", s.ExitCode, since(rec.State.FinishedAt))
	case store.Paused:
		return fmt.Sprintf("Up %s (Paused)", since(rec.State.StartedAt))
	case store.Running:
		text := "Up " + since(rec.State.StartedAt)
		if s.Health == nil {
			return text
		}
		if s.Health.Status == container.Starting {
			return text + " (health: starting)"
		}
		return fmt.Sprintf("%s (%s)", text, s.Health.Status)
	case store.Exited:
		return fmt.Sprintf("Exited (%d) %s ago", s.ExitCode, since(rec.State.FinishedAt))
	case store.Removing:
		return "Removal In Progress"
	case store.Dead:
		return "Dead"
	}
	return "Created"
}

var containerFilters = []string{
	"ancestor", "annotation", "before", "exited", "expose", "health", "id", "isolation", "is-task", "label", "label!", "name", "network",
	"publish", "since", "status", "volume", "until",
}

// matches says whether a container passes every filter; of one filter's
// values one is enough, but labels must match all.
func (e *Engine) matches(f Filters, rec *store.Container, s *container.State) (bool, error) {
	tests := map[string]func(string) bool{
		"id":     func(v string) bool { return strings.HasPrefix(rec.ID, v) },
		"name":   func(v string) bool { return nameMatches(rec.Name, v) },
		"status": func(v string) bool { return string(s.Status) == v },
		"exited": func(v string) bool { return rec.State.Status == store.Exited && fmt.Sprint(s.ExitCode) == v },
		"ancestor": func(v string) bool {
			return rec.Config.Image == v || strings.HasPrefix(rec.ImageID, v) || strings.HasPrefix(rec.ImageID, "sha256:"+v) || strings.TrimSuffix(rec.Config.Image, ":latest") == v
		},
		"volume": func(v string) bool {
			return slices.ContainsFunc(rec.Mounts, func(m store.Mount) bool { return m.Name == v || m.Destination == v || m.Source == v })
		},
		"network": func(v string) bool { return e.onNetwork(rec, v) },
		"health": func(v string) bool {
			return s.Health == nil && v == "none" || s.Health != nil && string(s.Health.Status) == v
		},
		"publish":   func(v string) bool { return hasPort(rec, v, true) },
		"expose":    func(v string) bool { return hasPort(rec, v, false) },
		"isolation": func(string) bool { return true },
		"is-task":   func(v string) bool { return v == "false" || v == "0" },
	}
	for key, values := range f {
		ok := true
		switch key {
		case "label":
			ok = !slices.ContainsFunc(values, func(v string) bool { return !hasLabel(rec.Config.Labels, v) })
		case "annotation":
			ok = !slices.ContainsFunc(values, func(v string) bool { return !hasLabel(rec.HostConfig.Annotations, v) })
		case "label!":
			ok = !slices.ContainsFunc(values, func(v string) bool { return hasLabel(rec.Config.Labels, v) })
		case "before", "since", "until":
			var err error
			if ok, err = e.matchesTime(key, values, rec); err != nil {
				return false, err
			}
		default:
			ok = slices.ContainsFunc(values, tests[key])
		}
		if !ok {
			return false, nil
		}
	}
	return true, nil
}

func (e *Engine) matchesTime(key string, values []string, rec *store.Container) (bool, error) {
	for _, v := range values {
		if key == "until" {
			t, err := parseTime(v, time.Now())
			if err != nil {
				return false, err
			}
			if !rec.Created.Before(t) {
				return false, nil
			}
			continue
		}
		other, err := e.find(v)
		if err != nil {
			return false, err
		}
		d := rec.Created.Compare(other.record().Created)
		if key == "before" && d >= 0 || key == "since" && d <= 0 {
			return false, nil
		}
	}
	return true, nil
}

// parseTime reads a duration before now, a Unix time or an RFC 3339 time.
func parseTime(v string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(v); err == nil {
		return now.Add(-d), nil
	}
	var sec, nsec int64
	if n, _ := fmt.Sscanf(v, "%d.%d", &sec, &nsec); n > 0 && !strings.ContainsAny(v, "-T:") {
		return time.Unix(sec, nsec), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, v, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("time %q: give a duration such as 10m, a Unix time or an RFC 3339 time: %w", v, errdefs.ErrInvalidArgument)
}

// nameMatches is Docker's rule: a substring, or a pattern anchored by ^ and $.
func nameMatches(name, v string) bool {
	v = strings.Replace(v, "/", "", 1)
	prefix, suffix := strings.HasPrefix(v, "^"), strings.HasSuffix(v, "$")
	v = strings.TrimSuffix(strings.TrimPrefix(v, "^"), "$")
	switch {
	case prefix && suffix:
		return name == v
	case prefix:
		return strings.HasPrefix(name, v)
	case suffix:
		return strings.HasSuffix(name, v)
	}
	return strings.Contains(name, v)
}

func (e *Engine) onNetwork(rec *store.Container, v string) bool {
	if a, ok := e.opts.Networks.Attachment(rec.ID); ok {
		return slices.ContainsFunc(a.Endpoints, func(ep network.Endpoint) bool {
			return ep.Network == v || len(v) >= 4 && strings.HasPrefix(ep.NetworkID, v)
		})
	}
	return rec.Posture.Network.Name == v || slices.Contains(rec.Posture.Network.More, v) || rec.Posture.Network.Name == "default" && v == network.Bridge
}
