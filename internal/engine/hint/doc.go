// Package hint explains to people what a container complains of.
//
// The root file system is read-only by default. A program that does not
// expect that prints an error of its own, in its own words; this package
// recognises it and says which path it is and what opens it. The same for disks
// that are full.
package hint
