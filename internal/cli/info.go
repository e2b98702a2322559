package cli

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/bailey-run/bailey/internal/cli/guard"
	dockercli "github.com/docker/cli/cli"
	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/templates"
	units "github.com/docker/go-units"
	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/client"
	"github.com/spf13/cobra"
)

// clientInfo is this side of `bailey info`.
type clientInfo struct {
	Version, GoVersion, Os, Arch, Host, ConfigDir string
}

// nodeInfo is what `bailey info` shows. Templates that were written for
// Docker's find the node's fields where Docker has them.
type nodeInfo struct {
	system.Info
	ClientInfo clientInfo
}

// newInfo is `bailey info`. It is not Docker's, because that one executes every
// CLI plugin it finds.
func (a *app) newInfo() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:                   "info [OPTIONS]",
		Short:                 "Display information about the node",
		Args:                  dockercli.NoArgs,
		Annotations:           map[string]string{"category-top": "12", "aliases": "bailey system info, bailey info"},
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			res, err := a.docker.Client().Info(cmd.Context(), client.InfoOptions{})
			if err != nil {
				return err
			}
			return showInfo(a.docker.Out(), nodeInfo{Info: res.Info, ClientInfo: a.clientInfo()}, format)
		},
	}
	cmd.Flags().StringVarP(&format, "format", "f", "", `Format output: "json", or a Go template`)
	return cmd
}

func (a *app) clientInfo() clientInfo {
	return clientInfo{
		Version: a.Version, GoVersion: runtime.Version(), Os: runtime.GOOS, Arch: runtime.GOARCH,
		Host: a.target.url, ConfigDir: config.Dir(),
	}
}

// showInfo prints in the given format, or for people when there is none.
func showInfo(w io.Writer, info nodeInfo, format string) error {
	switch format {
	case "":
		return writeInfo(w, info)
	case "json":
		return json.NewEncoder(w).Encode(info)
	}
	tmpl, err := templates.Parse(format)
	if err != nil {
		return dockercli.StatusError{StatusCode: 64, Status: "template parsing error: " + err.Error()}
	}
	var out bytes.Buffer
	if err := tmpl.Execute(&out, info); err != nil {
		return fmt.Errorf("template parsing error: %w", err)
	}
	_, err = fmt.Fprintln(w, out.String())
	return err
}

// writeInfo prints what people look for.
func writeInfo(w io.Writer, info nodeInfo) error {
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(table, "%s:\t%s\n", name, guard.Cell(value))
		}
	}
	fmt.Fprintln(table, "Client")
	row("  Version", info.ClientInfo.Version)
	row("  Host", info.ClientInfo.Host)
	row("  Configuration", info.ClientInfo.ConfigDir)
	fmt.Fprintln(table, "\nNode")
	row("  Version", info.ServerVersion)
	row("  Name", info.Name)
	row("  Directory", info.DockerRootDir)
	row("  Containers", fmt.Sprintf("%d (%d running, %d paused, %d stopped)", info.Containers, info.ContainersRunning, info.ContainersPaused, info.ContainersStopped))
	row("  Images", fmt.Sprint(info.Images))
	row("  Storage", info.Driver)
	for _, status := range info.DriverStatus {
		row("    "+guard.Cell(status[0]), status[1])
	}
	for _, name := range slices.Sorted(maps.Keys(info.Runtimes)) {
		row("  Runtime", runtimeText(name, info))
	}
	controls, proof := splitProof(info.SecurityOptions)
	row("  Controls", strings.Join(controls, ", "))
	row("  Proved", proofText(proof, time.Now()))
	row("  Cgroups", strings.Trim(info.CgroupDriver+", version "+info.CgroupVersion, ", "))
	row("  Logs", info.LoggingDriver)
	fmt.Fprintln(table, "\nHost")
	row("  System", cmp.Or(info.OperatingSystem, info.OSType)+", "+info.Architecture)
	row("  Kernel", info.KernelVersion)
	row("  Processors", fmt.Sprint(info.NCPU))
	row("  Memory", fmt.Sprintf("%.1f GiB", float64(info.MemTotal)/(1<<30)))
	if err := table.Flush(); err != nil {
		return err
	}
	for _, warning := range info.Warnings {
		if _, err := fmt.Fprintln(w, "WARNING:", guard.Cell(strings.TrimPrefix(warning, "WARNING: "))); err != nil {
			return err
		}
	}
	return nil
}

// splitProof takes the newest proof out of the security options.
func splitProof(options []string) (others []string, proof string) {
	for _, o := range options {
		if rest, ok := strings.CutPrefix(o, "name=proof,"); ok {
			proof = rest
		} else {
			others = append(others, o)
		}
	}
	return others, proof
}

// proofText says of a proof when it was made and what it found.
func proofText(proof string, now time.Time) string {
	values := map[string]string{}
	for part := range strings.SplitSeq(proof, ",") {
		key, value, _ := strings.Cut(part, "=")
		values[key] = value
	}
	made, err := time.Parse(time.RFC3339, values["time"])
	if err != nil {
		return "never; run `bailey prove`"
	}
	count := func(key string) int {
		n, _ := strconv.Atoi(values[key]) // what is no number is shown as none
		return n
	}
	blocked, succeeded := count("blocked"), count("succeeded")
	text := fmt.Sprintf("%s ago: %d of %d attacks blocked", units.HumanDuration(now.Sub(made)), blocked, blocked+succeeded)
	if n := count("unproven"); n > 0 {
		text += fmt.Sprintf("; %d unproven on this kernel", n)
	}
	if n := count("inconclusive"); n > 0 {
		text += fmt.Sprintf("; %d inconclusive", n)
	}
	return text
}

// runtimeText is one OCI runtime: its name, what is executed, and what is
// known of that: version and digest.
func runtimeText(name string, info nodeInfo) string {
	r := info.Runtimes[name]
	parts := []string{name}
	if name == info.DefaultRuntime {
		parts[0] += " (default)"
		if info.RuncCommit.ID != "" {
			parts = append(parts, info.RuncCommit.ID)
		}
	}
	if r.Path != "" {
		parts = append(parts, r.Path)
	}
	for _, key := range slices.Sorted(maps.Keys(r.Status)) {
		if len(r.Status[key]) <= 100 { // a longer one is for programs, which ask for --format json
			parts = append(parts, key+" "+r.Status[key])
		}
	}
	return strings.Join(parts, ", ")
}

// versionTemplate is what `bailey version` prints when no format is asked for.
const versionTemplate = `Client: Bailey {{.Client.Version}}
 API version:	{{.Client.APIVersion}}{{if ne .Client.APIVersion .Client.DefaultAPIVersion}} (downgraded from {{.Client.DefaultAPIVersion}}){{end}}
 Go version:	{{.Client.GoVersion}}
 OS/Arch:	{{.Client.Os}}/{{.Client.Arch}}
{{- if ne .Server nil}}{{with .Server}}

Node: {{.Platform.Name}}
 {{- range $component := .Components}}
 {{$component.Name}}:
  Version:	{{$component.Version}}
  {{- range $key := getDetailsOrder $component}}
  {{$key}}:	{{index $component.Details $key}}
  {{- end}}
 {{- end}}
{{- end}}{{- end}}`

// adaptVersion gives `version` another text for people; formats are Docker's.
func (a *app) adaptVersion(cmd *cobra.Command) {
	original := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if format := cmd.Flags().Lookup("format"); format.Value.String() == "" {
			if err := format.Value.Set(versionTemplate); err != nil {
				return err
			}
		}
		return original(cmd, args)
	}
}
