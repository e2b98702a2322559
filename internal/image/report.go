package image

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/bailey-run/bailey/internal/image/unpack"
)

// pace is the least time between two events about the same bytes.
const pace = 100 * time.Millisecond

// reporter sends events to a Progress one at a time. A nil Progress is allowed.
type reporter struct {
	mu sync.Mutex
	to Progress
}

// send sends one event.
func (r *reporter) send(e Event) {
	if r.to == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.to(e)
}

// warn tells what was left out of a layer.
func (r *reporter) warn(id string, w unpack.Warnings) {
	for _, line := range []struct {
		n    int
		what string
	}{
		{w.SetID, "dropped setuid or setgid bits of %d files"},
		{w.Capabilities, "dropped file capabilities of %d files"},
		{w.Xattrs, "dropped %d extended attributes other than user.*"},
		{w.Devices, "left out %d device nodes"},
	} {
		if line.n > 0 {
			r.send(Event{ID: id, Status: "Warning: " + fmt.Sprintf(line.what, line.n)})
		}
	}
}

// watch reports how much of r was read.
func (r *reporter) watch(id, status string, total int64, from io.Reader) io.Reader {
	if r.to == nil {
		return from
	}
	return &watched{r: from, report: r, event: Event{ID: id, Status: status, Total: total}}
}

// watched is a reader that reports.
type watched struct {
	r      io.Reader
	report *reporter
	event  Event
	last   time.Time
}

// Read reports at most once per pace.
func (w *watched) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	w.event.Current += int64(n)
	if now := time.Now(); now.Sub(w.last) >= pace {
		w.last = now
		w.report.send(w.event)
	}
	return n, err
}
