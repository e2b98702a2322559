// Package idrange hands out ranges of 65,536 user and group ids so that no
// two live containers on one machine share a single id, whichever node they
// belong to.
//
// A range is claimed by creating a file with O_EXCL in a directory that all
// nodes of a machine share; the file holds the claiming node's directory.
package idrange
