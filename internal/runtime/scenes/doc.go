// Package scenes attacks the OCI runtime and what the engine asks of it: each
// class of its vulnerabilities, in a form that needs no luck. Links take the
// place of races: a runtime that follows them when they stand still follows
// them when they are swapped.
package scenes
