package cli

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// newTestApp builds the tree of commands and connects to nothing.
func newTestApp(t *testing.T) *app {
	t.Helper()
	t.Setenv("BAILEY_CONFIG", t.TempDir())
	a, err := newApp(context.Background(), nil, Program{Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestServedVerbsExist: a new version of docker/cli cannot rename a verb away
// without somebody noticing.
func TestServedVerbsExist(t *testing.T) {
	a := newTestApp(t)
	for verb, subs := range served {
		cmd, _, err := a.root.Find([]string{verb})
		if err != nil || cmd.Name() != verb {
			t.Errorf("%s is not there: %v", verb, err)
			continue
		}
		for _, sub := range subs {
			if found, _, err := cmd.Find([]string{sub}); err != nil || found.Name() != sub {
				t.Errorf("%s %s is not there: %v", verb, sub, err)
			}
		}
	}
	for _, verb := range unserved {
		if cmd, _, _ := a.root.Find([]string{verb}); cmd != a.root {
			t.Errorf("%s is there and is not served", verb)
		}
	}
}

// others are the things called Docker that are not this program.
var others = regexp.MustCompile(`Docker (Hub|ID|Engine API|API socket)|Dockerfile|docker\.io|/docker|\.docker|docker[-/]|DOCKER_`)

// TestHelpNamesBailey: no help text sends people to another program.
func TestHelpNamesBailey(t *testing.T) {
	a := newTestApp(t)
	brandTree(a.root)
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		texts := []string{cmd.Short, cmd.Long, cmd.Example, cmd.Annotations["aliases"]}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				texts = append(texts, f.Usage)
			}
		})
		for _, text := range texts {
			if rest := others.ReplaceAllString(text, ""); strings.Contains(strings.ToLower(rest), "docker") {
				t.Errorf("%s: %q", cmd.CommandPath(), text)
			}
		}
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(a.root)
}

func TestBrandError(t *testing.T) {
	for in, want := range map[string]string{
		"docker: Error response from daemon: no\n\nRun 'docker run --help' for more": "bailey: Error response from daemon: no\n\nRun 'bailey run --help' for more",
		"Cannot connect to the Docker daemon at unix:///x":                           "Cannot connect to the node at unix:///x",
		"No such image: docker:24 in docker.io/library/docker":                       "No such image: docker:24 in docker.io/library/docker",
		"open /home/docker/file":                                                     "open /home/docker/file",
		`did you mean "docker image ls"?`:                                            `did you mean "bailey image ls"?`,
	} {
		if got := brandError(in); got != want {
			t.Errorf("brandError(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestFlagsOfOurOwn: flags that Bailey adds must not take the place of a flag of Docker's.
func TestFlagsOfOurOwn(t *testing.T) {
	a := newTestApp(t)
	for _, path := range [][]string{{"run"}, {"create"}, {"container", "run"}, {"container", "create"}} {
		cmd, _, err := a.root.Find(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"dry-run", "format", "secret", "writable-root", "annotation", "security-opt", "pull", "read-only"} {
			if cmd.Flags().Lookup(name) == nil {
				t.Errorf("%v has no --%s", path, name)
			}
		}
	}
}

func TestSupported(t *testing.T) {
	a := newTestApp(t)
	try := func(args ...string) error {
		t.Helper()
		cmd, rest, err := a.root.Find(args)
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.ParseFlags(rest); err != nil {
			t.Fatal(err)
		}
		return supported(cmd, a.docker)
	}
	if err := try("run", "--platform", "linux/amd64", "x"); err != nil {
		t.Errorf("a flag that every node has: %v", err)
	}
	if err := try("start", "--checkpoint", "c", "x"); err == nil || !strings.Contains(err.Error(), "experiment") {
		t.Errorf("an experimental flag: %v", err)
	}
	windows := &cobra.Command{Use: "w", Annotations: map[string]string{"ostype": "windows"}}
	if err := supported(windows, a.docker); err == nil || !strings.Contains(err.Error(), "windows") {
		t.Errorf("a command for another system: %v", err)
	}
}

func TestListsAreSorted(t *testing.T) {
	if !slices.IsSorted(unserved) {
		t.Error("unserved is not sorted")
	}
	for group, subs := range served {
		if !slices.IsSorted(subs) {
			t.Errorf("the verbs of %s are not sorted", group)
		}
	}
}
