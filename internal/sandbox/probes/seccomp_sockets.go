package probes

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"syscall"

	"github.com/bailey-run/bailey/internal/prove/probe"
)

// families are address families beyond those of a service. Each has a record.
// Source: linux/socket.h.
var families = []struct {
	name           string
	family, kind   int
	protocol       int
	source         string
	needCapability bool
}{
	{"vsock", 40, syscall.SOCK_STREAM, 0, "vsock(7): the hypervisor and its guests", false},
	{"alg", 38, syscall.SOCK_SEQPACKET, 0, "CVE-2019-8912", false},
	{"packet", syscall.AF_PACKET, syscall.SOCK_RAW, 0, "CVE-2020-14386", true},
	{"key", 15, syscall.SOCK_RAW, 2, "CVE-2017-7184", true},
	{"xdp", 44, syscall.SOCK_RAW, 0, "packet(7)", true},
	{"bluetooth", 31, syscall.SOCK_RAW, 1, "CVE-2020-12351", false},
	{"can", 29, syscall.SOCK_RAW, 1, "CVE-2021-3609", false},
	{"tipc", 30, syscall.SOCK_RDM, 0, "CVE-2021-43267", false},
	{"rds", 21, syscall.SOCK_SEQPACKET, 0, "CVE-2010-3904", false},
	{"kcm", 41, syscall.SOCK_DGRAM, 0, "CVE-2018-1068", false},
	{"qipcrtr", 42, syscall.SOCK_DGRAM, 0, "linux/socket.h", false},
	{"smc", 43, syscall.SOCK_STREAM, 0, "linux/socket.h", false},
	{"nfc", 39, syscall.SOCK_SEQPACKET, 0, "CVE-2021-23134", true},
	{"llc", 26, syscall.SOCK_STREAM, 0, "CVE-2017-6345", true},
	{"pppox", 24, syscall.SOCK_STREAM, 0, "CVE-2017-5669", false},
	{"phonet", 35, syscall.SOCK_DGRAM, 0, "CVE-2015-8962", true},
	{"x25", 9, syscall.SOCK_SEQPACKET, 0, "CVE-2020-35519", false},
	{"appletalk", 5, syscall.SOCK_DGRAM, 0, "CVE-2009-2903", false},
	{"ax25", 3, syscall.SOCK_DGRAM, 0, "CVE-2022-1204", false},
	{"rose", 11, syscall.SOCK_SEQPACKET, 0, "CVE-2022-2961", false},
	{"ieee802154", 36, syscall.SOCK_DGRAM, 0, "linux/socket.h", false},
	{"mctp", 45, syscall.SOCK_DGRAM, 0, "CVE-2022-3977", false},
}

// netlinks are protocols of netlink beyond route. Source: linux/netlink.h.
var netlinks = map[string]int{
	"usersock": 2, "sock-diag": 4, "nflog": 5, "xfrm": 6, "selinux": 7, "iscsi": 8, "audit": 9, "fib-lookup": 10, "connector": 11,
	"netfilter": 12, "uevent": 15, "generic": 16, "scsi-transport": 18, "rdma": 20, "crypto": 21,
}

// transports are protocols of IP beyond TCP, UDP and ICMP.
var transports = []struct {
	name           string
	kind, protocol int
	source         string
	needCapability bool
}{
	{"sctp", syscall.SOCK_STREAM, 132, "CVE-2019-8956", false},
	{"dccp", 6, 33, "CVE-2017-6074", false},
	{"udplite", syscall.SOCK_DGRAM, 136, "RFC 3828", false},
	{"mptcp", syscall.SOCK_STREAM, 262, "RFC 8684", false},
	{"l2tp", syscall.SOCK_DGRAM, 115, "CVE-2016-10200", false},
	{"raw-icmp", syscall.SOCK_RAW, 1, "raw(7)", true},
	{"raw", syscall.SOCK_RAW, 255, "raw(7)", true},
}

// sockets opens one of each kind that a service has no use for.
func sockets() []probe.Probe {
	var list []probe.Probe
	add := func(id, tries, source string, needCapability bool, attempt func() error) {
		p := probe.Probe{ID: id, Tries: tries, Source: source, Attempt: attempt}
		if needCapability {
			p.As, p.Twin.Without = probe.Root, []string{"capabilities"}
		}
		list = append(list, p)
	}
	for _, f := range families {
		add("family-"+f.name, "open a socket of the family "+f.name, f.source, f.needCapability, probe.Socket(f.family, f.kind, f.protocol))
	}
	for _, name := range slices.Sorted(maps.Keys(netlinks)) {
		add("netlink-"+name, "open the netlink of "+name, "netlink(7)", false, probe.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW, netlinks[name]))
	}
	for _, t := range transports {
		add("transport-"+t.name, "open a socket of the transport "+t.name, t.source, t.needCapability, probe.Socket(syscall.AF_INET, t.kind, t.protocol))
	}
	for name, request := range map[string]uintptr{"type-into-terminal": 0x5412, "console-selection": 0x541C} { // TIOCSTI, TIOCLINUX
		add(name, fmt.Sprintf("the request %#x of ioctl, which types into a terminal", request), "CVE-2017-5226", false, terminal(request))
	}
	slices.SortStableFunc(list[len(list)-2:], byID)
	return list
}

// terminal makes a request of a descriptor that is no terminal: ENOTTY comes
// from the device, past the filter.
func terminal(request uintptr) func() error {
	return func() error {
		f, err := os.Open("/dev/null")
		if err != nil {
			return probe.Untried("%w", err)
		}
		defer f.Close()
		return probe.Reached(probe.Call(syscall.SYS_IOCTL, f.Fd(), request, probe.Bad), syscall.ENOTTY, syscall.EFAULT)
	}
}
