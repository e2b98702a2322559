// Package client is the side of a build that the person sits at: it sends a node the files, secrets and credentials that
// the node asks for, shows what happens, and takes the result. It speaks BuildKit's protocol, as buildx does, and knows
// nothing of the node but how to connect to it.
package client
