package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// listed is a package as `go list -json` describes it.
type listed struct {
	Dir, ImportPath, Name string
	Standard              bool
	GoFiles               []string
	Imports               []string
	TestImports           []string
	XTestImports          []string
	Module                *struct{ Path string }
	TestGoFiles           []string
	IgnoredGoFiles        []string
	Error                 *struct{ Err string }
}

// root is the top of the source tree.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// list runs `go list` with the build settings of the product.
func list(dir string, args ...string) ([]listed, error) {
	cmd := exec.Command("go", append([]string{"list", "-e", "-json=Dir,ImportPath,Name,Standard,GoFiles,Imports,TestImports,XTestImports,Module,TestGoFiles,Error"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list %s: %w: %s", strings.Join(args, " "), err, complaints.String())
	}
	var packages []listed
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list printed what is not JSON: %w", err)
		}
		packages = append(packages, p)
	}
}

var own = sync.OnceValues(func() ([]listed, error) { return list("../..", "./...") })

// packages are all packages of the project.
func packages(t *testing.T) []listed {
	t.Helper()
	all, err := own()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 3 {
		t.Fatalf("found only %d packages; the tests would pass without looking at anything", len(all))
	}
	return all
}

// short is a path without the module's own prefix.
func short(path string) string { return strings.TrimPrefix(path, self) }

// matches tells whether a path (short) is one of the patterns or lies below one.
func matches(path string, patterns []string) bool {
	for _, p := range patterns {
		if path == p || strings.HasPrefix(path, p+"/") {
			return true
		}
	}
	return false
}

// standard tells whether an import path belongs to the standard library: its first element has no dot.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".") && !strings.HasPrefix(path, self)
}

// source is a parsed file.
type source struct {
	path  string // from the top of the tree
	lines int
	file  *ast.File
	fset  *token.FileSet
}

// at is a place in the file, as a compiler would name it from the top of the tree.
func (s source) at(pos token.Pos) string {
	return fmt.Sprintf("%s:%d", s.path, s.fset.Position(pos).Line)
}

// sources parses the files of the project that are not tests and were not generated.
func sources(t *testing.T) []source {
	t.Helper()
	var found []source
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			path := filepath.Join(p.Dir, name)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, path, text, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				t.Errorf("does not parse: %v", err)
				continue
			}
			if ast.IsGenerated(file) {
				continue
			}
			relative, err := filepath.Rel(root(t), path)
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, source{relative, bytes.Count(text, []byte("\n")), file, fset})
		}
	}
	return found
}
