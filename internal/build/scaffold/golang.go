package scaffold

import (
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bailey-run/bailey/internal/build/pattern"
)

// defaultGo is the version of Go for a go.mod that names none, or one that is
// no longer maintained: newer ones compile it too.
const (
	defaultGo = "1.26"
	oldestGo  = 25 // the minor version
)

var (
	goDirective  = pattern.Lazy(`(?m)^go[ \t]+([0-9]{1,2}\.[0-9]{1,3}(?:\.[0-9]{1,3})?)[ \t]*(?://.*)?\r?$`)
	goToolchain  = pattern.Lazy(`(?m)^toolchain[ \t]+go([0-9]{1,2}\.[0-9]{1,3}(?:\.[0-9]{1,3})?)[ \t]*(?://.*)?\r?$`)
	goModule     = pattern.Lazy(`(?m)^module[ \t]+"?([^\s"]+)`)
	goDependency = pattern.Lazy(`(?m)^[ \t]*(?:require[ \t]+)?[^\s/(]+[./][^\s(]*[ \t]+v[0-9]`)
)

// planGo plans the image of a Go program: a static binary alone.
func planGo(d *directory, entry string) (Plan, error) {
	mod, err := d.read("go.mod")
	if err != nil {
		return Plan{}, err
	}
	version := goVersion(mod)
	pkg, facts, err := d.goProgram(mod, entry)
	if err != nil {
		return Plan{}, err
	}
	data := struct {
		Version, Package, Sum word
		Download              bool
	}{Version: word(version), Package: pkg}
	if d.has("go.sum") {
		data.Sum = " go.sum"
	}
	p := Plan{Detected: []string{"a Go module, for Go " + version, facts}}
	switch {
	case d.has("vendor/modules.txt"):
		p.Detected = append(p.Detected, "its dependencies are in vendor/, so that the build needs no network")
	case goDependency().MatchString(mod):
		data.Download = true
		if !d.has("go.sum") {
			return Plan{}, errors.New("go.mod has dependencies and there is no go.sum that says what they must be; run: go mod tidy")
		}
		p.Warnings = append(p.Warnings, "the dependencies are downloaded"+needsNetwork+"; with a vendor directory (go mod vendor) there is nothing to download")
	}
	p.Files, err = files("go.Dockerfile", data)
	p.Next = []string{look, build, run}
	return p, err
}

// goVersion finds the version to compile with.
func goVersion(mod string) string {
	for _, directive := range []*regexp.Regexp{goToolchain(), goDirective()} {
		if found := directive.FindStringSubmatch(mod); found != nil {
			major, minor, _ := strings.Cut(found[1], ".")
			minor, _, _ = strings.Cut(minor, ".")
			if n, _ := strconv.Atoi(minor); major != "1" || n >= oldestGo {
				return found[1]
			}
			return defaultGo
		}
	}
	return defaultGo
}

// goProgram finds the main package, and says how it was chosen.
func (d *directory) goProgram(mod, entry string) (word, string, error) {
	if entry != "" {
		entry = strings.TrimSuffix(entry, "/")
		if !d.isMain(entry) {
			return "", "", fmt.Errorf("--entry %s is not a directory with a Go program (package main)", entry)
		}
		pkg, err := newWord("--entry", entry)
		return "./" + pkg, "the program in ./" + entry, err
	}
	if d.isMain(".") {
		return ".", "the program at the top", nil
	}
	var mains []string
	for _, dir := range d.names("cmd", fs.DirEntry.IsDir) {
		if _, err := newWord("", dir); err == nil && d.isMain("cmd/"+dir) {
			mains = append(mains, dir)
		}
	}
	slices.Sort(mains)
	name := ""
	if found := goModule().FindStringSubmatch(mod); found != nil {
		name = path.Base(found[1])
	}
	switch {
	case len(mains) == 1:
		name = mains[0]
	case len(mains) == 0:
		return "", "", fmt.Errorf("%w: there is no package main at the top or in cmd/; say where it is: --entry ./DIR", errNoEntry)
	case !slices.Contains(mains, name):
		return "", "", fmt.Errorf("there are several programs: %s; say which one: --entry ./cmd/%s", strings.Join(mains, ", "), mains[0])
	}
	pkg, err := newWord("the program", "cmd/"+name)
	return "./" + pkg, "the program in ./cmd/" + name, err
}

// isMain tells whether a directory holds a program: a file of package main
// that is neither a test nor excluded from builds.
func (d *directory) isMain(dir string) bool {
	sources := d.names(dir, func(e fs.DirEntry) bool {
		return e.Type().IsRegular() && strings.HasSuffix(e.Name(), ".go") && !strings.HasSuffix(e.Name(), "_test.go")
	})
	for _, name := range sources {
		text, err := d.read(path.Join(dir, name))
		if err != nil || strings.Contains(text, "//go:build ignore") {
			continue
		}
		if file, err := parser.ParseFile(token.NewFileSet(), "", text, parser.PackageClauseOnly); err == nil {
			return file.Name.Name == "main"
		}
	}
	return false
}

// What to type once the files are there.
const (
	look  = "bailey build --lint ."
	build = "bailey build -t NAME ."
	run   = "bailey run --rm NAME"
)

// needsNetwork ends a warning about a step that downloads.
const needsNetwork = ", and a step of a build has a network only where the policy allows it (rule build-network)"
