package network

import (
	"net/netip"
	"os"
	"testing"

	"github.com/bailey-run/bailey/internal/network/nettest"
	"github.com/moby/moby/api/types/network"
)

// each runs f for one fresh container after the other; making and removing their namespaces is not measured.
func each(b *testing.B, m *Manager, prepare func(ns *os.File, r *WireRequest), f func(ns *os.File, r WireRequest)) {
	const atOnce = 50
	var open []*os.File
	var ids []string
	clear := func() {
		for _, id := range ids {
			m.Release(b.Context(), id)
		}
		for _, ns := range open {
			ns.Close()
		}
		open, ids = nil, nil
	}
	defer clear()
	for b.Loop() {
		b.StopTimer()
		if len(open) == atOnce {
			clear()
		}
		ns, err := nettest.OpenNS()
		if err != nil {
			b.Fatal(err)
		}
		r := WireRequest{ContainerID: randomHex(32), Name: "c", NetNS: ns}
		prepare(ns, &r)
		open, ids = append(open, ns), append(ids, r.ContainerID)
		b.StartTimer()
		f(ns, r)
	}
}

func benchWorld(b *testing.B) *Manager {
	w := newWorld(b)
	m := w.open(Options{Publish: PublishDNAT})
	w.create(m, "front", network.CreateRequest{})
	return m
}

func prewire(b *testing.B, m *Manager) func(ns *os.File, r *WireRequest) {
	return func(ns *os.File, r *WireRequest) {
		s, err := m.Prewire(b.Context(), ns)
		if err != nil {
			b.Fatal(err)
		}
		r.Segment = &s
	}
}

func wire(b *testing.B, m *Manager) func(ns *os.File, r WireRequest) {
	return func(_ *os.File, r WireRequest) {
		if _, err := m.Wire(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPrewire(b *testing.B) {
	m := benchWorld(b)
	each(b, m, func(*os.File, *WireRequest) {}, func(ns *os.File, _ WireRequest) {
		if _, err := m.Prewire(b.Context(), ns); err != nil {
			b.Fatal(err)
		}
	})
}

// A claim is too short to be timed alone: 50 of them are timed together.
func BenchmarkClaim50(b *testing.B) {
	m := benchWorld(b)
	const many = 50
	pre := prewire(b, m)
	var open []*os.File
	for range many {
		ns, err := nettest.OpenNS()
		if err != nil {
			b.Fatal(err)
		}
		defer ns.Close()
		open = append(open, ns)
	}
	for b.Loop() {
		b.StopTimer()
		var requests []WireRequest
		for _, ns := range open {
			r := WireRequest{ContainerID: randomHex(32), Name: "c", NetNS: ns}
			pre(ns, &r)
			requests = append(requests, r)
		}
		b.StartTimer()
		for _, r := range requests {
			if _, err := m.Wire(b.Context(), r); err != nil {
				b.Fatal(err)
			}
		}
		b.StopTimer()
		var names []string
		for _, r := range requests {
			if err := m.Release(b.Context(), r.ContainerID); err != nil {
				b.Fatal(err)
			}
			names = append(names, r.Segment.HostIf)
		}
		if err := m.conn.DeleteMany(names, m.names.doomed()); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func BenchmarkClaimPublished(b *testing.B) {
	m := benchWorld(b)
	pre := prewire(b, m)
	each(b, m, func(ns *os.File, r *WireRequest) {
		pre(ns, r)
		r.Ports = []Port{{HostIP: netip.IPv4Unspecified(), ContainerPort: 80}}
	}, wire(b, m))
}

func BenchmarkWireNetwork(b *testing.B) {
	m := benchWorld(b)
	each(b, m, func(_ *os.File, r *WireRequest) { r.Networks = []Want{{Network: "front"}} }, wire(b, m))
}

func BenchmarkWireNetworkPrewired(b *testing.B) {
	m := benchWorld(b)
	pre := prewire(b, m)
	each(b, m, func(ns *os.File, r *WireRequest) { pre(ns, r); r.Networks = []Want{{Network: "front"}} }, wire(b, m))
}

func BenchmarkRelease(b *testing.B) {
	m := benchWorld(b)
	w := wire(b, m)
	each(b, m, func(ns *os.File, r *WireRequest) {
		r.Networks = []Want{{Network: "front"}}
		w(ns, *r)
	}, func(_ *os.File, r WireRequest) {
		if err := m.Release(b.Context(), r.ContainerID); err != nil {
			b.Fatal(err)
		}
	})
}

// What a daemon does before it is ready, with 50 containers that still run.
func BenchmarkOpenAndAdopt50(b *testing.B) {
	w := newWorld(b)
	o := w.options(Options{Publish: PublishDNAT})
	m, err := Open(b.Context(), o)
	w.must(err)
	w.must(m.Adopt(b.Context(), nil))
	w.create(m, "front", network.CreateRequest{})
	var live []Attachment
	for i := range 50 {
		r := WireRequest{Ports: []Port{{HostIP: netip.IPv4Unspecified(), ContainerPort: 80}}}
		if i%2 == 0 {
			r.Networks = []Want{{Network: "front"}}
		}
		live = append(live, w.run(m, "c", r).a)
	}
	b.Cleanup(func() { m.Destroy(b.Context()); m.Close() })
	for b.Loop() {
		m.Close()
		if m, err = Open(b.Context(), o); err != nil {
			b.Fatal(err)
		}
		if err := m.Adopt(b.Context(), live); err != nil {
			b.Fatal(err)
		}
	}
}
