// Package runtime runs containers: it executes the OCI runtime and watches
// over what it started.
//
// Every container has a supervisor of its own, a small static process in a
// session, a control group and a mount namespace of its own. It holds the
// container's pipes or terminal, writes the log, forwards published ports,
// serves attached clients, reaps, and records the exit status before anyone
// is told. It outlives the daemon: a new daemon finds it again with Adopt.
//
// The order of a container's life is Prepare, Attach (by whoever wants to miss
// nothing), Start, Wait, Delete. Between Prepare and Start the supervisor's
// life hangs on the connection to the daemon: when that breaks, it goes away
// and leaves nothing behind. After Start it stays until the container ends.
package runtime
