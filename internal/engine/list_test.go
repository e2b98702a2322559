package engine

import (
	"testing"
	"time"

	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
)

func TestNameMatches(t *testing.T) {
	cases := []struct {
		name, pattern string
		want          bool
	}{
		{"web_1", "web", true}, {"web_1", "^web", true}, {"web_1", "^eb", false}, {"web_1", "1$", true},
		{"web_1", "^/web_1$", true}, {"web_1", "/web", true}, {"web_1", "^web$", false},
	}
	for _, c := range cases {
		if got := nameMatches(c.name, c.pattern); got != c.want {
			t.Errorf("%s against %s: %v", c.name, c.pattern, got)
		}
	}
}

func TestStatusText(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	rec := func(s store.Status) *store.Container {
		return &store.Container{State: store.State{Status: s, ExitCode: 3, StartedAt: now.Add(-2 * time.Hour), FinishedAt: now.Add(-time.Minute)}}
	}
	healthy := &container.State{Health: &container.Health{Status: container.Healthy}}
	cases := map[string]string{
		"Up 2 hours":                        statusText(rec(store.Running), &container.State{}, now),
		"Up 2 hours (healthy)":              statusText(rec(store.Running), healthy, now),
		"Up 2 hours (Paused)":               statusText(rec(store.Paused), &container.State{}, now),
		"Exited (3) About a minute ago":     statusText(rec(store.Exited), &container.State{ExitCode: 3}, now),
		"Restarting (3) About a minute ago": statusText(rec(store.Restarting), &container.State{ExitCode: 3}, now),
		"Created":                           statusText(rec(store.Created), &container.State{}, now),
	}
	for want, got := range cases {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestParseTime(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"10m":                  now.Add(-10 * time.Minute),
		"1767268800":           time.Unix(1767268800, 0),
		"2026-01-01T11:00:00Z": now.Add(-time.Hour),
	} {
		if got, err := parseTime(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
	if _, err := parseTime("soon", now); err == nil {
		t.Error("nonsense was read as a time")
	}
}

func TestWantsEvent(t *testing.T) {
	m := events.Message{Type: events.ContainerEventType, Action: "health_status: healthy", Actor: events.Actor{ID: "abc123", Attributes: map[string]string{"name": "web", "image": "nginx", "tier": "1"}}}
	cases := map[string]struct {
		f    Filters
		want bool
	}{
		"none":             {nil, true},
		"type":             {Filters{"type": {"container"}}, true},
		"other type":       {Filters{"type": {"image"}}, false},
		"event by prefix":  {Filters{"event": {"health_status"}}, true},
		"one of two":       {Filters{"event": {"die", "health_status"}}, true},
		"container by id":  {Filters{"container": {"abc"}}, true},
		"name":             {Filters{"container": {"web"}}, true},
		"image":            {Filters{"image": {"nginx"}}, true},
		"label":            {Filters{"label": {"tier=1"}}, true},
		"wrong label":      {Filters{"label": {"tier=2"}}, false},
		"all must match":   {Filters{"type": {"container"}, "label": {"tier=2"}}, false},
		"unknown is never": {Filters{"colour": {"red"}}, false},
	}
	for name, c := range cases {
		if got := wantsEvent(c.f, m); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestHealthRule(t *testing.T) {
	h := &health{status: container.Starting}
	result := func(code int) *container.HealthcheckResult { return &container.HealthcheckResult{ExitCode: code} }
	steps := []struct {
		code     int
		starting bool
		want     container.HealthStatus
	}{
		{1, true, container.Starting}, {1, true, container.Starting}, {0, true, container.Healthy},
		{1, false, container.Healthy}, {1, false, container.Healthy}, {1, false, container.Unhealthy}, {0, false, container.Healthy},
	}
	for i, s := range steps {
		if _, now := h.add(result(s.code), 3, s.starting); now != s.want {
			t.Errorf("step %d: %s, want %s", i, now, s.want)
		}
	}
	if len(h.state().Log) != healthKept {
		t.Errorf("%d results are kept", len(h.state().Log))
	}
}
