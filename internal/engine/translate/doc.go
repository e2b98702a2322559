// Package translate turns the Docker API's words into the engine's.
//
// It is where a request is read, once: what comes out is the sandbox.Request
// that is decided on, recorded and executed. It is pure but for the look at
// host paths and devices, which the caller hands in as functions.
package translate
