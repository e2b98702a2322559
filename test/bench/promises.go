package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// metrics are the measurements that a promise can be about.
var metrics = []string{"run", "build-cold", "build-changed", "build-cached", "memory", "memory-marginal", "burst", "adopt"}

// promise is one row of the page of promises.
type promise struct {
	Text    string  // what is promised
	Metric  string  // one of metrics
	Against string  // the engine to compare with, by the beginning of its name; empty for an absolute bound
	AtMost  float64 // a ratio, or an amount in Unit
	Unit    string  // "ms", "MiB"; empty for a ratio
	Pending bool    // not kept yet, and known not to be
}

// promiseRow is | text | `metric` | against | at most | state |; behind the state may stand what was measured last.
var promiseRow = regexp.MustCompile("^\\| *(.+?) *\\| *`([a-z-]+)` *\\| *(.*?) *\\| *([0-9.]+) *(×|ms|MiB) *\\| *(enforced|pending)(?:, measured [^|]*)? *\\|$")

// readPromises reads the rows of the page that this program enforces.
func readPromises(path string) ([]promise, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var promises []promise
	for line := range strings.Lines(string(text)) {
		match := promiseRow.FindStringSubmatch(strings.TrimSpace(line))
		if match == nil {
			continue
		}
		p := promise{Text: match[1], Metric: match[2], Pending: match[6] == "pending"}
		if p.AtMost, err = strconv.ParseFloat(match[4], 64); err != nil {
			return nil, fmt.Errorf("%s: %q: %w", path, line, err)
		}
		if match[5] == "×" {
			p.Against = match[3]
		} else {
			p.Unit = match[5]
		}
		promises = append(promises, p)
	}
	if len(promises) == 0 {
		return nil, fmt.Errorf("%s holds no row that this program understands", path)
	}
	return promises, nil
}
