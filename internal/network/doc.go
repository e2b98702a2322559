// Package network gives every container a network reach of its own and nothing more.
//
// A container without a user-defined network sits on the default segment: one routed veth pair of its own, so that there is
// no wire it shares with another container and no ARP to forge. User-defined networks are Linux bridges: the containers
// on one may talk to each other, and to nobody on another. Neither kind reaches a service of the host (except the DNS of
// its gateway), a link-local or metadata address, or another container that it shares no network with.
//
// Every rule lives in one nftables table `inet bailey-<node>` and, for the frames between the ports of a bridge, one table
// `bridge bailey-<node>`. Tables of others are read (to warn) and never written. Nothing is ever executed: links, addresses
// and rules go over netlink. IPv6 is switched off on the interfaces of this package and dropped by the table.
package network
