package api

import (
	"slices"
	"strings"

	"github.com/bailey-run/bailey/internal/api/strict"
	"github.com/bailey-run/bailey/internal/engine"
)

// Limits of the filters parameter.
const (
	maxFilterBytes  = 64 << 10
	maxFilterValues = 1000
)

// filters reads the parameter of that name, in both of Docker's forms:
// {"label":["a"]} and {"label":{"a":true}}. A value that is said to be false,
// as Docker's own clients never say, is refused: Docker would take it as true.
func (q *query) filters() engine.Filters {
	raw := q.text("filters")
	if raw == "" {
		return nil
	}
	f, err := parseFilters(raw)
	if err != nil && q.err == nil {
		q.err = err
	}
	return f
}

func parseFilters(raw string) (engine.Filters, error) {
	limits := strict.Options{MaxBytes: maxFilterBytes, MaxDepth: 2, MaxValues: maxFilterValues}
	lists, err := strict.Decode[map[string][]string](strings.NewReader(raw), limits)
	if err == nil {
		return lists, nil
	}
	sets, setErr := strict.Decode[map[string]map[string]bool](strings.NewReader(raw), limits)
	if setErr != nil {
		return nil, invalid(`invalid filters: write {"key":["value"]} or {"key":{"value":true}}: %s`, reason(err, setErr))
	}
	f := make(engine.Filters, len(sets))
	for key, set := range sets {
		values := make([]string, 0, len(set))
		for value, on := range set {
			if !on {
				return nil, invalid("invalid filters: the value %q of %q is given as false; leave it out", shorten(value), shorten(key))
			}
			values = append(values, value)
		}
		slices.Sort(values)
		f[key] = values
	}
	return f, nil
}

// reason picks of the errors of both forms the one that came further.
func reason(list, set error) string {
	a, okA := list.(*strict.Error)
	b, okB := set.(*strict.Error)
	switch {
	case okA && okB && a.Offset > b.Offset:
		return a.Reason
	case okB:
		return b.Reason
	}
	return set.Error()
}
