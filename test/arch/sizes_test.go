package arch

import (
	"go/ast"
	"slices"
	"testing"
)

// The house figures: what a reader can hold in mind at once.
const (
	maxFile, mostFiles         = 800, 450 // lines: no file over the first, 95 % under the second
	maxFunction, mostFunctions = 120, 60  // likewise for functions
)

// TestFileSizes holds files that are not tests against the house figures, and prints where the tree stands.
func TestFileSizes(t *testing.T) {
	var sizes []int
	for _, s := range sources(t) {
		sizes = append(sizes, s.lines)
		if s.lines > maxFile {
			t.Errorf("%s has %d lines, more than %d; it does more than one thing", s.path, s.lines, maxFile)
		}
	}
	middle, high := figures(sizes)
	if high > mostFiles {
		t.Errorf("5 %% of the files have more than %d lines (95th percentile %d)", mostFiles, high)
	}
	functions := functionSizes(t)
	fmiddle, fhigh := figures(functions)
	t.Logf("size: %d files, median %d lines, 95 %% under %d; %d functions, median %d lines, 95 %% under %d",
		len(sizes), middle, high+1, len(functions), fmiddle, fhigh+1)
}

// TestFunctionSizes holds functions against the house figures.
func TestFunctionSizes(t *testing.T) {
	if _, high := figures(functionSizes(t)); high > mostFunctions {
		t.Errorf("5 %% of the functions have more than %d lines (95th percentile %d)", mostFunctions, high)
	}
	for _, s := range sources(t) {
		for _, decl := range s.file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && length(s, f) > maxFunction {
				t.Errorf("%s: %s has %d lines, more than %d; name its parts", s.at(f.Pos()), f.Name.Name, length(s, f), maxFunction)
			}
		}
	}
}

// functionSizes are the lengths of all functions that are not tests.
func functionSizes(t *testing.T) []int {
	t.Helper()
	var sizes []int
	for _, s := range sources(t) {
		for _, decl := range s.file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok {
				sizes = append(sizes, length(s, f))
			}
		}
	}
	return sizes
}

// length is the number of lines from a function's first to its last.
func length(s source, f *ast.FuncDecl) int {
	return s.fset.Position(f.End()).Line - s.fset.Position(f.Pos()).Line + 1
}

// figures are the median and the 95th percentile.
func figures(sizes []int) (middle, high int) {
	if len(sizes) == 0 {
		return 0, 0
	}
	slices.Sort(sizes)
	return sizes[len(sizes)/2], sizes[min(len(sizes)*95/100, len(sizes)-1)]
}
