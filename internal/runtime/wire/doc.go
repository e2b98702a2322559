// Package wire is the protocol between a daemon and a supervisor.
//
// Both ends ship together, yet a supervisor outlives upgrades of the daemon,
// so the protocol can grow: a message is a list of numbered fields, a reader
// skips the numbers it does not know, and a field that is absent has its zero
// value. Numbers are never used again for something else.
//
// A connection carries frames: one byte that says which kind, four bytes of
// payload length (little endian), and the payload. The first frame of a
// connection says what it is for:
//
//	control   Start      -> Started | Error, then Exit (inherited socket pair)
//	wait      Wait       -> Started | Error, then Exit
//	attach    Attach     -> OK | Error, then Output… until Exit or the end;
//	                        the client sends Stdin…, CloseStdin and Detach
//	exec      Exec       -> Started | Error
//	resize    Resize     -> OK | Error
//
// An attached client that breaks off without Detach is taken for a daemon that
// died: the standard input stays open for the next one.
//
// The package imports the standard library only, and little of it: it is
// linked into a process of which one runs per container.
package wire
