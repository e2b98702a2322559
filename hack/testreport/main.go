// Command testreport reads the output of `go test -json` on its standard input and tells a person what happens
// while it happens: one line for each package that ends, what still runs when nothing ended for a while, the
// whole output of what failed, why tests were skipped, and a count to close with. It exits with 1 when anything
// failed or when no test ran at all.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"
)

// silence is how long nothing may be printed before a line says what still runs.
const silence = 20 * time.Second

func main() {
	if err := run(os.Stdin, os.Stdout, silence); err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
		os.Exit(1)
	}
}

// run copies events from in to the report on out until in ends. Every quiet period without a line it says what
// still runs.
func run(in io.Reader, out io.Writer, quiet time.Duration) error {
	lines := make(chan []byte)
	failed := make(chan error, 1)
	go func() {
		defer close(lines)
		reader := bufio.NewReaderSize(in, 1<<16)
		for {
			line, err := reader.ReadBytes('\n')
			if len(line) > 0 {
				lines <- line
			}
			if err != nil {
				if err != io.EOF {
					failed <- err
				}
				return
			}
		}
	}()

	report := newReport(out, time.Now)
	ticker := time.NewTicker(quiet)
	defer ticker.Stop()
	for {
		select {
		case line, more := <-lines:
			if !more {
				select {
				case err := <-failed:
					return fmt.Errorf("reading the test output: %w", err)
				default:
					return report.close()
				}
			}
			var e event
			if err := json.Unmarshal(line, &e); err != nil || e.Action == "" {
				fmt.Fprintf(out, "%s", line) // not from the test runner: show it as it is
				continue
			}
			if report.add(e) {
				ticker.Reset(quiet)
			}
		case <-ticker.C:
			report.heartbeat()
		}
	}
}
