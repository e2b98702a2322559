package prove

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// settle is how long a node runs before it is proved by itself: what is restarted after a boot comes first.
	settle = 2 * time.Minute
	// lifetime is how long a proof counts as current.
	lifetime = 24 * time.Hour
	// retry is how long after a proof that could not be made the next one is tried.
	retry = time.Hour
)

// Change is what a proof found otherwise than the one before.
type Change struct {
	Report
	// Changed are the results whose verdict is another one now, Broken the controls that do not hold.
	Changed []Result
	Broken  []string
}

// Attributes is a change as an event carries it.
func (c Change) Attributes() map[string]string {
	return map[string]string{
		"changed": strconv.Itoa(len(c.Changed)), "broken": strings.Join(c.Broken, ","),
		"blocked": strconv.Itoa(c.Count(Blocked)), "succeeded": strconv.Itoa(c.Count(Succeeded)),
	}
}

// Watch keeps the proof of a node current until ctx ends: it proves it some
// time after the start when the version or the kernel is another one, and
// once a day, with little of the processor. failed hears of a proof that could not be made.
func (n *Node) Watch(ctx context.Context, failed func(error)) {
	wait, tidied := settle, false
	for {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
		if !tidied {
			tidied = true
			if err := n.tidy(ctx); err != nil && ctx.Err() == nil {
				failed(err)
			}
		}
		last, _, err := n.Latest(ctx)
		if err == nil {
			if wait = n.due(last, time.Now()); wait > 0 {
				continue
			}
		}
		if _, err := n.prove(ctx, "", true, nil); err != nil && ctx.Err() == nil {
			failed(err)
		}
		wait = retry
	}
}

// tidy removes the containers of a proof that ended with an earlier daemon: they may have what no policy gives, and the
// next proof may be a day away.
func (n *Node) tidy(ctx context.Context) error {
	if err := n.take(ctx); err != nil {
		return err
	}
	defer n.leave()
	api, err := inside(n.opts.Dial)
	if err != nil {
		return err
	}
	defer api.Close()
	return engine{Client: api}.sweep(ctx)
}

// due is in how long a node has to be proved again.
func (n *Node) due(last Report, now time.Time) time.Duration {
	if !n.current(last) {
		return 0
	}
	return max(last.Began.Add(lifetime).Sub(now), 0)
}

// current says that a proof is about this version of Bailey on this kernel.
func (n *Node) current(r Report) bool { return r.Engine == n.name() && r.Kernel == n.opts.Kernel }

// Broken returns the controls that the newest proof of this version on this
// kernel has shown not to hold.
func (n *Node) Broken(ctx context.Context) []string {
	last, _, err := n.Latest(ctx)
	if err != nil || !n.current(last) {
		return nil
	}
	return last.BrokenControls()
}

// BrokenControls are those on which an attack succeeded, each once.
func (r Report) BrokenControls() []string {
	var out []string
	for _, x := range r.Results {
		if x.Verdict == Succeeded && !slices.Contains(out, x.Control) {
			out = append(out, x.Control)
		}
	}
	return out
}

// since compares a report with the one before.
func (r Report) since(before Report) []Result {
	was := make(map[string]Verdict, len(before.Results))
	for _, x := range before.Results {
		was[x.Probe+" "+x.As] = x.Verdict
	}
	var out []Result
	for _, x := range r.Results {
		if v, known := was[x.Probe+" "+x.As]; known && v != x.Verdict || !known && x.Verdict == Succeeded {
			out = append(out, x)
		}
	}
	return out
}
