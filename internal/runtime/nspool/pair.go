package nspool

import (
	"errors"
	"os"
)

// Pair is a user namespace that maps 0..65535 to IDBase.. and a network
// namespace owned by it, in which lo is up and IPv6 is off.
type Pair struct {
	IDBase uint32
	UserNS *os.File
	NetNS  *os.File
}

// New makes a pair. idBase is the host id of the container's id 0.
func New(idBase uint32) (*Pair, error) { return nil, errors.New("nspool: being written") }

// Close lets go of both namespaces. It is safe to call twice.
func (p *Pair) Close() error { return nil }

// EnableIPv6 turns IPv6 on in the pair's network namespace.
func (p *Pair) EnableIPv6() error { return errors.New("nspool: being written") }

// WithNetNS runs f on a thread that is inside the network namespace ns.
func WithNetNS(ns *os.File, f func() error) error { return errors.New("nspool: being written") }
