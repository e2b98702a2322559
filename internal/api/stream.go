package api

import (
	"context"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/bailey-run/bailey/internal/image"
	"github.com/moby/moby/api/types"
	"github.com/moby/moby/api/types/jsonstream"
)

// encodeLine writes one value as a line of JSON.
func encodeLine(w io.Writer, value any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(value)
}

// each calls f with what comes, until the channel is closed, ctx ends or f fails.
func each[T any](ctx context.Context, values <-chan T, f func(T) error) error {
	for {
		select {
		case v, ok := <-values:
			if !ok {
				return nil
			}
			if err := f(v); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// addr shows an address; "" when there is none.
func addr(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// streamTypes are the forms in which a stream of JSON values can be had, the preferred first.
var streamTypes = []string{types.MediaTypeJSONLines, types.MediaTypeNDJSON, types.MediaTypeJSONSequence}

// accepted returns the form that the Accept header names with the highest
// weight, or fallback when it names none. Wildcards name none.
func accepted(h http.Header, fallback string) string {
	best, bestWeight := fallback, 0.0
	for part := range strings.SplitSeq(strings.Join(h["Accept"], ","), ",") {
		media, params, err := mime.ParseMediaType(part)
		if err != nil || !slices.Contains(streamTypes, media) {
			continue
		}
		weight := 1.0
		if q, given := params["q"]; given {
			if weight, err = strconv.ParseFloat(q, 64); err != nil {
				continue
			}
		}
		if weight > bestWeight {
			best, bestWeight = media, weight
		}
	}
	return best
}

// progressMessage is a line of progress. Clients before API 1.48 look for the
// error where Error2 stands.
type progressMessage struct {
	jsonstream.Message
	Error2 string `json:"error,omitempty"`
}

// progress sends what goes on as lines of JSON, each at once. The answer begins
// with the first, so that a failure before it can still have a status of its own.
type progress struct {
	c     *call
	quiet bool // only remarks about the whole
	loads bool // remarks are said as those of a load, which is not a status but a text
	mu    sync.Mutex
	err   error // why nothing can be sent any more
}

func (p *progress) report(e image.Event) {
	if p.quiet && e.ID != "" {
		return
	}
	if e.Pushed != nil {
		p.send(progressMessage{Message: jsonstream.Message{Aux: pushed(e)}})
		return
	}
	if p.loads && e.ID == "" {
		p.send(progressMessage{Message: jsonstream.Message{Stream: clean(e.Status) + "\n"}})
		return
	}
	m := progressMessage{Message: jsonstream.Message{ID: clean(e.ID), Status: clean(e.Status)}}
	if e.Current != 0 || e.Total != 0 {
		m.Progress = &jsonstream.Progress{Current: e.Current, Total: e.Total}
	}
	p.send(m)
}

// pushed tells a program what was pushed, as Docker does.
func pushed(e image.Event) *json.RawMessage {
	text, err := json.Marshal(map[string]any{"Tag": e.ID, "Digest": e.Pushed.Digest, "Size": e.Pushed.Size})
	if err != nil {
		return nil // unreachable: texts and numbers
	}
	raw := json.RawMessage(text)
	return &raw
}

func (p *progress) send(m progressMessage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return
	}
	if !p.c.w.begun {
		p.c.w.Header().Set("Content-Type", "application/json")
	}
	if p.err = encodeLine(p.c.w, m); p.err == nil {
		p.err = p.c.flush()
	}
}

// finish ends the answer. An error after the first line becomes the last line.
func (p *progress) finish(err error) error {
	p.mu.Lock()
	begun := p.c.w.begun
	p.mu.Unlock()
	switch {
	case err == nil && !begun:
		p.c.w.Header().Set("Content-Type", "application/json")
		return p.c.empty(http.StatusOK)
	case err == nil:
		return nil
	case !begun:
		return err
	}
	p.c.s.log.Info("request failed after its answer began", "action", p.c.route.action, "error", message(err))
	text := message(err)
	p.send(progressMessage{Message: jsonstream.Message{Error: &jsonstream.Error{Code: status(err), Message: text}}, Error2: text})
	return nil
}
