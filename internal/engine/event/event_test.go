package event

import (
	"context"
	"testing"
	"time"

	"github.com/moby/moby/api/types/events"
)

func TestPastAndPresent(t *testing.T) {
	b := New()
	begun := time.Now()
	b.Publish(events.ContainerEventType, events.ActionCreate, "1", nil)
	past, live := b.Subscribe(context.Background(), begun)
	b.Publish(events.ContainerEventType, events.ActionStart, "1", nil)
	if len(past) != 1 || past[0].Action != events.ActionCreate {
		t.Errorf("past: %v", past)
	}
	if m := <-live; m.Action != events.ActionStart {
		t.Errorf("live: %v", m)
	}
	if past, _ := b.Subscribe(context.Background(), time.Time{}); len(past) != 0 {
		t.Errorf("a listener that did not ask for the past got %v", past)
	}
}

func TestPastIsBounded(t *testing.T) {
	b := New()
	for range history + 10 {
		b.Publish(events.ContainerEventType, events.ActionCreate, "1", nil)
	}
	if past, _ := b.Subscribe(context.Background(), time.Unix(1, 0)); len(past) != history {
		t.Errorf("%d events are kept", len(past))
	}
}

func TestPastIsBoundedByWhatItHolds(t *testing.T) {
	b := New()
	labels := make(map[string]string)
	for i := range weight / 10 {
		labels[time.Duration(i).String()] = "x"
	}
	for range 100 {
		b.Publish(events.ContainerEventType, events.ActionCreate, "1", labels)
	}
	if past, _ := b.Subscribe(context.Background(), time.Unix(1, 0)); len(past) != 10 {
		t.Errorf("%d events with %d attributes each are kept", len(past), len(labels))
	}
}

func TestLaggardIsCutOffAndHoldsUpNobody(t *testing.T) {
	b := New()
	_, lazy := b.Subscribe(context.Background(), time.Time{})
	for range backlog + 1 {
		b.Publish(events.ContainerEventType, events.ActionCreate, "1", nil)
	}
	n := 0
	for range lazy {
		n++
	}
	if n != backlog {
		t.Errorf("%d events before the end", n)
	}
}

func TestContextEndsTheChannel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	_, live := New().Subscribe(ctx, time.Time{})
	cancel()
	if _, open := <-live; open {
		t.Error("still open")
	}
}
