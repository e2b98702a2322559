// Package logfile reads what supervisors log: JSON lines in the format of
// Docker's json-file driver, in a current file and its numbered rotations.
//
// A reader never holds up a writer: it follows files on disk, so a client
// that reads slowly costs the container nothing.
package logfile
