package prove

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// WriteTable shows a report to people: a line for each control, and below
// each attack that was not proved to be stopped.
func (r Report) WriteTable(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "CONTROL\tBLOCKED\tWHAT THE REST DID")
	for _, c := range r.byControl() {
		fmt.Fprintf(table, "%s\t%d of %d\t%s\n", c.name, c.count(Blocked), len(c.results), c.rest())
	}
	for _, name := range r.Unproven {
		fmt.Fprintf(table, "%s\tunproven\tno probe attacks it\n", name)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, v := range []Verdict{Succeeded, Inconclusive, Unproven} {
		for _, x := range r.Results {
			if x.Verdict == v {
				fmt.Fprintf(w, "\n%s: %s as %s (%s)\n    here: %s; twin %s\n", v, x.Tries, x.As, x.Probe, orWorked(x.Evidence), x.Twin)
			}
		}
	}
	_, err := fmt.Fprintf(w, "\n%s: %d attempts in %.1f s: %d blocked, %d succeeded, %d unproven here, %d inconclusive\n",
		r.Engine, len(r.Results), r.Seconds, r.Count(Blocked), r.Count(Succeeded), r.Count(Unproven), r.Count(Inconclusive))
	return err
}

func orWorked(evidence string) string {
	if evidence == "" {
		return "it worked"
	}
	return evidence
}

// group is the results about one control.
type group struct {
	name    string
	results []Result
}

func (g group) count(v Verdict) int { return Report{Results: g.results}.Count(v) }

// rest says how many attacks ended otherwise than blocked.
func (g group) rest() string {
	text := ""
	for _, v := range []Verdict{Succeeded, Unproven, Inconclusive} {
		if n := g.count(v); n > 0 {
			text += fmt.Sprintf("%d %s  ", n, v)
		}
	}
	return text
}

// byControl groups results by their control, in the order in which they come.
func (r Report) byControl() []group {
	var groups []group
	index := map[string]int{}
	for _, x := range r.Results {
		at, ok := index[x.Control]
		if !ok {
			at = len(groups)
			index[x.Control] = at
			groups = append(groups, group{name: x.Control})
		}
		groups[at].results = append(groups[at].results, x)
	}
	return groups
}
