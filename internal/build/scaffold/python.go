package scaffold

import (
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/bailey-run/bailey/internal/build/pattern"
	"github.com/pelletier/go-toml/v2"
)

// defaultPython is the minor version of Python 3 for a project that leaves it open.
const defaultPython = 13

// project is what is looked at of a pyproject.toml.
type project struct {
	Project struct {
		RequiresPython string            `toml:"requires-python"`
		Scripts        map[string]string `toml:"scripts"`
		Dependencies   []any             `toml:"dependencies"`
	} `toml:"project"`
	BuildSystem map[string]any `toml:"build-system"`
	Tool        struct {
		Poetry map[string]any `toml:"poetry"`
	} `toml:"tool"`
}

// planPython plans the image of a Python program.
func planPython(d *directory, entry string) (Plan, error) {
	var m project
	text, err := d.read("pyproject.toml")
	if err != nil {
		return Plan{}, err
	}
	if err := toml.Unmarshal([]byte(text), &m); err != nil {
		return Plan{}, fmt.Errorf("pyproject.toml cannot be read: %w", err)
	}
	minor, err := d.pythonVersion(m.Project.RequiresPython)
	if err != nil {
		return Plan{}, err
	}
	data := struct {
		Version word
		Manager string // uv, poetry, pip, project, or none
		Hashes  bool
		Program []word // what is started, as words
	}{Version: word("3." + strconv.Itoa(minor))}
	p := Plan{Detected: []string{"a Python project, for Python 3." + strconv.Itoa(minor)}}
	requirements, err := d.read("requirements.txt")
	if err != nil {
		return Plan{}, err
	}
	switch {
	case d.has("uv.lock"):
		data.Manager = "uv"
		p.Detected = append(p.Detected, "uv with uv.lock")
	case d.has("poetry.lock"):
		data.Manager = "poetry"
		p.Detected = append(p.Detected, "Poetry with poetry.lock")
	case d.has("requirements.txt"):
		data.Manager, data.Hashes = "pip", strings.Contains(requirements, "--hash=")
		p.Detected = append(p.Detected, "pip with requirements.txt")
		if !data.Hashes {
			p.Warnings = append(p.Warnings, "requirements.txt has no hashes, so that nothing says whether what is downloaded is what you tested; for example: uv pip compile --generate-hashes -o requirements.txt requirements.in")
		}
	case len(m.Project.Dependencies) > 0 || len(m.BuildSystem) > 0:
		data.Manager = "project"
		p.Detected = append(p.Detected, "pip with pyproject.toml")
		p.Warnings = append(p.Warnings, "there is no lock file, so that the next build may take other versions; for example: uv lock")
	}
	if data.Manager != "" {
		p.Warnings = append(p.Warnings, "packages are downloaded"+needsNetwork)
	}
	installed := data.Manager == "project" || data.Manager == "uv" && len(m.BuildSystem) > 0
	if data.Program, err = d.pythonProgram(m, entry, installed); err != nil {
		return Plan{}, err
	}
	p.Detected = append(p.Detected, "the program "+joined(data.Program))
	p.Files, err = files("python.Dockerfile", data, "__pycache__", "*.pyc", ".venv", "venv", ".pytest_cache", ".mypy_cache", ".ruff_cache")
	p.Next = []string{look, build, run}
	return p, err
}

func joined(words []word) string {
	var b []string
	for _, w := range words {
		b = append(b, string(w))
	}
	return strings.Join(b, " ")
}

// pythonProgram finds what is started.
func (d *directory) pythonProgram(m project, entry string, installed bool) ([]word, error) {
	if entry != "" {
		file, err := newWord("--entry", entry)
		if err == nil && !d.has(string(file)) {
			err = fmt.Errorf("--entry %s: there is no such file here", entry)
		}
		return []word{"python", file}, err
	}
	if installed && len(m.Project.Scripts) > 0 {
		var names []string
		for name := range m.Project.Scripts {
			names = append(names, name)
		}
		slices.Sort(names)
		if len(names) > 1 {
			return nil, fmt.Errorf("the project has several programs (%.100q); say which file to start: --entry FILE.py", names)
		}
		name, err := newWord("the program", names[0])
		if strings.Contains(string(name), "/") {
			return nil, fmt.Errorf("the program %q is not a name", names[0])
		}
		return []word{name}, err
	}
	if file, ok := d.first("main.py", "app.py", "server.py", "__main__.py"); ok {
		return []word{"python", word(file)}, nil
	}
	var modules []string
	for _, dir := range d.names(".", fs.DirEntry.IsDir) {
		if w, err := newWord("", dir); err == nil && d.has(string(w)+"/__main__.py") {
			modules = append(modules, dir)
		}
	}
	if len(modules) == 1 {
		return []word{"python", "-m", word(modules[0])}, nil
	}
	return nil, fmt.Errorf("%w: no script in pyproject.toml, no main.py, app.py or server.py, and no one package with a __main__.py; say it: --entry FILE.py", errNoEntry)
}

var (
	pythonPin   = pattern.Lazy(`^\s*(?:python-?)?3\.([0-9]{1,2})`)
	pythonLower = pattern.Lazy(`(>=|~=|==|\^|>)\s*3\.([0-9]{1,2})`)
	pythonUpper = pattern.Lazy(`<\s*3\.([0-9]{1,2})`)
)

// pythonVersion finds a minor version that a project accepts.
func (d *directory) pythonVersion(requires string) (int, error) {
	pin, err := d.read(".python-version")
	if err != nil {
		return 0, err
	}
	if found := pythonPin().FindStringSubmatch(pin); found != nil {
		minor, _ := strconv.Atoi(found[1]) // two digits
		return minor, nil
	}
	minor := defaultPython
	if found := pythonUpper().FindStringSubmatch(requires); found != nil {
		upper, _ := strconv.Atoi(found[1])
		minor = min(minor, max(upper-1, 0))
	}
	if found := pythonLower().FindStringSubmatch(requires); found != nil {
		lower, _ := strconv.Atoi(found[2])
		if minor = max(minor, lower); found[1] == "==" {
			minor = lower
		}
	}
	return minor, nil
}
