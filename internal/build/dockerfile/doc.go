// Package dockerfile reads Dockerfiles that nobody vouches for.
//
// The grammar is BuildKit's, from its own parser. What this package adds is
// bounds, since a Dockerfile comes from whoever sent the repository: on its
// size, on what its variables expand to (twenty-four lines that double a
// variable cost BuildKit 3.4 GB), and on what an error repeats of it, which
// must not be a secret that stands in the wrong place. It does no I/O.
package dockerfile
