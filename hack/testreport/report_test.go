package main

import (
	"io"
	"strings"
	"testing"
	"time"
)

// TestReport feeds recorded events and looks at what a person would read.
func TestReport(t *testing.T) {
	const (
		pass = `{"Action":"run","Package":"github.com/bailey-run/bailey/internal/a","Test":"TestA"}
{"Action":"pass","Package":"github.com/bailey-run/bailey/internal/a","Test":"TestA","Elapsed":0.1}
{"Action":"pass","Package":"github.com/bailey-run/bailey/internal/a","Elapsed":0.2}
`
		fail = `{"Action":"run","Package":"github.com/bailey-run/bailey/internal/b","Test":"TestB"}
{"Action":"output","Package":"github.com/bailey-run/bailey/internal/b","Test":"TestB","Output":"    b_test.go:9: want 1\n"}
{"Action":"fail","Package":"github.com/bailey-run/bailey/internal/b","Test":"TestB","Elapsed":0.1}
{"Action":"fail","Package":"github.com/bailey-run/bailey/internal/b","Elapsed":0.2}
`
		skip = `{"Action":"run","Package":"github.com/bailey-run/bailey/internal/a","Test":"TestS"}
{"Action":"output","Package":"github.com/bailey-run/bailey/internal/a","Test":"TestS","Output":"    a_test.go:3: this kernel has no AppArmor\n"}
{"Action":"skip","Package":"github.com/bailey-run/bailey/internal/a","Test":"TestS","Elapsed":0}
`
		broken = `{"ImportPath":"github.com/bailey-run/bailey/internal/c","Action":"build-output","Output":"c.go:1: syntax error\n"}
{"ImportPath":"github.com/bailey-run/bailey/internal/c","Action":"build-fail"}
{"Action":"fail","Package":"github.com/bailey-run/bailey/internal/c","Elapsed":0,"FailedBuild":"github.com/bailey-run/bailey/internal/c"}
`
		crash = `{"Action":"run","Package":"github.com/bailey-run/bailey/internal/d","Test":"TestD"}
{"Action":"output","Package":"github.com/bailey-run/bailey/internal/d","Test":"TestD","Output":"panic: boom\n"}
`
	)
	for _, tt := range []struct {
		name, in string
		fails    bool
		want     []string
	}{
		{"passes", pass, false, []string{"ok    internal/a", "\n1 passed, 0 failed, 0 skipped\n"}},
		{"says why it skips", skip + pass, false, []string{"1  this kernel has no AppArmor", "1 passed, 0 failed, 1 skipped"}},
		{"shows the failed test", pass + fail, true, []string{"FAIL  internal/b", "b_test.go:9: want 1", "internal/b TestB", "1 passed, 1 failed"}},
		{"shows what does not compile", pass + broken, true, []string{"c.go:1: syntax error", "internal/c (does not compile)", "1 passed, 1 failed"}},
		{"counts a crash", pass + crash, true, []string{"panic: boom", "internal/d (ended without a result)", "1 passed, 1 failed"}},
		{"no test at all fails", "", true, []string{"0 passed, 0 failed"}},
		{"passes foreign lines through", "warning: odd\n" + pass, false, []string{"warning: odd"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			err := run(strings.NewReader(tt.in), &out, time.Hour)
			if (err != nil) != tt.fails {
				t.Errorf("error %v, want one: %v", err, tt.fails)
			}
			for _, want := range tt.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("the report lacks %q:\n%s", want, out.String())
				}
			}
		})
	}
}

// TestHeartbeat: a quiet run says what it is doing.
func TestHeartbeat(t *testing.T) {
	clock := time.Unix(0, 0)
	var out strings.Builder
	r := newReport(&out, func() time.Time { return clock })
	r.heartbeat()
	r.add(event{Action: "run", Package: module + "internal/a", Test: "TestSlow"})
	clock = clock.Add(40 * time.Second)
	r.heartbeat()
	for _, want := range []string{"compiling", "still running: internal/a TestSlow (40 s)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the heartbeat lacks %q:\n%s", want, out.String())
		}
	}
}

// TestShorten: the middle of a long text goes, and nothing of a short one.
func TestShorten(t *testing.T) {
	if short := "a\nb\n"; shorten(short) != short {
		t.Errorf("shortened %q", short)
	}
	long := "first\n" + strings.Repeat("middle\n", 1000) + "last\n"
	got := shorten(long)
	if !strings.HasPrefix(got, "first\n") || !strings.HasSuffix(got, "last\n") || strings.Count(got, "\n") > firstLines+lastLines+1 {
		t.Errorf("%d lines are left: %.20q", strings.Count(got, "\n"), got)
	}
}

// TestReadError: a broken pipe is not a success.
func TestReadError(t *testing.T) {
	in := io.MultiReader(strings.NewReader("{}\n"), brokenReader{})
	if err := run(in, io.Discard, time.Hour); err == nil {
		t.Error("a read error was taken for the end of the tests")
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }
