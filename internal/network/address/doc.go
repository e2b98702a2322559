// Package address decides about IPv4 addresses without touching the network: which subnet a node or a network gets, which
// address and hardware address a container gets, and which subnets other nodes of the machine already hold.
package address
