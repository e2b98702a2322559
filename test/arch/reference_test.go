package arch

import (
	"go/ast"
	"strconv"
	"strings"
	"testing"
)

// TestReferenceIsComplete: every rule that a policy can name, every control, and every group of system calls that can be
// opened, stands on its page.
func TestReferenceIsComplete(t *testing.T) {
	rules := constants(t, "internal/sandbox/rule.go", "Rule")
	if len(rules) < 5 {
		t.Fatalf("found only %d rules in internal/sandbox/rule.go; were they moved?", len(rules))
	}
	page := read(t, "docs/policy.md")
	for _, rule := range rules {
		if !strings.Contains(page, "| `"+rule+"` |") {
			t.Errorf("docs/policy.md has no row for the rule %s", rule)
		}
	}
	groups := fields(t, "internal/sandbox/seccomp/group.go", "Name")
	if len(groups) < 5 {
		t.Fatalf("found only %d groups in internal/sandbox/seccomp/group.go; were they moved?", len(groups))
	}
	page = read(t, "docs/posture.md")
	controls := constants(t, "internal/sandbox/control.go", "Control")
	if len(controls) < 20 {
		t.Fatalf("found only %d controls in internal/sandbox/control.go; were they moved?", len(controls))
	}
	for _, control := range controls {
		if !strings.Contains(page, "`"+control+"`") {
			t.Errorf("docs/posture.md does not speak of the control %s", control)
		}
	}
	for _, group := range groups {
		if !strings.Contains(page, "`"+group+"`") {
			t.Errorf("docs/posture.md does not list the group of system calls %s", group)
		}
	}
}

// constants are the values of the string constants of a file whose names begin with prefix.
func constants(t *testing.T, path, prefix string) []string {
	t.Helper()
	var found []string
	inFile(t, path, func(n ast.Node) {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return
		}
		for i, name := range spec.Names {
			if strings.HasPrefix(name.Name, prefix) && i < len(spec.Values) {
				found = append(found, text(spec.Values[i])...)
			}
		}
	})
	return found
}

// fields are the string values that composite literals of a file give to a field.
func fields(t *testing.T, path, field string) []string {
	t.Helper()
	var found []string
	inFile(t, path, func(n ast.Node) {
		if pair, ok := n.(*ast.KeyValueExpr); ok {
			if key, ok := pair.Key.(*ast.Ident); ok && key.Name == field {
				found = append(found, text(pair.Value)...)
			}
		}
	})
	return found
}

// inFile calls f for every node of a file of the tree.
func inFile(t *testing.T, path string, f func(ast.Node)) {
	t.Helper()
	for _, s := range sources(t) {
		if s.path == path {
			ast.Inspect(s.file, func(n ast.Node) bool {
				f(n)
				return true
			})
		}
	}
}

// text is the value of a string literal; nothing for another expression.
func text(e ast.Expr) []string {
	literal, ok := e.(*ast.BasicLit)
	if !ok {
		return nil
	}
	value, err := strconv.Unquote(literal.Value)
	if err != nil {
		return nil
	}
	return []string{value}
}
