package format

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/bailey-run/bailey/internal/prove"
)

// Table shows a report to people: a line for each control, and then each
// attack that was not proved to be blocked.
func Table(w io.Writer, r prove.Report) error {
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "CONTROL\tBLOCKED\tTHE REST")
	for _, c := range byControl(r) {
		fmt.Fprintf(table, "%s\t%d of %d\t%s\n", c.name, c.Count(prove.Blocked), len(c.Results), c.rest())
	}
	for _, name := range r.Unproven {
		fmt.Fprintf(table, "%s\tunproven\tno probe attacks it\n", name)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, v := range []prove.Verdict{prove.Succeeded, prove.Inconclusive} {
		for _, x := range r.Results {
			if x.Verdict == v {
				fmt.Fprintf(w, "\n%s: %s\n  %s as %s; %s; the twin is %s\n", strings.ToUpper(string(v)), x.Tries, x.Probe, x.As, orWorked(x.Evidence), x.Twin)
			}
		}
	}
	writeUnproven(w, r)
	_, err := fmt.Fprintf(w, "\n%s\n", Summary(r))
	return err
}

// Summary is a report in one line.
func Summary(r prove.Report) string {
	text := fmt.Sprintf("%s: %d attacks in %.1f s: %d blocked", r.Engine, len(r.Results), r.Seconds, r.Count(prove.Blocked))
	for _, v := range []prove.Verdict{prove.Succeeded, prove.Unproven, prove.Inconclusive} {
		if n := r.Count(v); n > 0 {
			text += fmt.Sprintf(", %d %s", n, v)
		}
	}
	return text
}

// writeUnproven names what this kernel cannot show, shortly: it is no fault of the engine's.
func writeUnproven(w io.Writer, r prove.Report) {
	reasons := map[string][]string{}
	var order []string
	for _, x := range r.Results {
		if x.Verdict != prove.Unproven {
			continue
		}
		reason, _, _ := strings.Cut(x.Twin, " (") // what a path adds to an error does not matter here
		if reasons[reason] == nil {
			order = append(order, reason)
		}
		if names := reasons[reason]; !slices.Contains(names, x.Probe) {
			reasons[reason] = append(names, x.Probe)
		}
	}
	if len(order) > 0 {
		fmt.Fprint(w, "\nUNPROVEN HERE: stopped, but the twin that must succeed did not, so that nothing is shown\n")
	}
	for _, reason := range order {
		fmt.Fprintf(w, "  %s:\n    %s\n", reason, strings.Join(reasons[reason], ", "))
	}
}

func orWorked(evidence string) string {
	if evidence == "" {
		return "nothing stopped it"
	}
	return evidence
}

// group is the part of a report that is about one control.
type group struct {
	prove.Report
	name string
}

// rest says how many attacks ended otherwise than blocked.
func (g group) rest() string {
	var parts []string
	for _, v := range []prove.Verdict{prove.Succeeded, prove.Unproven, prove.Inconclusive} {
		if n := g.Count(v); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v))
		}
	}
	return strings.Join(parts, ", ")
}

// byControl groups results by their control, in the order in which they come.
func byControl(r prove.Report) []group {
	var groups []group
	index := map[string]int{}
	for _, x := range r.Results {
		at, ok := index[x.Control]
		if !ok {
			at = len(groups)
			index[x.Control] = at
			groups = append(groups, group{name: x.Control})
		}
		groups[at].Results = append(groups[at].Results, x)
	}
	return groups
}
