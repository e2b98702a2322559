// Command moby runs the integration tests of Docker's own engine (github.com/moby/moby/v2) against a private node,
// and against a stock dockerd for comparison, and writes what passed, failed and was skipped.
//
// The tests are compiled from the module as the proxy serves it, at one pinned version and checksum, in a copy with its own
// go.mod: nothing of it weighs on Bailey's. Every test runs in a process of its own, so that one that hangs or panics costs
// only itself. Images that the tests expect from a registry are made from the machine's busybox under the same names.
//
// It is `make test-moby`. What it found, and the reason of each failure, is in docs/compatibility.md.
package main
