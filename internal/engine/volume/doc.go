// Package volume keeps the named places for data that outlives containers.
//
// A volume is a directory of the node. Files in it carry the container's own
// user ids (0 to 65,535); the idmapped mount that brings it into a container
// shifts them into that container's range, so that one volume can serve
// containers with different ranges and nothing is ever chowned.
package volume
