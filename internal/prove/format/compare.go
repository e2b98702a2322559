package format

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/bailey-run/bailey/internal/prove"
)

// Compare shows reports of several engines side by side: for each attack that
// they do not all block, what became of it, and how many each blocked.
func Compare(w io.Writer, reports []prove.Report) error {
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprint(table, "ATTACK\tAS")
	for _, r := range reports {
		fmt.Fprintf(table, "\t%s", r.Engine)
	}
	fmt.Fprintln(table)
	same := 0
	for _, row := range rows(reports) {
		if row.agreed() {
			same++
			continue
		}
		fmt.Fprintf(table, "%s\t%s", row.first.Tries, row.first.As)
		for _, v := range row.verdicts {
			fmt.Fprintf(table, "\t%s", v)
		}
		fmt.Fprintln(table)
	}
	fmt.Fprintf(table, "%d attacks more, with the same end everywhere\t%s\n", same, strings.Repeat("\t", len(reports)))
	for _, v := range []prove.Verdict{prove.Blocked, prove.Succeeded, prove.Unproven, prove.Inconclusive} {
		fmt.Fprintf(table, "together %s\t", v)
		for _, r := range reports {
			fmt.Fprintf(table, "\t%d", r.Count(v))
		}
		fmt.Fprintln(table)
	}
	return table.Flush()
}

// row is one attack on every engine.
type row struct {
	first    prove.Result
	verdicts []prove.Verdict
}

func (r row) agreed() bool {
	for _, v := range r.verdicts {
		if v != r.verdicts[0] {
			return false
		}
	}
	return true
}

// rows puts results of one attack beside each other. What an engine has no
// result for stays empty.
func rows(reports []prove.Report) []row {
	var out []row
	index := map[string]int{}
	for at, report := range reports {
		for _, x := range report.Results {
			key := x.Probe + " " + x.As
			i, ok := index[key]
			if !ok {
				i = len(out)
				index[key] = i
				out = append(out, row{first: x, verdicts: make([]prove.Verdict, len(reports))})
			}
			out[i].verdicts[at] = x.Verdict
		}
	}
	return out
}
