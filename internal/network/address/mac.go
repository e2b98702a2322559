package address

import (
	"fmt"
	"net"
	"net/netip"
)

// The second byte marks Bailey's addresses, the first says who has it. All are unicast and locally administered
// (IEEE 802, bit 1 of the first byte set, bit 0 clear).
const (
	macContainer = 0x02
	macHost      = 0x06
	macGateway   = 0x0a
	macMark      = 0xb1
)

// ContainerMAC returns the hardware address of a container's end of a link, derived from its address, so that it is
// unique wherever the address is.
func ContainerMAC(a netip.Addr) net.HardwareAddr { return mac(macContainer, a) }

// HostMAC returns the hardware address of the host's end of the same link.
func HostMAC(a netip.Addr) net.HardwareAddr { return mac(macHost, a) }

// GatewayMAC returns the hardware address of the interface that has the gateway address a.
func GatewayMAC(a netip.Addr) net.HardwareAddr { return mac(macGateway, a) }

func mac(first byte, a netip.Addr) net.HardwareAddr {
	b := a.As4()
	return net.HardwareAddr{first, macMark, b[0], b[1], b[2], b[3]}
}

// ParseMAC reads a 48-bit unicast hardware address.
func ParseMAC(s string) (net.HardwareAddr, error) {
	hw, err := net.ParseMAC(s)
	if err != nil || len(hw) != 6 {
		return nil, fmt.Errorf("hardware address %q: want six hexadecimal bytes such as 02:00:00:00:00:01", s)
	}
	if hw[0]&1 != 0 {
		return nil, fmt.Errorf("hardware address %s is a multicast address: the first byte must be even, such as 02", hw)
	}
	if hw.String() == "00:00:00:00:00:00" {
		return nil, fmt.Errorf("hardware address %s is not usable: choose another, such as 02:00:00:00:00:01", hw)
	}
	return hw, nil
}
