package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/bailey-run/bailey/internal/cli/guard"
	"github.com/bailey-run/bailey/internal/sandbox"
	dockercli "github.com/docker/cli/cli"
	"github.com/moby/moby/client"
	"github.com/spf13/cobra"
)

// newPosture is `bailey posture`.
func (a *app) newPosture() *cobra.Command {
	var format string
	var relaxed bool
	cmd := &cobra.Command{
		Use:   "posture [OPTIONS] CONTAINER",
		Short: "Show how a container is confined, control by control",
		Long: `Show how a container is confined, control by control: what is the default, what
is in force, and who allowed the difference. The same stands, as JSON, in the
Controls and Posture of ` + "`bailey inspect`" + `.`,
		Args:                  dockercli.ExactArgs(1),
		Annotations:           map[string]string{"category-top": "5"},
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if format != "table" && format != "json" {
				return fmt.Errorf("--format %q: say table or json", format)
			}
			res, err := a.docker.Client().ContainerInspect(cmd.Context(), args[0], client.ContainerInspectOptions{})
			if err != nil {
				return err
			}
			return showPosture(a.docker.Out(), res.Raw, format, relaxed)
		},
	}
	cmd.Flags().StringVar(&format, "format", "table", `Output format ("table", "json")`)
	cmd.Flags().BoolVar(&relaxed, "relaxed", false, "Show only controls that are weaker than the default, or absent")
	return cmd
}

// showPosture prints the controls that an inspection holds.
func showPosture(w io.Writer, raw []byte, format string, relaxed bool) error {
	controls, _, err := decodeControls(raw)
	if err != nil {
		return fmt.Errorf("the node's answer cannot be read: %w", err)
	}
	if relaxed {
		kept := controls[:0]
		for _, c := range controls {
			if c.Relaxed || c.Absent {
				kept = append(kept, c)
			}
		}
		controls = kept
	}
	if format == "json" {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "    ")
		return enc.Encode(controls)
	}
	return writeControls(w, controls)
}

// decodeControls takes the controls, and warnings if any, out of a plan or an inspection.
func decodeControls(raw []byte) ([]sandbox.Control, []string, error) {
	var answer struct {
		Controls []sandbox.Control
		Warnings []string
	}
	if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&answer); err != nil {
		return nil, nil, err
	}
	if answer.Controls == nil {
		return nil, nil, errors.New("it has no controls; is it a node of Bailey's?")
	}
	return answer.Controls, answer.Warnings, nil
}

// writeControls prints a posture as a table, and counts what differs.
func writeControls(w io.Writer, controls []sandbox.Control) error {
	table := tabwriter.NewWriter(w, 0, 4, 3, ' ', 0)
	fmt.Fprintln(table, "CONTROL\tDEFAULT\tIN FORCE\tDIFFERENCE")
	relaxed, absent := 0, 0
	for _, c := range controls {
		actual, difference := c.Actual, ""
		switch {
		case c.Absent:
			absent++
			difference = "absent on this host"
		case c.Relaxed:
			relaxed++
			difference = "WEAKER, allowed by " + orNobody(c.AllowedBy)
		case actual == c.Default:
			actual = "="
		default:
			difference = "no weaker"
		}
		if c.Reason != "" {
			difference = strings.TrimPrefix(difference+": "+c.Reason, ": ")
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", guard.Cell(c.Control), guard.Cell(c.Default), guard.Cell(actual), guard.Cell(difference))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%d controls: %d weaker than the default, %d absent on this host\n", len(controls), relaxed, absent)
	return err
}

func orNobody(by string) string {
	if by == "" {
		return "nobody known"
	}
	return by
}
