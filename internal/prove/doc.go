// Package prove attacks an engine and says which attacks were stopped.
//
// An attack is an attempt that must fail, with a twin: the same attempt where
// it must succeed. Only both together prove that a control is in force. The
// prover is a client of the Docker API like any other, so the same attacks run
// against Bailey, Docker and Podman.
//
// Where things are: probe has the attempts from inside one container, and the
// packages that own controls declare them; registry puts them together. A plan
// says which containers are needed, run starts them, verdict compares.
package prove
