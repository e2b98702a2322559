package firewall

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

// Table is the rules of one node in the kernel. It is safe for concurrent use.
type Table struct {
	mu    sync.Mutex
	conn  *nftables.Conn
	rules *ruleset
	state State
	// removed is true once nothing may put the tables back.
	removed bool
	// bridged is false on a kernel without nftables for bridges.
	bridged bool
}

const (
	// socketBytes holds the acknowledgements of the largest batch.
	socketBytes = 4 << 20
	// elementsPerMessage keeps a list of elements below the 64 KiB that one attribute can hold.
	elementsPerMessage = 400
)

// Open connects to nftables and changes nothing yet.
func Open(c Config) (*Table, error) {
	conn, err := nftables.New(nftables.AsLasting(), nftables.WithSockOptions(largeBuffers))
	if err != nil {
		return nil, fmt.Errorf("open nftables: %w", err)
	}
	return &Table{conn: conn, rules: newRuleset(c), bridged: true}, nil
}

// largeBuffers suits nftables' connection, whose type belongs to a module that this one does not name.
func largeBuffers[C interface {
	SetReadBuffer(int) error
	SetWriteBuffer(int) error
}](c C) error {
	return errors.Join(c.SetReadBuffer(socketBytes), c.SetWriteBuffer(socketBytes))
}

// Close closes the connection and leaves the rules in force.
func (t *Table) Close() error { return t.conn.CloseLasting() }

// Bridged reports whether the kernel can filter frames between the ports of a bridge. It is known after [Table.Apply].
func (t *Table) Bridged() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.bridged
}

// Adopt takes over the tables that an earlier daemon left, if they are whole, and else makes them with this state.
// [Table.Apply] must follow when it is known what the sets should hold.
func (t *Table) Adopt(st State) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.state = st
	if whole, err := t.whole(); err == nil && whole {
		return nil
	}
	return t.apply(st)
}

// Apply puts the rules with exactly this state in place of whatever the node's tables held, in one transaction: at no
// moment is a packet judged by half of them.
func (t *Table) Apply(st State) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.apply(st)
}

func (t *Table) apply(st State) error {
	err := t.replace(st)
	if t.bridged && (errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EOPNOTSUPP)) {
		t.bridged = false
		err = t.replace(st)
	}
	if err != nil {
		return fmt.Errorf("replace the nftables tables %s: %w", t.rules.inet.Name, err)
	}
	t.state, t.removed = st, false
	return nil
}

// tables are those that this kernel can hold.
func (t *Table) tables() []*nftables.Table {
	if t.bridged {
		return []*nftables.Table{t.rules.inet, t.rules.bridge}
	}
	return []*nftables.Table{t.rules.inet}
}

func (t *Table) replace(st State) error {
	tables := t.tables()
	for _, table := range tables {
		// Adding first makes deleting succeed whether or not the table was there.
		t.conn.AddTable(table)
		t.conn.DelTable(table)
		t.conn.AddTable(table)
	}
	elements := t.rules.sets.elements(st)
	for _, p := range denied {
		elements[t.rules.sets.denied] = append(elements[t.rules.sets.denied], interval(p)...)
	}
	for _, s := range t.rules.sets.all() {
		if slices.Contains(tables, s.Table) {
			if err := t.conn.AddSet(s, nil); err != nil {
				return err
			}
		}
	}
	if err := t.queue(elements, t.conn.SetAddElements); err != nil {
		return err
	}
	for _, c := range t.rules.chains {
		if slices.Contains(tables, c.Table) {
			t.conn.AddChain(c.Chain)
		}
	}
	for _, c := range t.rules.chains {
		for _, r := range c.rules {
			if slices.Contains(tables, c.Table) {
				t.conn.AddRule(&nftables.Rule{Table: c.Table, Chain: c.Chain, Exprs: r.exprs()})
			}
		}
	}
	return t.conn.Flush()
}

func (t *Table) queue(elements map[*nftables.Set][]nftables.SetElement, op func(*nftables.Set, []nftables.SetElement) error) error {
	for set, es := range elements {
		if set.Table == t.rules.bridge && !t.bridged {
			continue
		}
		for part := range slices.Chunk(es, elementsPerMessage) {
			if err := op(set, part); err != nil {
				return err
			}
		}
	}
	return nil
}

// Change adds and removes elements in one transaction. When the kernel refuses it, because somebody else changed the
// tables, they are replaced as a whole.
func (t *Table) Change(add, remove State) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	want := t.state.minus(remove).Plus(add)
	err := errors.Join(
		t.queue(t.rules.sets.elements(remove), t.conn.SetDeleteElements),
		t.queue(t.rules.sets.elements(add), t.conn.SetAddElements),
	)
	if err := errors.Join(err, t.conn.Flush()); err != nil {
		return t.apply(want)
	}
	t.state = want
	return nil
}

// Remove deletes the node's tables for good: a watch that still runs does not repair them. It is no error when they are
// gone.
func (t *Table) Remove() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.removed = true
	for _, table := range t.tables() {
		t.conn.AddTable(table)
		t.conn.DelTable(table)
	}
	if err := t.conn.Flush(); err != nil {
		return fmt.Errorf("delete the nftables tables %s: %w", t.rules.inet.Name, err)
	}
	t.state = State{}
	return nil
}

// Repair puts the tables back if they, or rules of them, are missing, and reports whether they were.
func (t *Table) Repair() (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.removed {
		return false, nil
	}
	whole, err := t.whole()
	if err != nil || whole {
		return false, err
	}
	return true, t.apply(t.state)
}

func (t *Table) whole() (bool, error) {
	for _, want := range t.tables() {
		have, err := t.conn.ListTablesOfFamily(want.Family)
		if err != nil {
			return false, fmt.Errorf("list nftables tables: %w", err)
		}
		if !slices.ContainsFunc(have, func(h *nftables.Table) bool { return h.Name == want.Name }) {
			return false, nil
		}
	}
	for _, c := range t.rules.chains {
		if !slices.Contains(t.tables(), c.Table) {
			continue
		}
		rules, err := t.conn.GetRules(c.Table, c.Chain)
		if errors.Is(err, unix.ENOENT) || err == nil && len(rules) != len(c.rules) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("list the rules of %s: %w", c.Name, err)
		}
	}
	return true, nil
}
