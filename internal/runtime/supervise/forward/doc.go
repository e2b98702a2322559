// Package forward carries published ports: it listens on addresses of the host
// and passes what comes to an address of a container.
//
// TCP is spliced, so that no byte is copied to this process; a connection that
// is silent costs two sockets and no buffer. UDP has sessions, one per client
// address, which end when they are silent. Both are bounded: a flood from
// outside costs its sender the service, not the host its memory.
package forward
