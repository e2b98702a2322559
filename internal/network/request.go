package network

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bailey-run/bailey/internal/network/address"
	"github.com/bailey-run/bailey/internal/network/store"
	"github.com/moby/moby/api/types/network"
)

// Limits of a request, each far above what anybody writes by hand.
const (
	maxLabels     = 256
	maxLabelBytes = 4096
	minMTU        = 576
	maxMTU        = 65535
)

var networkName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$`)

// parse turns a request into a network that has no subnet yet unless the request names one.
func (m *Manager) parse(r network.CreateRequest) (store.Network, error) {
	n := store.Network{ID: randomHex(32), Name: r.Name, Created: now(), MTU: m.mtu, Bridge: m.names.newBridge(),
		Internal: r.Internal, Attachable: r.Attachable, Options: maps.Clone(r.Options), Labels: maps.Clone(r.Labels)}
	if !networkName.MatchString(r.Name) {
		return n, invalid("network name %q: want letters, digits, dots, hyphens and underscores, a letter or digit first, at most 128", clip(r.Name))
	}
	if slices.Contains([]string{Bridge, None, Host, "default", "nat"}, r.Name) {
		return n, denied("operation is not permitted on predefined %s network: choose another name", r.Name)
	}
	if err := checkKind(r); err != nil {
		return n, err
	}
	if len(r.Labels) > maxLabels {
		return n, invalid("%d labels: at most %d", len(r.Labels), maxLabels)
	}
	for k, v := range r.Labels {
		if k == "" || len(k)+len(v) > maxLabelBytes {
			return n, invalid("label %q: want a name, and at most %d bytes with its value", clip(k), maxLabelBytes)
		}
	}
	for k, v := range r.Options {
		if err := driverOption(&n, k, v); err != nil {
			return n, err
		}
	}
	return n, setIPAM(&n, r.IPAM)
}

func clip(s string) string { return s[:min(len(s), 64)] }

// checkKind refuses what is not a bridge of this node.
func checkKind(r network.CreateRequest) error {
	switch {
	case r.Driver != "" && r.Driver != "bridge" && r.Driver != "default":
		return unsupported("network driver %q: Bailey has bridge networks only; leave --driver out", clip(r.Driver))
	case r.Scope != "" && r.Scope != "local":
		return unsupported("network scope %q: Bailey's networks are local to a node; leave --scope out", clip(r.Scope))
	case r.EnableIPv6 != nil && *r.EnableIPv6:
		return unsupported("IPv6 is switched off on Bailey's networks: leave --ipv6 out")
	case r.EnableIPv4 != nil && !*r.EnableIPv4:
		return unsupported("Bailey's networks are IPv4 only: leave --ipv4=false out")
	case r.Ingress:
		return unsupported("an ingress network needs a cluster: leave --ingress out")
	case r.ConfigOnly || r.ConfigFrom != nil && r.ConfigFrom.Network != "":
		return unsupported("networks that hold only a configuration are not supported: give the options to the network itself")
	}
	return nil
}

// driverOption is what Bailey makes of one driver option of Docker's bridge networks.
func driverOption(n *store.Network, key, value string) error {
	const bridge = "com.docker.network.bridge."
	wants := func(ok bool, why string) error {
		if ok {
			return nil
		}
		return unsupported("option %s=%s: %s", key, clip(value), why)
	}
	switch key {
	case bridge + "enable_icc":
		icc, err := strconv.ParseBool(value)
		n.Isolated = !icc
		return wants(err == nil, "want true or false")
	case bridge + "enable_ip_masquerade":
		return wants(isTrue(value), "addresses of containers never leave the host; leave it out, or use --internal for a network without a way out")
	case bridge + "host_binding_ipv4":
		return wants(value == "127.0.0.1", "ports are published on 127.0.0.1 unless an address is given; give it with -p ADDRESS:PORT:PORT")
	case bridge + "default_bridge":
		return wants(!isTrue(value), "the default network is predefined")
	case bridge + "name":
		return wants(false, "Bailey names the interfaces itself, so that its rules can rely on them; bailey network inspect shows the name")
	case bridge + "gateway_mode_ipv4":
		return wants(value == "nat", "want nat")
	case "com.docker.network.driver.mtu":
		mtu, err := strconv.Atoi(value)
		n.MTU = mtu
		return wants(err == nil && mtu >= minMTU && mtu <= maxMTU, fmt.Sprintf("want a number from %d to %d", minMTU, maxMTU))
	}
	return unsupported("option %s is not known: leave it out", clip(key))
}

func isTrue(s string) bool {
	b, err := strconv.ParseBool(s)
	return err == nil && b
}

// setIPAM takes over the subnet, range, gateway and reserved addresses of a request.
func setIPAM(n *store.Network, ipam *network.IPAM) error {
	if ipam == nil {
		return nil
	}
	if ipam.Driver != "" && ipam.Driver != "default" {
		return unsupported("address management %q: Bailey has its own; leave --ipam-driver out", clip(ipam.Driver))
	}
	if len(ipam.Options) > 0 {
		return unsupported("options for the address management: there are none; leave --ipam-opt out")
	}
	if len(ipam.Config) == 0 {
		return nil
	}
	if len(ipam.Config) > 1 {
		return unsupported("%d subnets: a network of Bailey has one", len(ipam.Config))
	}
	c := ipam.Config[0]
	if !c.Subnet.IsValid() {
		if c.IPRange.IsValid() || c.Gateway.IsValid() || len(c.AuxAddress) > 0 {
			return invalid("an ip-range, a gateway or a reserved address needs a subnet to lie in: give --subnet too")
		}
		return nil
	}
	if err := address.CheckSubnet(c.Subnet); err != nil {
		return invalid("%v", err)
	}
	n.Subnet, n.Range, n.Gateway, n.Reserved = c.Subnet, c.IPRange, c.Gateway.Unmap(), maps.Clone(c.AuxAddress)
	if !n.Gateway.IsValid() {
		n.Gateway = n.Subnet.Addr().Next()
	}
	if len(n.Reserved) > maxLabels {
		return invalid("%d reserved addresses: at most %d", len(n.Reserved), maxLabels)
	}
	// Building it finds out whether everything fits together.
	if _, err := newSegment(*n, n.Range); err != nil {
		return invalid("%v", err)
	}
	return nil
}

// matches reports whether a network passes a filter.
func (f Filter) matches(n network.Network, builtin bool, users int) bool {
	kind := "custom"
	if builtin {
		kind = "builtin"
	}
	anyOf := func(values []string, ok func(v string) bool) bool {
		return len(values) == 0 || slices.ContainsFunc(values, ok)
	}
	label := func(l string) bool {
		k, v, exact := strings.Cut(l, "=")
		have, ok := n.Labels[k]
		return ok && (!exact || have == v)
	}
	return anyOf(f.IDs, func(v string) bool { return strings.HasPrefix(n.ID, v) }) &&
		anyOf(f.Names, func(v string) bool { return strings.Contains(n.Name, v) }) &&
		anyOf(f.Drivers, func(v string) bool { return n.Driver == v }) &&
		anyOf(f.Scopes, func(v string) bool { return n.Scope == v }) &&
		anyOf(f.Types, func(v string) bool { return kind == v }) &&
		!slices.ContainsFunc(f.Labels, func(l string) bool { return !label(l) }) &&
		!slices.ContainsFunc(f.NotLabels, label) &&
		(f.Dangling == nil || *f.Dangling == (!builtin && users == 0)) &&
		(f.Until.IsZero() || n.Created.Before(f.Until))
}
