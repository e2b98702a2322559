// Package channel is what a daemon and its node's resolver say to one another.
//
// The resolver outlives daemons and their upgrades. What Hello, Socket, Done, Quit and OK look like is therefore fixed: a
// daemon must be able to take the sockets of an older resolver, and to send it away. Everything else is only spoken between
// a daemon and a resolver that were built together, which Hello makes sure of.
//
// Each message of the daemon is answered, in order:
//
//	Hello             -> Hello, Socket..., Done
//	Change            -> OK, when every query is answered by it
//	Listen  (2 files) -> OK
//	Stop              -> OK
//	Quit              -> OK; then the resolver answers what it has read, and ends
//
// A frame is one byte that says which kind, four bytes of payload length (little endian), and the payload. The sockets of a
// gateway, UDP first, travel as files with the frame (unix(7), SCM_RIGHTS).
package channel
