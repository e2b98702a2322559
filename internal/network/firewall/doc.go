// Package firewall holds the rules of one node: the nftables table `inet bailey-<node>`, and `bridge bailey-<node>` for the
// frames between the ports of a bridge. Rules are fixed when a table is made; everything that changes later is an element of
// a set, so that a container start needs none on the default segment, one on a user-defined network and one for each
// published port.
//
// The rules are built once, as expressions for the kernel and as the text that nft(8) prints for them; a test compares the
// text with what the kernel lists. Tables of others are read and never written.
package firewall
