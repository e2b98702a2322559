package arch

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// TestImportRules holds every package against every rule.
func TestImportRules(t *testing.T) {
	all := packages(t)
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			if r.reason == "" {
				t.Error("a rule without a reason is not followed for long")
			}
			for _, p := range all {
				for _, message := range r.check(p) {
					t.Errorf("%s\n\twhy: %s", message, r.reason)
				}
			}
		})
	}
}

// check returns what a package imports against the rule.
func (r rule) check(p listed) []string {
	name := short(p.ImportPath)
	if (len(r.in) > 0 && !matches(name, r.in)) || matches(name, r.except) {
		return nil
	}
	var broken []string
	for _, path := range p.Imports {
		switch imported := short(path); {
		// A package of the standard library is meant exactly: "net" does not forbid "net/netip".
		case standard(path) && slices.Contains(r.forbid, path),
			!standard(path) && matches(imported, r.forbid),
			path == "C" && slices.Contains(r.forbid, path):
			broken = append(broken, name+" must not import "+imported)
		case r.only != nil && !standard(path) && !matches(imported, r.only):
			broken = append(broken, name+" may import beside the standard library only "+strings.Join(append(r.only, "nothing else"), ", ")+", not "+imported)
		}
	}
	return broken
}

// TestRulesBite makes sure that the checker refuses what the rules forbid; otherwise a typing mistake in the
// table would let everything through.
func TestRulesBite(t *testing.T) {
	for _, tt := range []struct {
		rule, pkg, imported string
		refused             bool
	}{
		{"callers know capabilities, never the other way round", "internal/engine/store", self + "internal/api", true},
		{"callers know capabilities, never the other way round", "internal/cli", self + "internal/api", false},
		{"callers know capabilities, never the other way round", "internal/engine", self + "internal/apiary", false},
		{"sandbox knows no other part", "internal/sandbox", "os", true},
		{"sandbox knows no other part", "internal/sandbox", "net/netip", false},
		{"sandbox knows no other part", "internal/sandbox", "golang.org/x/sys/unix", true},
		{"sandbox knows no other part", "internal/sandbox", self + "internal/engine", true},
		{"sandbox knows no other part", "internal/sandbox/seccomp", self + "internal/sandbox/caps", false},
		{"containerd lives in image", "internal/engine", "github.com/containerd/containerd/v2/core/content", true},
		{"containerd lives in image", "internal/engine", "github.com/containerd/errdefs", false},
		{"containerd lives in image", "internal/image/unpack", "github.com/containerd/containerd/v2/core/content", false},
		{"Docker's client code lives in cli", "cmd/bailey", "github.com/docker/cli/cli/command", true},
		{"the supervisor protocol is standard library only", "internal/runtime/wire", "golang.org/x/sys/unix", true},
		{"no cgo", "internal/runtime", "C", true},
		{"tests stay out of the product", "internal/engine", self + "test/harness", true},
	} {
		at := slices.IndexFunc(rules, func(r rule) bool { return r.name == tt.rule })
		if at < 0 {
			t.Errorf("no rule is called %q", tt.rule)
			continue
		}
		broken := rules[at].check(listed{ImportPath: self + tt.pkg, Imports: []string{tt.imported}})
		if (len(broken) > 0) != tt.refused {
			t.Errorf("%s: %s importing %s: refused %v, want %v", tt.rule, tt.pkg, tt.imported, len(broken) > 0, tt.refused)
		}
	}
}

// TestSmallPrograms looks at everything that the programs link that run once for each container: their memory is
// paid fifty times, and their package initialisers at every start.
func TestSmallPrograms(t *testing.T) {
	for _, s := range small {
		t.Run(s.program, func(t *testing.T) {
			if !slices.ContainsFunc(packages(t), func(p listed) bool { return short(p.ImportPath) == s.program }) {
				t.Fatalf("%s does not exist (yet)", s.program)
			}
			linked, err := list("../..", "-deps", "./"+s.program)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range linked {
				switch {
				case p.Standard && slices.Contains(s.forbid, p.ImportPath):
					t.Errorf("%s links %s; its memory and start-up time are paid once for each container", s.program, p.ImportPath)
				case !p.Standard && !matches(short(p.ImportPath), s.only):
					t.Errorf("%s links %s, which is not on its list: %s", s.program, short(p.ImportPath), strings.Join(s.only, ", "))
				}
			}
		})
	}
}

// TestSandboxHasNoClock: importing time for a Duration is fine, asking it for the time is not.
func TestSandboxHasNoClock(t *testing.T) {
	for _, s := range sources(t) {
		if !strings.HasPrefix(s.path, "internal/sandbox/") {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clocks, sel.Sel.Name) {
					t.Errorf("%s: time.%s in sandbox; a posture must come out the same tomorrow, so take the time as an input",
						s.at(sel.Pos()), sel.Sel.Name)
				}
			}
			return true
		})
	}
}
