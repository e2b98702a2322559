package format

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bailey-run/bailey/internal/prove"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// report has a result of every verdict.
func report(engine string) prove.Report {
	result := func(id, control string, v prove.Verdict, evidence, twin string) prove.Result {
		return prove.Result{Probe: id, Control: control, Tries: "try <" + id + ">", Source: "CVE-0000-0000", As: "root", Verdict: v, Evidence: evidence, Twin: twin}
	}
	return prove.Report{
		Engine: engine, Kernel: "6.1", Began: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Seconds: 1.5,
		Results: []prove.Result{
			result("seccomp/a", "seccomp", prove.Blocked, "EPERM", "without seccomp: succeeded"),
			result("seccomp/b", "seccomp", prove.Succeeded, "", "without seccomp"),
			result("devices/a", "devices", prove.Unproven, "EPERM", "on the host: stopped too, ENOENT (open /x)"),
			result("devices/b", "devices", prove.Inconclusive, "no answer in 5s", "on the host"),
		},
		Unproven: []string{"cpu"},
	}
}

func TestFormats(t *testing.T) {
	for _, name := range []string{"table", "json", "sarif", "junit"} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := Write(&out, name, report("Bailey 1")); err != nil {
				t.Fatal(err)
			}
			golden(t, name, out.Bytes())
			if name == "json" || name == "sarif" {
				if !json.Valid(out.Bytes()) {
					t.Error("it is not JSON")
				}
			}
			if name == "junit" {
				if err := xml.Unmarshal(out.Bytes(), new(struct{})); err != nil {
					t.Error(err)
				}
			}
		})
	}
	if err := Write(&bytes.Buffer{}, "yaml", prove.Report{}); err == nil {
		t.Error("an unknown format is accepted")
	}
}

func TestCompare(t *testing.T) {
	other := report("Docker 20")
	other.Results[0].Verdict = prove.Succeeded
	other.Results = other.Results[:3] // it has no result for the last
	var out bytes.Buffer
	if err := Compare(&out, []prove.Report{report("Bailey 1"), other}); err != nil {
		t.Fatal(err)
	}
	golden(t, "compare", out.Bytes())
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (go test -update rewrites it):\n%s", path, got)
	}
}
