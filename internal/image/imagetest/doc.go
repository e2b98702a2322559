// Package imagetest builds image archives in memory for tests: docker-archives and OCI layouts from lists of files, without
// any tool from outside, well-formed ones and hostile ones alike.
package imagetest
