// Package export hands what was built to where it is to go: images into the image store, without a second copy of a
// layer, and everything else to the client that asked for it. On the way the provenance gets a source that means
// something to whoever reads it later.
package export
