// Package resolver keeps a node's resolver running: a process of its own, which outlives the daemon (package process), so
// that containers resolve names while no daemon runs, or while one is replaced by another.
//
// The daemon binds the sockets, and both hold them: queries that come in while a resolver is replaced, because it was killed
// or because it is of an older version, wait in the sockets for the next one. What the resolver answers from is a copy of
// what the [Keeper] is told; a new resolver gets all of it before it gets the sockets.
package resolver
