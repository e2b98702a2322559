// Package scenes attacks the API as a stranger who may open a connection: with
// requests that a policy could take for others than the engine does, and with
// those of web pages and proxies. Each is one change to a request that is
// answered; the twin is that request.
package scenes
