// Package sandbox decides what a container may do.
//
// [Compute] turns what a caller asks for into a [Posture]: plain data that
// holds every control with its value, and for every value weaker than the
// default the entry of the policy that allows it. A second step turns the
// posture into what an OCI runtime executes: [Spec] for the container,
// [ExecProcess] for a further process in it, [ApplyUpdate] for new limits.
// [Posture.Controls] shows it row by row against the default.
//
// The package is pure: it reads no file, no clock and no global state, so
// that the same request under the same policy on the same host always gives
// the same posture, and the default is a golden file. Two rooms hold texts of
// their own: seccomp the system calls, apparmor the profile.
package sandbox
