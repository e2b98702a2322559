package scaffold

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bailey-run/bailey/internal/build/dockerfile"
	"github.com/bailey-run/bailey/internal/build/lint"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// written begins the names of what is compared in a case.
const written = "written/"

func fsOf(ar *txtar.Archive) fs.FS {
	m := fstest.MapFS{}
	for _, f := range ar.Files {
		if !strings.HasPrefix(f.Name, written) {
			m[f.Name] = &fstest.MapFile{Data: f.Data}
		}
	}
	return m
}

// TestGolden holds the plan for directories of every kind against what it was,
// and what it would write against the linter.
func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) < 10 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			plan, err := New(fsOf(ar), optionsOf(string(ar.Comment)))
			want := map[string]string{}
			if err != nil {
				want["error"] = err.Error() + "\n"
			} else {
				want["said"] = said(plan)
				for _, f := range plan.Files {
					want[strings.TrimPrefix(f.Name, ".")] = f.Text
				}
				if !slices.Contains(strings.Fields(string(ar.Comment)), "dockerignore") {
					delete(want, "dockerignore")
				}
				passes(t, plan, fsOf(ar))
			}
			kept := slices.DeleteFunc(slices.Clone(ar.Files), func(f txtar.File) bool { return strings.HasPrefix(f.Name, written) })
			for _, name := range []string{"error", "said", "Dockerfile", "dockerignore"} {
				if text, ok := want[name]; ok {
					kept = append(kept, txtar.File{Name: written + name, Data: []byte(text)})
				}
			}
			got := txtar.Format(&txtar.Archive{Comment: ar.Comment, Files: kept})
			if before, _ := os.ReadFile(path); string(before) != string(got) {
				if *update {
					if err := os.WriteFile(path, got, 0o644); err != nil {
						t.Fatal(err)
					}
					return
				}
				t.Errorf("differs; -update rewrites it\n%s", got)
			}
		})
	}
}

// optionsOf takes --kind and --entry out of a case's comment.
func optionsOf(comment string) (o Options) {
	words := strings.Fields(comment)
	for i, w := range words[:max(len(words)-1, 0)] {
		switch w {
		case "--kind":
			o.Kind = words[i+1]
		case "--entry":
			o.Entry = words[i+1]
		}
	}
	return o
}

func said(p Plan) string {
	var b strings.Builder
	for _, group := range [][]string{{p.Kind}, p.Detected, p.Warnings, p.Next} {
		b.WriteString(strings.Join(group, "\n") + "\n")
	}
	return b.String()
}

// passes lints what would be written beside the files that are there, as the
// command does.
func passes(t *testing.T, plan Plan, dir fs.FS) {
	t.Helper()
	in := lint.Input{}
	for _, f := range plan.Files {
		switch f.Name {
		case "Dockerfile":
			in.Dockerfile = []byte(f.Text)
		case ".dockerignore":
			in.Ignore = []byte(f.Text)
		}
	}
	in.Files = []string{".env", "a/tls.key", ".git/HEAD", "Dockerfile"}
	_ = fs.WalkDir(dir, ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			in.Files = append(in.Files, name)
		}
		return nil
	})
	report := lint.Run(in)
	for _, f := range report.Findings {
		// What is left is said by the linter: images are named by tag, and Node.js, Python and nginx come with a shell.
		if f.Level == lint.Error || !slices.Contains([]string{"no-digest", "final-shell"}, f.Rule) || f.Allowed != "" {
			t.Errorf("%d: %s: %s: %s", f.Line, f.Level, f.Rule, f.Message)
		}
	}
}

// TestInjection: nothing that a file of the directory says becomes an
// instruction, an option or a command.
func TestInjection(t *testing.T) {
	for _, bad := range []string{
		"x\nUSER root", "x\" , \"y", "$(id)", "${A}", "a b", "-rf", "../x", "/etc/passwd", "a//b", "a;b", "a`b", "a\\\nb", "a#b", "é", "", strings.Repeat("a", 200), "a'b", "a&&b", ".", "..", "a/../b", "a\x00b",
	} {
		if _, err := newWord("it", bad); err == nil {
			t.Errorf("%q may be written into a Dockerfile", bad)
		}
	}
	for _, good := range []string{"server.js", "cmd/web", "a", "dist/main-1.js", "_site"} {
		if _, err := newWord("it", good); err != nil {
			t.Error(err)
		}
	}
}

func FuzzNew(f *testing.F) {
	f.Add("go.mod", "module a\ngo 1.26\nUSER root\ntoolchain go1.26\n", "main.go", "package main")
	f.Add("package.json", `{"main":"a\nUSER root","scripts":{"start":"node x","build":"x"},"engines":{"node":"22\n"}}`, "yarn.lock", "")
	f.Add("pyproject.toml", "[project]\nrequires-python='>=3.9\\nUSER root'\n[project.scripts]\n\"a\\nb\"='x:y'\n[build-system]\na=1\n", "uv.lock", "")
	f.Add("requirements.txt", "a\n", "x/__main__.py", "")
	f.Fuzz(func(t *testing.T, name1, text1, name2, text2 string) {
		dir := fstest.MapFS{}
		for name, text := range map[string]string{name1: text1, name2: text2} {
			if !fs.ValidPath(name) || name == "." {
				return
			}
			dir[name] = &fstest.MapFile{Data: []byte(text)}
		}
		plan, err := New(dir, Options{})
		if err != nil {
			return
		}
		file, err := dockerfile.Parse([]byte(plan.Files[0].Text), nil)
		if err != nil {
			t.Fatalf("%v\n%s", err, plan.Files[0].Text)
		}
		if len(file.Stages) > 2 {
			t.Fatalf("%d stages\n%s", len(file.Stages), plan.Files[0].Text)
		}
		users := 0
		for _, stage := range file.Stages {
			for _, i := range stage.Instructions {
				switch strings.ToUpper(i.Name()) {
				case "USER":
					users++
				case "COPY", "RUN", "ENV", "ARG", "WORKDIR", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT":
				default:
					t.Fatalf("%s in\n%s", i.Name(), plan.Files[0].Text)
				}
			}
		}
		if users != 1 || len(file.Lines) > 70 {
			t.Fatalf("%d users, %d lines\n%s", users, len(file.Lines), plan.Files[0].Text)
		}
		passes(t, plan, dir)
	})
}

func TestUnknown(t *testing.T) {
	var unknown *UnknownError
	_, err := New(fstest.MapFS{"Makefile": {}}, Options{})
	if !errors.As(err, &unknown) || len(unknown.Found) != 0 {
		t.Fatal(err)
	}
	for _, kind := range Kinds {
		if !strings.Contains(err.Error(), kind.Sign) {
			t.Errorf("the error does not speak of %s: %v", kind.Sign, err)
		}
	}
	_, err = New(fstest.MapFS{"go.mod": {}, "package.json": {}}, Options{})
	if !errors.As(err, &unknown) || len(unknown.Found) != 2 || !strings.Contains(err.Error(), "--kind go") {
		t.Fatal(err)
	}
	if _, err := New(fstest.MapFS{"go.mod": {}}, Options{Kind: "node"}); err == nil || !strings.Contains(err.Error(), "package.json") {
		t.Fatal(err)
	}
	if _, err := New(fstest.MapFS{"go.mod": {}}, Options{Kind: "cobol"}); err == nil {
		t.Fatal("an unknown kind is taken")
	}
	if _, err := New(fstest.MapFS{"go.mod": {Data: make([]byte, maxRead+1)}}, Options{}); err == nil || !strings.Contains(err.Error(), "1 MiB") {
		t.Fatal(err)
	}
	if _, err := New(fstest.MapFS{"index.html": {Mode: fs.ModeNamedPipe}}, Options{}); !errors.As(err, &unknown) {
		t.Fatal(err)
	}
}
