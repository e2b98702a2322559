package address

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// Block hands out the addresses of one IPv4 prefix, in order and round-robin, so that an address that a dead container
// held is not taken again at once. The zero value is not usable. A Block is not safe for concurrent use.
type Block struct {
	subnet, within netip.Prefix
	used           map[uint32]struct{}
	next           uint32
}

// FullError says that a block has no free address left.
type FullError struct{ Prefix netip.Prefix }

func (e *FullError) Error() string {
	return fmt.Sprintf("no free address in %s: remove containers that are no longer needed, or create a network with a larger --subnet", e.Prefix)
}

// TakenError says that an address is not free, or cannot be had.
type TakenError struct {
	Addr netip.Addr
	Why  string
}

func (e *TakenError) Error() string {
	return fmt.Sprintf("address %s cannot be assigned: %s; choose another --ip or leave it out", e.Addr, e.Why)
}

// NewBlock returns a block for subnet that hands out addresses within the given range, which lies inside the subnet; an
// invalid range means the whole subnet. The network and broadcast addresses are never handed out.
func NewBlock(subnet, within netip.Prefix) (*Block, error) {
	if !subnet.Addr().Is4() || subnet.Bits() < 8 || subnet.Bits() > 30 {
		return nil, fmt.Errorf("subnet %s: want an IPv4 prefix from /8 to /30", subnet)
	}
	subnet = subnet.Masked()
	if !within.IsValid() {
		within = subnet
	}
	within = within.Masked()
	if within.Bits() < subnet.Bits() || !subnet.Contains(within.Addr()) {
		return nil, fmt.Errorf("ip-range %s is not inside the subnet %s", within, subnet)
	}
	return &Block{subnet: subnet, within: within, used: map[uint32]struct{}{}, next: number(within.Addr())}, nil
}

// Subnet returns the block's prefix.
func (b *Block) Subnet() netip.Prefix { return b.subnet }

// Used returns how many addresses are taken.
func (b *Block) Used() int { return len(b.used) }

// Next takes the next free address. Its error is a [*FullError].
func (b *Block) Next() (netip.Addr, error) {
	first, last := bounds(b.within)
	for range last - first + 1 {
		n := b.next
		if b.next++; b.next > last {
			b.next = first
		}
		if _, taken := b.used[n]; taken || b.edge(n) {
			continue
		}
		b.used[n] = struct{}{}
		return addr(n), nil
	}
	return netip.Addr{}, &FullError{Prefix: b.within}
}

// Take takes one address of the subnet. Its error is a [*TakenError].
func (b *Block) Take(a netip.Addr) error {
	if !b.subnet.Contains(a) {
		return &TakenError{Addr: a, Why: fmt.Sprintf("it is outside the network's subnet %s", b.subnet)}
	}
	n := number(a)
	if b.edge(n) {
		return &TakenError{Addr: a, Why: "it is the network or the broadcast address of " + b.subnet.String()}
	}
	if _, taken := b.used[n]; taken {
		return &TakenError{Addr: a, Why: "it is in use on this network"}
	}
	b.used[n] = struct{}{}
	return nil
}

// Free gives an address back. Freeing one that is not taken does nothing.
func (b *Block) Free(a netip.Addr) {
	if a.Is4() {
		delete(b.used, number(a))
	}
}

func (b *Block) edge(n uint32) bool {
	first, last := bounds(b.subnet)
	return n == first || n == last
}

// bounds returns the first and last address of a prefix of at least /8.
func bounds(p netip.Prefix) (first, last uint32) {
	first = number(p.Masked().Addr())
	return first, first + uint32(1)<<(32-p.Bits()) - 1
}

func number(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

func addr(n uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b)
}
