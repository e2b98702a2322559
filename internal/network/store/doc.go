// Package store keeps what a node knows about its networks in one file, networks.json. The file is replaced as a whole and
// synced before anything that it says is acknowledged, so that a loss of power leaves the old one or the new one.
package store
