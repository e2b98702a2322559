package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/bailey-run/bailey/internal/build/lint"
	"github.com/bailey-run/bailey/internal/build/scaffold"
	"github.com/bailey-run/bailey/internal/cli/guard"
	dockercli "github.com/docker/cli/cli"
	"github.com/google/uuid"
	"github.com/spf13/cobra"
)

// newInit is `bailey init`.
func (a *app) newInit() *cobra.Command {
	var o scaffold.Options
	cmd := &cobra.Command{
		Use:   "init [OPTIONS] [DIR]",
		Short: "Write a Dockerfile for a Go, Node.js, Python or static-site directory",
		Long: `Write a Dockerfile and a .dockerignore for a Go, Node.js, Python or static-site
directory: a small image with a user that is not root, which runs in the default
posture and passes ` + "`bailey build --lint`" + `. What is there is not overwritten.`,
		Args:                  dockercli.RequiresMaxArgs(1),
		DisableFlagsInUseLine: true,
		RunE: func(_ *cobra.Command, args []string) error {
			return named(a.initialise(append(args, ".")[0], o))
		},
	}
	cmd.Flags().StringVar(&o.Kind, "kind", "", "What the directory is, where it could be several things (go, node, python, static)")
	cmd.Flags().StringVar(&o.Entry, "entry", "", "The program to start: a package's directory (Go) or a file (Node.js, Python)")
	return cmd
}

// initialise plans, writes, and says what it did.
func (a *app) initialise(dir string, o scaffold.Options) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if _, err := root.Lstat("Dockerfile"); err == nil {
		return fmt.Errorf("%s is there already, and nothing was written; look at it with `bailey build --lint %s`, or move it away and try again", filepath.Join(dir, "Dockerfile"), dir)
	}
	plan, err := scaffold.New(root.FS(), o)
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	var wrote, kept []string
	for _, file := range plan.Files {
		switch err := writeNew(root, file.Name, file.Text); {
		case err == nil:
			wrote = append(wrote, file.Name)
		case errors.Is(err, fs.ErrExist) && file.Name != "Dockerfile":
			kept = append(kept, file.Name)
		default:
			return err
		}
	}
	return a.sayPlan(dir, plan, wrote, kept)
}

// sayPlan says what was found, what was written, and what comes next.
func (a *app) sayPlan(dir string, plan scaffold.Plan, wrote, kept []string) error {
	in, _, err := a.lintInput(dir, lintOptions{})
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Found %s.\nWrote %s in %s.\n", strings.Join(plan.Detected, "; "), strings.Join(wrote, " and "), dir)
	for _, name := range kept {
		fmt.Fprintf(&b, "Kept the %s that was there.\n", name)
	}
	report := lint.Run(in)
	fmt.Fprintf(&b, "The linter says: %d errors, %d warnings, %d notes.\n", report.Count(lint.Error), report.Count(lint.Warning), report.Count(lint.Note))
	b.WriteString("\nNext:\n")
	for _, line := range plan.Next {
		fmt.Fprintf(&b, "    %s\n", line)
	}
	for _, warning := range plan.Warnings {
		if _, err := fmt.Fprintln(a.docker.Err(), "WARNING:", guard.Cell(warning)); err != nil {
			return err
		}
	}
	_, err = io.WriteString(a.docker.Out(), b.String())
	return err
}

// writeNew writes a file that must not exist, whole or not at all.
func writeNew(root *os.Root, name, text string) error {
	temporary := ".bailey-init-" + uuid.NewString()
	if err := root.WriteFile(temporary, []byte(text), 0o644); err != nil {
		return err
	}
	return errors.Join(root.Link(temporary, name), root.Remove(temporary))
}
