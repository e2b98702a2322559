// Package dns is the resolver that a node offers to its containers on its gateways, over UDP and TCP (RFC 1035, RFC 7766).
//
// It answers the names of the containers that share a user-defined network with the one that asks, and forwards everything
// else to the resolvers of the host. It serves nobody but the node's containers, keeps no cache in common between two of
// them, forwards nothing for a container that has only internal networks, forwards no name that has a meaning only on the
// local link (.local, single labels), and drops answers from outside that point back inside: at loopback, link-local or
// metadata addresses (DNS rebinding).
package dns
