// Package probes attacks every control of the sandbox from inside a
// container: a file for each control, beside which it stands. It is standard
// library only, because it is linked into the program that attacks.
package probes
