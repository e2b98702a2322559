// Package hint explains to people what a container complains of.
//
// The root file system is read-only by default, and what can be written
// holds no programs. A program that does not expect that prints an error of
// its own, in its own words; this package recognises it, and says which path
// it is about and which one option opens it. Which option that is depends on
// what the image has at the path: a tmpfs hides it, a volume begins with it.
// The same for disks that are full.
package hint
