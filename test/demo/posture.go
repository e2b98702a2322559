package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
)

// control is one row of a posture as `bailey posture` shows it.
type control struct {
	Control, Default, Actual, AllowedBy string
	Relaxed, Absent                     bool
}

// showPosture prints the controls that web runs with.
func (d *demo) showPosture(ctx context.Context) error {
	result := d.node.Bailey(ctx, "posture", "--format", "json", "web")
	if result.Code != 0 {
		return errors.New(result.Stderr)
	}
	var controls []control
	if err := json.Unmarshal([]byte(result.Stdout), &controls); err != nil {
		return fmt.Errorf("bailey posture: %w", err)
	}
	if len(controls) == 0 {
		return errors.New("bailey posture showed no controls")
	}
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "CONTROL\tIN FORCE\tDEFAULT")
	for _, c := range controls {
		state := "no weaker"
		switch {
		case c.Actual == c.Default:
			state = "="
		case c.Absent:
			state = "absent on this host"
		case c.Relaxed:
			state = "relaxed by " + c.AllowedBy
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", c.Control, cut(c.Actual, 80), state)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	d.out.show(text.String())
	return nil
}

// cut shortens a text to n characters.
func cut(text string, n int) string {
	runes := []rune(text)
	if len(runes) <= n {
		return text
	}
	return string(runes[:n-1]) + "…"
}
