// Package payload holds the programs that Bailey ships inside its own binary
// (the OCI runtime, the supervisor, the init, the probes, the resolver), unpacks
// them, and makes sure that what is executed later is what was unpacked.
//
// `make build` puts them into bin/ before the main binary is compiled. A main
// binary that was compiled without them works, except that it says so when a
// container is to be run.
package payload
