// Package daemon is the life of a node's process: what `bailey up` and
// `bailey destroy` do around the engine.
//
// It reads the configuration, takes the lock on the node's directory, makes
// or inherits the sockets, tells systemd how things stand, and turns signals
// into draining and reloading. What a node consists of it does not know:
// [Up] and [Destroy] are given functions that open and remove one, and
// cmd/bailey wires those.
package daemon
