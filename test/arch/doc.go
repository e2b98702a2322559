// Package arch holds the architecture as tests that fail: who may import whom and why, what must be documented,
// how large a file may grow, and which modules the project stands on. They read source text and the output of
// `go list` and run nothing.
package arch
