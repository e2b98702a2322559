package firewall

import (
	"bytes"
	"slices"
)

// Plus returns the elements of both states.
func (st State) Plus(o State) State {
	return State{
		Subnets:   slices.Concat(st.Subnets, o.Subnets),
		Gateways:  slices.Concat(st.Gateways, o.Gateways),
		Networks:  slices.Concat(st.Networks, o.Networks),
		Published: slices.Concat(st.Published, o.Published),
		Ports:     slices.Concat(st.Ports, o.Ports),
		Guarded:   slices.Concat(st.Guarded, o.Guarded),
	}
}

func (st State) minus(o State) State {
	return State{
		Subnets:   without(st.Subnets, o.Subnets),
		Gateways:  without(st.Gateways, o.Gateways),
		Networks:  without(st.Networks, o.Networks),
		Published: without(st.Published, o.Published),
		Ports: slices.DeleteFunc(slices.Clone(st.Ports), func(p Port) bool {
			return slices.ContainsFunc(o.Ports, func(q Port) bool {
				return p.Link == q.Link && p.IP == q.IP && bytes.Equal(p.MAC, q.MAC)
			})
		}),
		Guarded: without(st.Guarded, o.Guarded),
	}
}

func without[T comparable](from, what []T) []T {
	return slices.DeleteFunc(slices.Clone(from), func(v T) bool { return slices.Contains(what, v) })
}
