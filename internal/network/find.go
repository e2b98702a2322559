package network

import (
	"slices"
	"strings"
)

// find returns the network of a name, an id or an unambiguous prefix of an id; mu is held. Its error is a
// [*NotFoundError] or an errdefs.ErrInvalidArgument. The networks without a wire, none and host, are not among them.
func (m *Manager) find(ref string) (*segment, error) {
	if ref == "" || ref == "default" {
		ref = Bridge
	}
	for _, s := range m.nets { // an id first: a name could be made to look like another network's
		if s.ID == ref {
			return s, nil
		}
	}
	for _, s := range m.nets {
		if s.Name == ref {
			return s, nil
		}
	}
	var found []*segment
	for _, s := range m.nets {
		if strings.HasPrefix(s.ID, ref) {
			found = append(found, s)
		}
	}
	switch len(found) {
	case 0:
		return nil, &NotFoundError{Ref: ref}
	case 1:
		return found[0], nil
	}
	return nil, invalid("network %s is ambiguous: %d ids begin with it; give more of the id, or the name", ref, len(found))
}

// wireless reports whether ref names one of the predefined networks without a wire, and which.
func (m *Manager) wireless(ref string) (string, bool) {
	for _, name := range []string{None, Host} {
		if ref == name || ref == builtinID(m.o.Node, name) {
			return name, true
		}
	}
	return "", false
}

// usersOf are the containers on a network, by name where they have one; mu is held.
func (m *Manager) usersOf(s *segment) []string {
	var out []string
	for id := range s.users {
		name := shortID(id)
		if w := m.containers[id]; w != nil && w.Name != "" {
			name = w.Name
		}
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
