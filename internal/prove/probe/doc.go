// Package probe is what an attack on the sandbox is made of: the attempt, the
// control that must stop it, and where the same attempt must succeed.
//
// Attempts are declared beside the controls that they attack (as in
// internal/sandbox/probes) and are linked into cmd/bailey-probe, a static
// program of the standard library only that is put into containers. Rules
// for an attempt:
//
//   - It is harmless when nothing stops it: it opens for writing and writes
//     nothing, or gives the kernel an argument that is refused only after the
//     permission was checked. It acts on nothing that it did not create.
//   - It returns nil when the attack worked, an error that says what stopped
//     it, and an error made by Untried when it could not be tried.
//   - It runs in a process of its own: it may be killed, or change itself.
package probe
