// Package api is a node's HTTP server. It speaks the Docker Engine API,
// versions 1.40 to 1.56, and Bailey's own below /bailey/v1/, on unix sockets
// only.
//
// Every request goes the same way, and the way can not be left out because a
// route is made of its parts (see [act]):
//
//	guard        turn away what no Docker client sends        (api/guard)
//	authenticate who is at the other end: kernel credentials  (peer.go)
//	decode       into one typed value, strictly               (api/strict)
//	authorise    that very value                              ([Authorizer])
//	audit        that very value                              ([Auditor])
//	act          on that very value, through [Engine]
//
// All routes stand in one table, routes.go, with the name that policies and the
// audit log know them by. Handlers stand one resource a file and translate; what
// a request means is decided by the engine.
package api
