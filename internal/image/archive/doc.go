// Package archive reads and writes the tars of docker save and of OCI layouts. Reading never puts a name of the archive on
// disk: every entry goes to a store of blobs by digest.
package archive
