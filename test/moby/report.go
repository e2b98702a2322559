package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
)

// report prints how many tests of each suite came to what.
func report(w io.Writer, results map[string][]outcome) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "engine\tsuite\tpass\tfail\tskip\t")
	for _, name := range slices.Sorted(maps.Keys(results)) {
		count := map[string]map[string]int{}
		for _, o := range results[name] {
			for _, suite := range []string{o.Suite, "~all"} { // sorts behind the others
				if count[suite] == nil {
					count[suite] = map[string]int{}
				}
				count[suite][o.Result]++
			}
		}
		for _, suite := range slices.Sorted(maps.Keys(count)) {
			c := count[suite]
			fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%d\t\n", name, suite, c[passed], c[failed], c[skipped])
		}
	}
	_ = table.Flush() // of the terminal
	reasons := map[string]int{}
	for _, o := range results[baileyName] {
		if o.Result == failed {
			reasons[o.Why]++
		}
	}
	for _, why := range slices.Sorted(maps.Keys(reasons)) {
		fmt.Fprintf(w, "%s fails %d: %s\n", baileyName, reasons[why], why)
	}
}
