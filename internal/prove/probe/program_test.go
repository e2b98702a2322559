package probe

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"syscall"
	"testing"
	"time"
)

// played are attempts of every ending; the test's own binary makes them.
var played = []Probe{
	{ID: "works", Attempt: func() error { return nil }},
	{ID: "stopped", Attempt: func() error { return &os.PathError{Op: "open", Path: "/x", Err: syscall.EROFS} }},
	{ID: "untried", Attempt: func() error { return Untried("there is no %s", "moon") }},
	{ID: "killed", Attempt: func() error { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL); time.Sleep(time.Minute); return nil }},
	{ID: "silent", Attempt: func() error { os.Exit(3); return nil }},
}

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "attempt" {
		os.Exit(Program(os.Args[0], os.Args[1:], played, os.Stdout))
	}
	os.Exit(m.Run())
}

func TestEndings(t *testing.T) {
	want := map[string]Observation{
		"works":   {Outcome: Worked},
		"stopped": {Outcome: Stopped, Evidence: "EROFS (open /x: read-only file system)"},
		"untried": {Outcome: Untold, Evidence: "could not be tried: there is no moon"},
		"killed":  {Outcome: Stopped, Evidence: "killed: killed"},
		"silent":  {Outcome: Untold, Evidence: "ended without a word, status 3"},
		"unknown": {Outcome: Untold, Evidence: "this program has no such probe"},
	}
	var out bytes.Buffer
	if code := Program(os.Args[0], []string{"try", "works", "stopped", "untried", "killed", "silent", "unknown"}, played, &out); code != 0 {
		t.Fatalf("status %d", code)
	}
	lines := json.NewDecoder(&out)
	for range want {
		var got Observation
		if err := lines.Decode(&got); err != nil {
			t.Fatal(err)
		}
		expected := want[got.ID]
		expected.ID = got.ID
		if got != expected {
			t.Errorf("got %+v, want %+v", got, expected)
		}
	}
}

func TestUnknownWordsAreRefused(t *testing.T) {
	for _, args := range [][]string{nil, {"try"}, {"attempt", "unknown"}, {"dance"}} {
		if code := Program(os.Args[0], args, played, &bytes.Buffer{}); code == 0 {
			t.Errorf("%v: accepted", args)
		}
	}
}

func TestReached(t *testing.T) {
	if err := Reached(syscall.EFAULT, syscall.EFAULT, syscall.EINVAL); err != nil {
		t.Errorf("an error that comes after the check is no block: %v", err)
	}
	if err := Reached(syscall.EPERM, syscall.EFAULT); !errors.Is(err, syscall.EPERM) {
		t.Errorf("EPERM became %v", err)
	}
}
