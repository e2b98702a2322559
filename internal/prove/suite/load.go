package suite

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Bounds of a suite. A file is read whole: what is larger is no test.
const (
	maxFiles     = 100
	maxFile      = 64 << 10 // bytes
	maxTimeout   = 5 * time.Minute
	usualTimeout = 30 * time.Second
)

type regexpTooLongError struct{ length int }

func (e *regexpTooLongError) Error() string {
	return fmt.Sprintf("a pattern of %d bytes: at most %d are accepted", e.length, maxPattern)
}

// Load reads the tests of a directory: its files that end in .yaml or .yml, in
// the order of their names. Other files and directories are the tests' own.
// All that is wrong is reported, each with its file.
func Load(dir string) ([]Test, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read the suite: %w", err)
	}
	var names []string
	for _, e := range entries {
		if end := filepath.Ext(e.Name()); !e.IsDir() && (end == ".yaml" || end == ".yml") {
			names = append(names, e.Name())
		}
	}
	switch {
	case len(names) == 0:
		return nil, fmt.Errorf("%s holds no test: write one as NAME.yaml; docs/proof-suites.md shows how", dir)
	case len(names) > maxFiles:
		return nil, fmt.Errorf("%s holds %d tests, more than %d: split it into several suites", dir, len(names), maxFiles)
	}
	var tests []Test
	var errs []error
	from := map[string]string{}
	for _, name := range names {
		t, err := loadFile(filepath.Join(dir, name))
		if err == nil && from[t.Name] != "" {
			err = fmt.Errorf("name: %q is the name of %s too", t.Name, from[t.Name])
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", filepath.Join(dir, name), err))
			continue
		}
		from[t.Name] = name
		tests = append(tests, t)
	}
	return tests, errors.Join(errs...)
}

func loadFile(path string) (Test, error) {
	f, err := os.Open(path)
	if err != nil {
		return Test{}, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return Test{}, err
	}
	if len(text) > maxFile {
		return Test{}, fmt.Errorf("larger than %d KiB", maxFile>>10)
	}
	return Parse(text)
}

// Parse reads one test and checks it. What the format does not have is an
// error: a misspelt word must not make a test that shows nothing.
func Parse(text []byte) (Test, error) {
	var t Test
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&t); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("empty")
		}
		return Test{}, err
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return Test{}, errors.New("a second document: write one test to a file")
	}
	if t.Timeout == 0 {
		t.Timeout = usualTimeout
	}
	if t.Succeeds.empty() {
		t.Succeeds.Status = new(int)
	}
	return t, t.check()
}

var testName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// check says all that is wrong.
func (t Test) check() error {
	var errs []error
	say := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	say(!testName.MatchString(t.Name), "name: %q must be 1 to 63 lower-case letters, digits and dashes", t.Name)
	say(t.Tries == "", "tries: say what is tried")
	for field, text := range map[string]string{"tries": t.Tries, "source": t.Source, "protects": t.Protects} {
		say(strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }), "%s: one line of text", field)
	}
	say(t.Timeout < time.Second || t.Timeout > maxTimeout, "timeout: %v must be from 1s to %v", t.Timeout, maxTimeout)
	say(t.Refused.empty(), "refused: say by which status or output one sees that the attack was stopped; everything else would look like a defence")
	say(same(t.Refused, t.Succeeds), "refused and succeeds say the same")
	for field, e := range map[string]Ending{"refused": t.Refused, "succeeds": t.Succeeds} {
		say(e.Status != nil && (*e.Status < 0 || *e.Status > 255), "%s: status: it is from 0 to 255", field)
	}
	weak := t.weak()
	say(reflect.DeepEqual(t.Service, weak.Service) && reflect.DeepEqual(t.Attack, weak.Attack),
		"twin: say what differs where the attack must succeed; without that a stopped attack shows nothing")
	say(t.Service == nil && t.Twin.Service != nil, "twin: service: the test has none")
	for field, x := range map[string]Test{"": t, "twin: ": weak} {
		say(x.Service != nil && x.Service.Image == "", "%sservice: image: say which", field)
		say(x.Attack.Image == "", "%sattack: image: say which", field)
		say(x.Attack.Script != "" && len(x.Attack.Command) > 0, "%sattack: a script or a command, not both", field)
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

// same says that nothing can tell two ends apart.
func same(a, b Ending) bool {
	text := func(p Pattern) string {
		if p.Regexp == nil {
			return ""
		}
		return p.String()
	}
	return a.Status != nil && b.Status != nil && *a.Status == *b.Status && text(a.Output) == text(b.Output)
}
