// Package engine is the heart of a node: it owns the containers, from the
// request that creates one to the last trace that is removed.
//
// A request comes in typed (Create, Start, Exec, …), is turned into a posture
// by package sandbox, recorded in the state store, and carried out by package
// runtime. What was decided at create is stored and is the very value that
// every later start executes; nothing is merged in afterwards.
//
// The engine knows nothing of HTTP, of a command line or of a cluster: those
// sit on its methods. It declares the few interfaces it needs of images and
// networks in ports.go.
package engine
