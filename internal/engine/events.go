package engine

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/moby/moby/api/types/events"
)

// emit publishes what happened to a container.
func (e *Engine) emit(c *cont, action events.Action, extra map[string]string) {
	rec := c.record()
	attributes := maps.Clone(rec.Config.Labels)
	if attributes == nil {
		attributes = make(map[string]string)
	}
	attributes["image"], attributes["name"] = rec.Config.Image, rec.Name
	maps.Copy(attributes, extra)
	e.events.Publish(events.ContainerEventType, action, rec.ID, attributes)
}

// Events returns what happened from Since on and what happens, until Until or
// the end of ctx. The channel is closed then.
func (e *Engine) Events(ctx context.Context, r EventsRequest) (<-chan events.Message, error) {
	if err := checkFilters(r.Filters, eventFilters); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	if !r.Until.IsZero() {
		ctx, cancel = context.WithDeadline(ctx, r.Until)
	}
	since := r.Since
	if since.IsZero() && !r.Until.IsZero() && r.Until.Before(time.Now()) {
		since = time.Unix(0, 1)
	}
	past, live := e.events.Subscribe(ctx, since)
	out := make(chan events.Message)
	go func() {
		defer cancel()
		defer close(out)
		for _, m := range past {
			if !r.Until.IsZero() && m.TimeNano > r.Until.UnixNano() {
				return
			}
			if !deliver(ctx, out, m, r.Filters, true) {
				return
			}
		}
		for m := range live {
			if !deliver(ctx, out, m, r.Filters, false) {
				return
			}
		}
	}()
	return out, nil
}

// eventFilters are Docker's. Those of a swarm fit nothing that happens on a node by itself.
var eventFilters = []string{"config", "container", "daemon", "event", "image", "label", "network", "node", "plugin", "scope", "secret", "service", "type", "volume"}

// deliver hands over an event that is wanted. Events of the past are
// delivered even when Until has gone by.
func deliver(ctx context.Context, out chan<- events.Message, m events.Message, f Filters, past bool) bool {
	if !wantsEvent(f, m) {
		return true
	}
	done := ctx.Done()
	if past && context.Cause(ctx) == context.DeadlineExceeded {
		done = nil
	}
	select {
	case out <- m:
		return true
	case <-done:
		return false
	}
}

func wantsEvent(f Filters, m events.Message) bool {
	name := m.Actor.Attributes["name"]
	match := map[string]func(string) bool{
		"type":      func(v string) bool { return string(m.Type) == v },
		"event":     func(v string) bool { return string(m.Action) == v || strings.HasPrefix(string(m.Action), v+":") },
		"container": func(v string) bool { return m.Type == events.ContainerEventType && isActor(m, name, v) },
		"image": func(v string) bool {
			return m.Type == events.ImageEventType && isActor(m, name, v) || m.Actor.Attributes["image"] == v
		},
		"volume":  func(v string) bool { return m.Type == events.VolumeEventType && isActor(m, name, v) },
		"network": func(v string) bool { return m.Type == events.NetworkEventType && isActor(m, name, v) },
		"label":   func(v string) bool { return hasLabel(m.Actor.Attributes, v) },
		"scope":   func(v string) bool { return m.Scope == v },
		"daemon":  func(string) bool { return m.Type == events.DaemonEventType },
	}
	for key, values := range f {
		test, known := match[key]
		if !known || !slices.ContainsFunc(values, test) {
			return false
		}
	}
	return true
}

func isActor(m events.Message, name, v string) bool {
	return name == v || m.Actor.ID == v || len(v) > 0 && strings.HasPrefix(m.Actor.ID, v)
}

// hasLabel matches "key" or "key=value".
func hasLabel(labels map[string]string, want string) bool {
	key, value, given := strings.Cut(want, "=")
	have, ok := labels[key]
	return ok && (!given || have == value)
}
