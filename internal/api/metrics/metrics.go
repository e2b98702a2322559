// Package metrics shows a node to Prometheus: what it runs, whether it is
// proved, and what it refused. Everything but the refusals is asked for when
// somebody looks; nothing is done before.
package metrics

import (
	"context"
	"net/http"
	"time"

	"github.com/bailey-run/bailey/internal/prove"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Rules under which refusals are counted that are no policy's.
const (
	Access  = "access"  // the caller may not do that at all
	Request = "request" // as a hostile web page would ask; see package guard
)

// Source is what is shown.
type Source struct {
	Version string
	// Containers counts containers by their state, as the Docker API names it.
	Containers func(context.Context) (map[string]int, error)
	// Proof returns the newest proof of the default posture; an error says that there is none.
	Proof func(context.Context) (prove.Report, error)
}

// Metrics is a node's. It is safe for concurrent use.
type Metrics struct {
	source   Source
	refusals *prometheus.CounterVec
	http.Handler
}

// patience is how long a look may take.
const patience = 10 * time.Second

var (
	build       = prometheus.NewDesc("bailey_build_info", "The version of Bailey; the value is 1.", []string{"version"}, nil)
	containers  = prometheus.NewDesc("bailey_containers", "Containers by state.", []string{"state"}, nil)
	attacks     = prometheus.NewDesc("bailey_proof_attacks", "Attacks of the newest proof of the default posture, by verdict. Only blocked ones are proof.", []string{"verdict"}, nil)
	proved      = prometheus.NewDesc("bailey_proof_timestamp_seconds", "When the newest proof began, in seconds since 1970.", nil, nil)
	provedTook  = prometheus.NewDesc("bailey_proof_duration_seconds", "How long the newest proof took.", nil, nil)
	states      = []string{"created", "running", "paused", "restarting", "removing", "exited", "dead"}
	verdicts    = map[string]prove.Verdict{"blocked": prove.Blocked, "succeeded": prove.Succeeded, "unproven": prove.Unproven, "inconclusive": prove.Inconclusive}
	refusalOpts = prometheus.CounterOpts{Name: "bailey_refusals_total", Help: "What was refused since the daemon started, by the rule of the policy that would allow it; " +
		"access for callers who may not do that at all, request for requests as a hostile web page makes them."}
)

// New returns the metrics of a node; nothing is looked at yet.
func New(s Source) *Metrics {
	m := &Metrics{source: s, refusals: prometheus.NewCounterVec(refusalOpts, []string{"rule"})}
	for _, rule := range []string{Access, Request} {
		m.refusals.WithLabelValues(rule) // so that the first one is seen as an increase
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(m, m.refusals)
	m.Handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{DisableCompression: true})
	return m
}

// Refused counts a refusal.
func (m *Metrics) Refused(rule string) { m.refusals.WithLabelValues(rule).Inc() }

// Describe is prometheus.Collector's.
func (m *Metrics) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{build, containers, attacks, proved, provedTook} {
		descs <- d
	}
}

// Collect is prometheus.Collector's.
func (m *Metrics) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	gauge(build, 1, m.source.Version)
	counts, err := m.source.Containers(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(containers, err)
	} else {
		for _, state := range states {
			gauge(containers, float64(counts[state]), state)
		}
	}
	report, err := m.source.Proof(ctx)
	if err != nil { // a node that was not proved has nothing to show: absent() finds it
		return
	}
	for name, verdict := range verdicts {
		gauge(attacks, float64(report.Count(verdict)), name)
	}
	gauge(proved, float64(report.Began.UnixMilli())/1000)
	gauge(provedTook, report.Seconds)
}
