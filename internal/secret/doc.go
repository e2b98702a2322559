// Package secret keeps the secrets of a node and hands them out by name.
//
// On disk every secret is a file encrypted with age (age-encryption.org/v1)
// to a key that only this node's root can read, so that a copy of the files,
// such as a backup, reveals nothing without the key. In memory a secret is a
// Value, which does not print, log or marshal.
package secret
