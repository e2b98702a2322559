package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// results are all samples, in the order in which metrics and engines came.
type results struct {
	Engines []string
	Series  []*series
}

// series are the samples of one metric of one engine.
type series struct {
	Metric, Engine, Unit string
	Samples              []float64
}

// newResults is empty.
func newResults(engines []engine) *results {
	r := &results{}
	for _, e := range engines {
		r.Engines = append(r.Engines, e.Name())
	}
	return r
}

// add adds a sample.
func (r *results) add(metric, engine, unit string, sample float64) {
	s := r.find(metric, func(name string) bool { return name == engine })
	if s == nil {
		s = &series{Metric: metric, Engine: engine, Unit: unit}
		r.Series = append(r.Series, s)
	}
	s.Samples = append(s.Samples, sample)
}

// find is the first series of a metric whose engine fits.
func (r *results) find(metric string, fits func(engine string) bool) *series {
	for _, s := range r.Series {
		if s.Metric == metric && fits(s.Engine) {
			return s
		}
	}
	return nil
}

// bailey is Bailey's own series of a metric.
func (r *results) bailey(metric string) *series {
	return r.find(metric, func(name string) bool { return name == "bailey" })
}

// median is the middle sample.
func (s *series) median() float64 {
	sorted := slices.Sorted(slices.Values(s.Samples))
	if len(sorted)%2 == 0 {
		return (sorted[len(sorted)/2-1] + sorted[len(sorted)/2]) / 2
	}
	return sorted[len(sorted)/2]
}

// print shows medians, ratios and what became of the promises, and returns how many enforced ones were missed.
func (r *results) print(out io.Writer, promises []promise) (missed int) {
	fmt.Fprintln(out)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "MEASUREMENT\tENGINE\tMEDIAN\tLEAST\tMOST\tSAMPLES\tBAILEY IS")
	for _, metric := range metrics {
		own := r.bailey(metric)
		for _, s := range r.Series {
			if s.Metric != metric {
				continue
			}
			ratio := "-"
			if own != nil && own != s {
				ratio = fmt.Sprintf("%.2f ×", own.median()/s.median())
			}
			fmt.Fprintf(table, "%s\t%s\t%.2f %s\t%.2f\t%.2f\t%d\t%s\n", s.Metric, s.Engine, s.median(), s.Unit,
				slices.Min(s.Samples), slices.Max(s.Samples), len(s.Samples), ratio)
		}
	}
	fmt.Fprintln(table, "\t\t\t\t\t\t")
	fmt.Fprintln(table, "PROMISE\tAGAINST\tAT MOST\tMEASURED\tVERDICT\t\t")
	for _, p := range promises {
		measured, verdict := r.judge(p)
		if verdict == "MISSED" {
			missed++
		}
		bound := fmt.Sprintf("%g ×", p.AtMost)
		if p.Unit != "" {
			bound = fmt.Sprintf("%g %s", p.AtMost, p.Unit)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t\t\n", p.Metric, p.Against, bound, measured, verdict)
	}
	_ = table.Flush()
	return missed
}

// judge holds a promise against the samples.
func (r *results) judge(p promise) (measured, verdict string) {
	own := r.bailey(p.Metric)
	if own == nil {
		return "-", "not measured"
	}
	value := own.median()
	measured = fmt.Sprintf("%.2f %s", value, p.Unit)
	if p.Unit == "" {
		peer := r.find(p.Metric, func(name string) bool { return strings.HasPrefix(name, p.Against) })
		if peer == nil {
			return "-", "not measured: " + p.Against + " is not installed"
		}
		value /= peer.median()
		measured = fmt.Sprintf("%.2f ×", value)
	}
	switch {
	case value <= p.AtMost && p.Pending:
		return measured, "kept, still marked pending"
	case value <= p.AtMost:
		return measured, "kept"
	case p.Pending:
		return measured, "pending"
	default:
		return measured, "MISSED"
	}
}
