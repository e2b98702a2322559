// Package nettest runs tests of the network in network namespaces of their own, so that they neither see nor disturb the
// network of the machine they run on.
package nettest
