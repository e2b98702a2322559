// Package supervise is what a supervisor does: one process for each container,
// which outlives the daemon that spawned it.
//
// It is handed a connection to the daemon, a listening socket, and the
// container's user and network namespaces. From then on everything happens on
// one goroutine, in handlers of an epoll loop: a supervisor that waits has one
// stack and a few pages of memory.
//
// # What becomes of output
//
// Each piece that a container writes goes to the log first and then to every
// attached client that asked for the stream. A client that does not read has
// up to 1 MiB kept for it. When that is full the container's writing blocks,
// as it would with a terminal that was stopped. How long depends on whose
// client it is: one that was attached before the start belongs to whoever runs
// the container in the foreground, and is waited for as long as it is
// connected (a pager may sit there for hours). Any other client is let go
// after 30 seconds in which it took nothing, so that a forgotten or hostile
// one cannot stop a service; the log has everything.
//
// # What becomes of input
//
// The standard input of a container with StdinOnce closes when a client says
// that it has ended or that it goes away. A connection that merely breaks is a
// daemon that died: the input stays open for the next one.
//
// # The end
//
// When the main process has ended, exit.json is on the disk before anyone is
// told. The supervisor stays until all clients have got what was written, and
// goes. Its mounts go with its mount namespace.
package supervise
