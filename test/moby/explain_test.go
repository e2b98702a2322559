package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestExpectedIsOnThePage: what Bailey is known to fail stands in docs/compatibility.md, each with its reason, and is counted right.
func TestExpectedIsOnThePage(t *testing.T) {
	page, err := os.ReadFile("../../docs/compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for line := range strings.Lines(expectedText) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if len(fields) != 3 {
			t.Fatalf("not three fields: %q", line)
		}
		count[fields[1]]++
		found := false
		for row := range strings.Lines(string(page)) {
			found = found || strings.HasPrefix(row, "| "+fields[2]+" |") && strings.Contains(row, "`"+fields[0]+"`")
		}
		if !found {
			t.Errorf("the page does not say of %s: %s", fields[0], fields[2])
		}
	}
	for kind, n := range count {
		if !strings.Contains(string(page), fmt.Sprintf("| %s | %d |", kind, n)) {
			t.Errorf("the page does not say that %d tests fail for the reason %s", n, kind)
		}
	}
}

// TestExplain: a failure without a reason is an error, and so is a reason without a failure.
func TestExplain(t *testing.T) {
	name, _, _ := strings.Cut(expectedText, "\t")
	suite, test, _ := strings.Cut(name, ".")
	fails := []outcome{{Suite: suite, Test: test, Result: failed}, {Suite: "x", Test: "TestDaemon", Result: failed, Output: "could not find docker binary in $PATH"}}
	if err := explain(fails); err != nil || fails[0].Reason == "" || fails[1].Reason != ownDaemon {
		t.Errorf("%+v %v", fails, err)
	}
	for _, wrong := range []outcome{{Suite: "x", Test: "TestNew", Result: failed}, {Suite: suite, Test: test, Result: passed}} {
		if explain([]outcome{wrong}) == nil {
			t.Errorf("%+v was accepted", wrong)
		}
	}
}
