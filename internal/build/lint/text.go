package lint

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// WriteText writes a report for a person: each finding with its line, its rule,
// why it matters and what to write instead; what is allowed, with the reason.
func (r Report) WriteText(w io.Writer) error {
	var b strings.Builder
	allowed := 0
	for _, f := range r.Findings {
		if f.Allowed != "" {
			allowed++
			fmt.Fprintf(&b, "%s:%d: allowed: %s: %s\n    because: %s\n\n", f.File, f.Line, f.Rule, f.Message, f.Allowed)
			continue
		}
		fmt.Fprintf(&b, "%s:%d: %s: %s: %s\n    why: %s\n    fix: %s\n", f.File, f.Line, f.Level, f.Rule, f.Message, f.Why, f.Fix)
		if f.URL != "" {
			fmt.Fprintf(&b, "    see: %s\n", f.URL)
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "%s: %s, %s, %s", r.File, count(r.Count(Error), "error"), count(r.Count(Warning), "warning"), count(r.Count(Note), "note"))
	if allowed > 0 {
		fmt.Fprintf(&b, ", %d allowed", allowed)
	}
	b.WriteByte('\n')
	_, err := io.WriteString(w, b.String())
	return err
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// WriteJSON writes a report for a program.
func (r Report) WriteJSON(w io.Writer) error {
	if r.Findings == nil {
		r.Findings = []Finding{}
	}
	return writeJSON(w, struct {
		Report
		Errors   int `json:"errors"`
		Warnings int `json:"warnings"`
		Notes    int `json:"notes"`
	}{r, r.Count(Error), r.Count(Warning), r.Count(Note)})
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
