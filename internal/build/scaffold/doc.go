// Package scaffold writes the first Dockerfile of a directory: a minimal image
// of several stages, with a user of its own, that runs in Bailey's default
// posture and passes `bailey build --lint`.
//
// What a directory is, it tells by its files. They are read as hostile: within
// bounds, and what is taken from them into a Dockerfile is a [word], which
// cannot begin a line, a variable or an option.
package scaffold
