package idrange

import "errors"

// The ranges: slot n begins at Base + n*Size, and there are Slots of them.
const (
	Base  uint32 = 0x70000000
	Size  uint32 = 65536
	Slots        = 4096
)

// DefaultDir is where the nodes of a machine meet.
const DefaultDir = "/run/bailey/ids"

// ErrExhausted means that every range of the machine is taken.
var ErrExhausted = errors.New("every range of user ids on this machine is taken")

// Claims is one node's view of the machine's ranges.
type Claims struct{}

// Open prepares dir (DefaultDir when empty) for the node whose directory is
// node (absolute).
func Open(dir, node string) (*Claims, error) { return nil, errors.New("idrange: being written") }

// Claim takes a free range and returns its first id.
func (c *Claims) Claim() (base uint32, err error) { return 0, errors.New("idrange: being written") }

// Release gives a range back. A range that this node does not hold is an error.
func (c *Claims) Release(base uint32) error { return errors.New("idrange: being written") }

// List returns the first ids of the ranges that this node holds, ascending.
func (c *Claims) List() ([]uint32, error) { return nil, errors.New("idrange: being written") }

// Reclaim frees this node's ranges that are not live, and those of nodes whose
// directory is gone. It returns how many it freed.
func (c *Claims) Reclaim(live map[uint32]bool) (freed int, err error) {
	return 0, errors.New("idrange: being written")
}
