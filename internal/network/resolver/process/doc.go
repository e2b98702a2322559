// Package process is what a node's resolver does: one small process, which answers the containers' queries also while no
// daemon runs.
//
// Packets of hostile containers and answers of hostile servers end here. Before the first is read the process has become
// nobody, without capabilities, and has given up every system call that it does not need: it makes IP sockets that connect,
// reads files, and that is all. What it answers from comes through one unix socket, on which it listens to root alone.
package process
