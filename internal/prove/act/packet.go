package act

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// ask asks one name server for a name, and prints the addresses.
func ask(args []string, w io.Writer) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: patience}).DialContext(ctx, args[0], args[1])
	}}
	addresses, err := r.LookupHost(ctx, args[2])
	for _, a := range addresses {
		fmt.Fprintln(w, a)
	}
	return err
}

// echo is an ICMP echo request; the kernel fills in the identifier and the checksum (icmp(7)).
var echo = []byte{8, 0, 0, 0, 0, 0, 0, 1, 'p', 'r', 'o', 'v', 'e'}

// ping waits for the answer to one ICMP echo request.
func ping(args []string, _ io.Writer) error {
	to := net.ParseIP(args[0]).To4()
	if to == nil {
		return fmt.Errorf("%q is no IPv4 address", args[0])
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, syscall.IPPROTO_ICMP)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer syscall.Close(fd)
	limit := syscall.NsecToTimeval(int64(patience))
	if err := syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &limit); err != nil {
		return err
	}
	if err := syscall.Sendto(fd, echo, 0, &syscall.SockaddrInet4{Addr: [4]byte(to)}); err != nil {
		return os.NewSyscallError("sendto", err)
	}
	_, _, err = syscall.Recvfrom(fd, make([]byte, 64), 0)
	return os.NewSyscallError("recvfrom", err)
}

// packets opens a packet socket for all protocols on an interface.
func packets(name string) (fd, index int, err error) {
	nic, err := net.InterfaceByName(name)
	if err != nil {
		return -1, 0, err
	}
	const all = syscall.ETH_P_ALL<<8&0xff00 | syscall.ETH_P_ALL>>8 // in network order
	fd, err = syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, all)
	if err != nil {
		return -1, 0, os.NewSyscallError("socket", err)
	}
	return fd, nic.Index, syscall.Bind(fd, &syscall.SockaddrLinklayer{Protocol: all, Ifindex: nic.Index})
}

// inject sends a frame, given in hexadecimal.
func inject(args []string, _ io.Writer) error {
	frame, err := hex.DecodeString(args[1])
	if err != nil {
		return err
	}
	fd, index, err := packets(args[0])
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	return os.NewSyscallError("sendto", syscall.Sendto(fd, frame, 0, &syscall.SockaddrLinklayer{Ifindex: index}))
}

// heard bounds how long a sniffer listens.
const heard = 3 * time.Minute

// sniff writes each frame that arrives at an interface and holds a word to a
// file, as a line of hexadecimal. It goes on.
func sniff(args []string, w io.Writer) error {
	fd, _, err := packets(args[0])
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	out, err := os.Create(args[2])
	if err != nil {
		return err
	}
	fmt.Fprintln(w, Ready)
	buffer := make([]byte, 4096)
	for end := time.Now().Add(heard); time.Now().Before(end); {
		n, from, err := syscall.Recvfrom(fd, buffer, 0)
		if err != nil {
			return errors.Join(err, out.Close())
		}
		if ll, ok := from.(*syscall.SockaddrLinklayer); ok && ll.Pkttype == syscall.PACKET_OUTGOING {
			continue
		}
		if bytes.Contains(buffer[:n], []byte(args[1])) {
			fmt.Fprintf(out, "%x\n", buffer[:n])
		}
	}
	return out.Close()
}
