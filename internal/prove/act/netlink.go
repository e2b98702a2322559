package act

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
)

// address gives an interface an address, and brings it up.
func address(args []string, _ io.Writer) error {
	nic, err := net.InterfaceByName(args[0])
	if err != nil {
		return err
	}
	prefix, err := netip.ParsePrefix(args[1])
	if err != nil {
		return err
	}
	message := []byte{family(prefix.Addr()), byte(prefix.Bits()), 0, 0} // struct ifaddrmsg
	message = binary.NativeEndian.AppendUint32(message, uint32(nic.Index))
	message = attach(message, syscall.IFA_LOCAL, prefix.Addr().AsSlice())
	message = attach(message, syscall.IFA_ADDRESS, prefix.Addr().AsSlice())
	if err := change(syscall.RTM_NEWADDR, syscall.NLM_F_CREATE|syscall.NLM_F_REPLACE, message); err != nil {
		return fmt.Errorf("add the address %s: %w", prefix, err)
	}
	up := []byte{0, 0, 0, 0} // struct ifinfomsg
	up = binary.NativeEndian.AppendUint32(up, uint32(nic.Index))
	up = binary.NativeEndian.AppendUint32(up, syscall.IFF_UP)
	up = binary.NativeEndian.AppendUint32(up, syscall.IFF_UP)
	return change(syscall.RTM_NEWLINK, 0, up)
}

// route sends what is for a prefix by way of a gateway. A route that is there
// already is no error.
func route(args []string, _ io.Writer) error {
	prefix, err := netip.ParsePrefix(args[0])
	if err != nil {
		return err
	}
	gateway, err := netip.ParseAddr(args[1])
	if err != nil {
		return err
	}
	message := []byte{ // struct rtmsg
		family(gateway), byte(prefix.Bits()), 0, 0, syscall.RT_TABLE_MAIN, syscall.RTPROT_BOOT, syscall.RT_SCOPE_UNIVERSE, syscall.RTN_UNICAST, 0, 0, 0, 0,
	}
	message = attach(message, syscall.RTA_DST, prefix.Addr().AsSlice())
	message = attach(message, syscall.RTA_GATEWAY, gateway.AsSlice())
	return change(syscall.RTM_NEWROUTE, syscall.NLM_F_CREATE|syscall.NLM_F_REPLACE, message)
}

func family(a netip.Addr) byte {
	if a.Is4() {
		return syscall.AF_INET
	}
	return syscall.AF_INET6
}

// attach adds an attribute of rtnetlink(7).
func attach(message []byte, kind uint16, value []byte) []byte {
	message = binary.NativeEndian.AppendUint16(message, uint16(syscall.SizeofRtAttr+len(value)))
	message = binary.NativeEndian.AppendUint16(message, kind)
	return append(message, value...) // addresses are multiples of four bytes
}

// change sends one request to the kernel and returns its answer.
func change(kind, flags uint16, body []byte) error {
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, syscall.NETLINK_ROUTE)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer syscall.Close(fd)
	message := binary.NativeEndian.AppendUint32(nil, uint32(syscall.NLMSG_HDRLEN+len(body)))
	message = binary.NativeEndian.AppendUint16(message, kind)
	message = binary.NativeEndian.AppendUint16(message, syscall.NLM_F_REQUEST|syscall.NLM_F_ACK|flags)
	message = append(message, 0, 0, 0, 0, 0, 0, 0, 0) // sequence and port
	message = append(message, body...)
	if err := syscall.Sendto(fd, message, 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}); err != nil {
		return os.NewSyscallError("sendto", err)
	}
	buffer := make([]byte, 4096)
	n, _, err := syscall.Recvfrom(fd, buffer, 0)
	if err != nil {
		return os.NewSyscallError("recvfrom", err)
	}
	answers, err := syscall.ParseNetlinkMessage(buffer[:n])
	if err != nil || len(answers) == 0 || len(answers[0].Data) < 4 {
		return fmt.Errorf("the kernel's answer is cut off: %w", err)
	}
	if code := int32(binary.NativeEndian.Uint32(answers[0].Data)); code != 0 {
		return syscall.Errno(-code)
	}
	return nil
}
