// Package event carries what happens on a node to whoever listens, and keeps
// the recent past so that a listener can ask for it.
package event

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/moby/moby/api/types/events"
)

const (
	// history is how many events are kept for `since`.
	history = 1024
	// weight bounds their attributes together: those carry an image's labels.
	weight = 64 << 10
	// backlog is how many events a slow listener may lag behind before it is cut off.
	backlog = 256
)

// Bus delivers events in order. A listener that does not keep up is closed
// rather than allowed to hold up the node. The zero value is not usable.
type Bus struct {
	mu        sync.Mutex
	past      []events.Message
	weight    int // attributes in past
	listeners map[chan events.Message]struct{}
	now       func() time.Time
}

// New returns an empty bus.
func New() *Bus {
	return &Bus{listeners: make(map[chan events.Message]struct{}), now: time.Now}
}

// Publish stamps the event and gives it to every listener. It never blocks.
func (b *Bus) Publish(kind events.Type, action events.Action, id string, attributes map[string]string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	m := events.Message{
		Type:     kind,
		Action:   action,
		Actor:    events.Actor{ID: id, Attributes: attributes},
		Scope:    "local",
		Time:     now.Unix(),
		TimeNano: now.UnixNano(),
	}
	b.past = append(b.past, m)
	b.weight += len(attributes)
	for len(b.past) > history || b.weight > weight && len(b.past) > 1 {
		b.weight -= len(b.past[0].Actor.Attributes)
		b.past = slices.Delete(b.past, 0, 1)
	}
	for ch := range b.listeners {
		select {
		case ch <- m:
		default:
			delete(b.listeners, ch)
			close(ch)
		}
	}
}

// Subscribe returns the past from since (none when zero) and a channel with
// what comes. The channel is closed when ctx ends or the listener lags too far.
func (b *Bus) Subscribe(ctx context.Context, since time.Time) ([]events.Message, <-chan events.Message) {
	ch := make(chan events.Message, backlog)
	b.mu.Lock()
	defer b.mu.Unlock()
	var past []events.Message
	if !since.IsZero() {
		for _, m := range b.past {
			if m.TimeNano >= since.UnixNano() {
				past = append(past, m)
			}
		}
	}
	b.listeners[ch] = struct{}{}
	context.AfterFunc(ctx, func() { b.drop(ch) })
	return past, ch
}

func (b *Bus) drop(ch chan events.Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.listeners[ch]; ok {
		delete(b.listeners, ch)
		close(ch)
	}
}
