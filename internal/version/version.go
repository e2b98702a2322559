// Package version knows which Bailey this is.
package version

// Version is set by the linker (see the Makefile); a plain `go build` leaves it unknown.
var Version = "unknown"
