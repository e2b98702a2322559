package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// dependenciesPage is the checked-in list of the modules that the project stands on.
const dependenciesPage = "docs/dependencies.md"

// dependencyRow is one row of its table: | `module` | reason |
var dependencyRow = regexp.MustCompile("^\\| `([^`]+)` *\\| *(.*?) *\\|$")

// TestDependencyList: every module that go.mod requires directly, or names as a tool, stands on the page with a reason, and no other
// does. A new dependency is a decision that a reviewer sees.
func TestDependencyList(t *testing.T) {
	required := requirements(t)
	for _, tool := range tools(t) {
		required[moduleOf(tool, required)] = true
	}
	reasons := map[string]string{}
	for line := range strings.Lines(read(t, dependenciesPage)) {
		if match := dependencyRow.FindStringSubmatch(strings.TrimSpace(line)); match != nil {
			reasons[match[1]] = match[2]
		}
	}
	for module, direct := range required {
		switch reason, listed := reasons[module]; {
		case direct && !listed:
			t.Errorf("go.mod requires %s, and %s has no row for it: add | `%s` | what it is for |", module, dependenciesPage, module)
		case direct && len(reason) < 10:
			t.Errorf("%s gives no reason for %s", dependenciesPage, module)
		}
	}
	for module := range reasons {
		if !required[module] {
			t.Errorf("%s lists %s, which go.mod neither requires directly nor names as a tool; remove its row", dependenciesPage, module)
		}
	}
}

// TestDirectMeansImported: what is imported is marked as direct in go.mod and the other way round, so that the
// page above is the whole truth.
func TestDirectMeansImported(t *testing.T) {
	required := requirements(t)
	used := map[string]string{}
	for _, tool := range tools(t) {
		used[moduleOf(tool, required)] = "the tool " + tool
	}
	for _, p := range packages(t) {
		for _, imports := range [][]string{p.Imports, p.TestImports, p.XTestImports} {
			for _, path := range imports {
				if !standard(path) && !strings.HasPrefix(path, self) {
					used[moduleOf(path, required)] = short(p.ImportPath)
				}
			}
		}
	}
	for module, direct := range required {
		user, isUsed := used[module]
		if isUsed && !direct && !strings.HasPrefix(user, "the tool ") {
			t.Errorf("%s imports %s, which go.mod marks as indirect; run: go mod tidy", user, module)
		}
		if direct && !isUsed {
			t.Errorf("go.mod requires %s directly and nothing imports it; run: go mod tidy", module)
		}
	}
}

// requirements are the modules of go.mod, and whether each is a direct one. Tools count as the Go command marks
// them.
func requirements(t *testing.T) map[string]bool {
	t.Helper()
	required := map[string]bool{}
	inside := false
	for line := range strings.Lines(read(t, "go.mod")) {
		line = strings.TrimSpace(line)
		switch {
		case line == "require (":
			inside = true
			continue
		case line == ")":
			inside = false
			continue
		case strings.HasPrefix(line, "require "):
			line = strings.TrimPrefix(line, "require ")
		case !inside:
			continue
		}
		if fields := strings.Fields(line); len(fields) >= 2 {
			required[fields[0]] = !strings.HasSuffix(line, "// indirect")
		}
	}
	if len(required) < 3 {
		t.Fatalf("found only %d requirements in go.mod", len(required))
	}
	return required
}

// tools are the packages of go.mod's tool directives.
func tools(t *testing.T) []string {
	t.Helper()
	var paths []string
	inside := false
	for line := range strings.Lines(read(t, "go.mod")) {
		line = strings.TrimSpace(line)
		switch {
		case line == "tool (":
			inside = true
		case line == ")":
			inside = false
		case strings.HasPrefix(line, "tool "):
			paths = append(paths, strings.TrimPrefix(line, "tool "))
		case inside && line != "":
			paths = append(paths, line)
		}
	}
	return paths
}

// moduleOf is the longest required module that a package path lies in.
func moduleOf(path string, required map[string]bool) string {
	best := ""
	for module := range required {
		if (path == module || strings.HasPrefix(path, module+"/")) && len(module) > len(best) {
			best = module
		}
	}
	return best
}

// read returns a file of the tree as text.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
