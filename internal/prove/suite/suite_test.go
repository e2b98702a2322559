package suite

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bailey-run/bailey/internal/prove/probe"
)

const whole = `
name: login
tries: log in without a password
service: {image: shop, secrets: [key], ready: open}
attack: {image: shop, script: "exit 1"}
refused: {status: 1, output: "wrong (name|password)"}
twin: {service: {image: shop:old, secrets: []}}
`

func TestParse(t *testing.T) {
	test, err := Parse([]byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	if test.Timeout != usualTimeout || *test.Succeeds.Status != 0 || test.protects() != "shop" {
		t.Errorf("%+v", test)
	}
	weak := test.weak()
	if weak.Service.Image != "shop:old" || len(weak.Service.Secrets) != 0 || !weak.Service.Ready.MatchString("open") || weak.Attack.Script != "exit 1" {
		t.Errorf("the twin is %+v, %+v", weak.Service, weak.Attack)
	}
	if test.Service.Image != "shop" || len(test.Service.Secrets) != 1 {
		t.Errorf("the twin changed the test: %+v", test.Service)
	}
}

// TestParseRefuses: what is wrong is said, with the word to look at.
func TestParseRefuses(t *testing.T) {
	for name, x := range map[string]struct{ old, new, says string }{
		"empty":               {whole, "", "empty"},
		"a misspelt word":     {"tries:", "trys:", "field trys not found"},
		"a misspelt detail":   {"image: shop:old", "imgae: shop:old", "field imgae not found"},
		"a word twice":        {"tries:", "name: x\ntries:", "already defined"},
		"two documents":       {"name: login", "name: login\n---\nname: x", "a second document"},
		"a name":              {"name: login", "name: Log in!", "name:"},
		"no aim":              {"log in without a password", `""`, "tries:"},
		"a control character": {"log in without a password", `"a\e[2J"`, "tries: one line"},
		"no refusal":          {`refused: {status: 1, output: "wrong (name|password)"}`, "", "refused: say"},
		"a status":            {"status: 1,", "status: 300,", "refused: status"},
		"a pattern":           {"wrong (name|password)", "wrong (", "missing closing"},
		"a long pattern":      {"wrong (name|password)", strings.Repeat("x", maxPattern+1), "at most 1000"},
		"refused is succeeds": {`refused: {status: 1, output: "wrong (name|password)"}`, "refused: {status: 0}", "say the same"},
		"no twin":             {"twin: {service: {image: shop:old, secrets: []}}", "", "twin:"},
		"a twin like it":      {"{image: shop:old, secrets: []}", "{image: shop}", "twin:"},
		"a twin of nothing":   {"service: {image: shop, secrets: [key], ready: open}", "", "twin: service"},
		"no image":            {"attack: {image: shop,", "attack: {", "attack: image"},
		"script and command":  {`script: "exit 1"`, `script: "exit 1", command: [x]`, "not both"},
		"patience":            {"name: login", "name: login\ntimeout: 1h", "timeout"},
		"no YAML":             {whole, "\t{", "found character"},
	} {
		text := strings.Replace(whole, x.old, x.new, 1)
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), x.says) {
			t.Errorf("%s: %v, want %q", name, err, x.says)
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "holds no test") {
		t.Errorf("an empty suite: %v", err)
	}
	write("a.yaml", whole)
	write("README.md", "of no interest")
	if tests, err := Load(dir); err != nil || len(tests) != 1 {
		t.Errorf("%v, %v", tests, err)
	}
	write("b.yml", whole)
	write("c.yaml", "name: [")
	write("d.yaml", strings.Repeat("#", maxFile+1))
	_, err := Load(dir)
	for _, want := range []string{"b.yml: name: \"login\" is the name of a.yaml too", "c.yaml: ", "d.yaml: larger than 64 KiB"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestExamples: those of the documentation are tests.
func TestExamples(t *testing.T) {
	tests, err := Load("../../../examples/proofs")
	if err != nil || len(tests) != 2 {
		t.Errorf("%d tests, %v", len(tests), err)
	}
}

// TestObserve: an end that the test did not foresee is no defence.
func TestObserve(t *testing.T) {
	test, err := Parse([]byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		status  int
		output  string
		outcome probe.Outcome
	}{
		{1, "so\nwrong name\n", probe.Stopped},
		{0, "welcome", probe.Worked},
		{1, "no such host", probe.Untold},
		{127, "sh: python3: not found", probe.Untold},
	} {
		if got := test.observe(seen{x.status, []byte(x.output)}); got.Outcome != x.outcome || got.Evidence == "" {
			t.Errorf("status %d with %q: %+v", x.status, x.output, got)
		}
	}
	test.Refused.Status = nil
	if got := test.observe(seen{0, []byte("wrong name")}); got.Outcome != probe.Untold {
		t.Errorf("an end that is both: %+v", got)
	}
}

func TestEvidenceIsALine(t *testing.T) {
	got := seen{1, []byte("one\n\x1b[2Jtwo\x00\xff" + strings.Repeat("x", 500) + "\n\n")}.String()
	if strings.ContainsAny(got, "\x1b\x00\n") || !strings.HasPrefix(got, "exit status 1: [2Jtwo?x") || len(got) > 300 {
		t.Errorf("%q", got)
	}
}

// TestLock: two runs of one directory would take each other's containers for leftovers.
func TestLock(t *testing.T) {
	dir := t.TempDir()
	name, unlock, err := lock(dir)
	if err != nil || !strings.HasSuffix(name, ":"+dir) {
		t.Fatal(name, err)
	}
	begin := time.Now()
	if _, _, err := lock(dir); err == nil || !strings.Contains(err.Error(), "being run already") {
		t.Errorf("%v after %v", err, time.Since(begin))
	}
	unlock()
	_, unlock, err = lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}
