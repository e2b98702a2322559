package scaffold

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"text/template"
)

// The kinds of directory that are recognised.
const (
	Go     = "go"
	Node   = "node"
	Python = "python"
	Static = "static"
)

// Kinds lists them, in the order in which they are looked for, with what each
// is recognised by.
var Kinds = []struct{ Name, Sign string }{
	{Go, "go.mod"}, {Node, "package.json"}, {Python, "pyproject.toml or requirements.txt"}, {Static, "index.html"},
}

// Options are what the user says about the directory.
type Options struct {
	Kind  string // one of [Kinds]; empty to find out
	Entry string // the program: a package (Go), a file (Node, Python); empty to find out
}

// File is a file to be written into the directory.
type File struct{ Name, Text string }

// Plan is what would be written, and what there is to say about it.
type Plan struct {
	Kind     string
	Detected []string // what was found, one fact each
	Files    []File
	Warnings []string // what may not be as the user wants it
	Next     []string // what to type next
}

// UnknownError says that a directory is nothing that is recognised, or several
// such things.
type UnknownError struct {
	Found []string // the kinds that it could be
}

func (e *UnknownError) Error() string {
	if len(e.Found) > 1 {
		return fmt.Sprintf("this could be %s; say which one: --kind %s", strings.Join(e.Found, " or "), e.Found[0])
	}
	var signs []string
	for _, kind := range Kinds {
		signs = append(signs, kind.Sign+" ("+kind.Name+")")
	}
	return "nothing here says what this is; recognised are " + strings.Join(signs, ", ") +
		". With none of them, write a Dockerfile by hand and look at it with `bailey build --lint`"
}

// New looks at a directory and plans its Dockerfile and .dockerignore. Its
// errors are for the user; nothing is written.
func New(dir fs.FS, o Options) (Plan, error) {
	d := &directory{fsys: dir}
	kind, err := d.kind(o.Kind)
	if err != nil {
		return Plan{}, err
	}
	if o.Entry != "" {
		if _, err := newWord("--entry", strings.TrimPrefix(o.Entry, "./")); err != nil {
			return Plan{}, err
		}
	}
	plan := map[string]func(*directory, string) (Plan, error){Go: planGo, Node: planNode, Python: planPython, Static: planStatic}[kind]
	p, err := plan(d, strings.TrimPrefix(o.Entry, "./"))
	p.Kind = kind
	return p, err
}

// kind finds out what the directory is.
func (d *directory) kind(said string) (string, error) {
	signs := map[string]bool{
		Go: d.has("go.mod"), Node: d.has("package.json"), Python: d.has("pyproject.toml") || d.has("requirements.txt"), Static: d.has("index.html"),
	}
	var found []string
	for _, kind := range Kinds {
		if signs[kind.Name] {
			found = append(found, kind.Name)
		}
		if said == kind.Name && !signs[kind.Name] {
			return "", fmt.Errorf("--kind %s: there is no %s here", said, kind.Sign)
		}
	}
	if said != "" {
		if !slices.Contains([]string{Go, Node, Python, Static}, said) {
			return "", fmt.Errorf("--kind %q: say go, node, python or static", said)
		}
		return said, nil
	}
	// A page beside a program's manifest belongs to the program.
	if len(found) > 1 && found[len(found)-1] == Static {
		found = found[:len(found)-1]
	}
	if len(found) != 1 {
		return "", &UnknownError{found}
	}
	return found[0], nil
}

//go:embed templates
var templates embed.FS

// render fills a template. Its data has no string but words and constants.
func render(name string, data any) (string, error) {
	t, err := template.New(name).Option("missingkey=error").ParseFS(templates, "templates/"+name)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	if err := t.ExecuteTemplate(&out, name, data); err != nil {
		return "", err
	}
	return out.String(), nil
}

// files renders a kind's Dockerfile and .dockerignore.
func files(dockerfile string, data any, ignored ...string) ([]File, error) {
	text, err := render(dockerfile, data)
	if err != nil {
		return nil, err
	}
	ignore, err := render("dockerignore", ignored)
	return []File{{"Dockerfile", text}, {".dockerignore", ignore}}, err
}

var errNoEntry = errors.New("nothing here says which program to start")
