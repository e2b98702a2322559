// Package idrange hands out ranges of 65,536 user and group ids so that no
// two live containers on one machine share a single id, whichever node they
// belong to.
//
// A range is claimed by making a symbolic link in a directory that all nodes
// of a machine share and that does not survive a reboot. The link is named
// after the range and leads to the claiming node's directory: it comes into
// being whole or not at all, and never twice. Whoever removes one holds a
// lock, so that nobody removes a claim that was renewed meanwhile.
package idrange
