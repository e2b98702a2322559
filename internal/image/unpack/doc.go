// Package unpack applies layer tars to directories. It is written for layers made by an attacker: it never follows a
// symbolic link on disk, never writes outside its directory, bounds everything and refuses with a *hostile.Error.
package unpack
