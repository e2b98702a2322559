package seccomp

import specs "github.com/opencontainers/runtime-spec/specs-go"

// Numbers of the kernel's interface, the same on amd64 and arm64. They are
// written out here because the Go packages that have them depend on the
// platform a program is built for.
const (
	afUnix, afInet, afInet6, afNetlink = 1, 2, 10, 16
	afPacket, afALG, afVSOCK           = 17, 38, 40

	protoUDP, protoICMPv6 = 17, 58 // ICMP is 1, TCP 6
	netlinkRoute          = 0
	netlinkAudit          = 9

	// namespaceFlags are CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET.
	// CLONE_NEWTIME lies where clone(2) keeps the exit signal and counts for unshare and clone3 only.
	namespaceFlags = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000

	perLinux, perLinux32, perQuery = 0, 8, 0xffffffff
)

// arg compares one argument. A plain comparison is of all 64 bits, so what is
// let through is never more than what the kernel, which drops the upper half
// of most arguments, takes it for.
func arg(index uint, op specs.LinuxSeccompOperator, value, valueTwo uint64) specs.LinuxSeccompArg {
	return specs.LinuxSeccompArg{Index: index, Value: value, ValueTwo: valueTwo, Op: op}
}

func equal(index uint, value uint64) specs.LinuxSeccompArg {
	return arg(index, specs.OpEqualTo, value, 0)
}

// masked is true when argument & mask == value. The OCI writes the mask first.
func masked(index uint, mask, value uint64) specs.LinuxSeccompArg {
	return arg(index, specs.OpMaskedEqual, mask, value)
}

// when allows a call if all args hold.
func when(name string, args ...specs.LinuxSeccompArg) specs.LinuxSyscall {
	return specs.LinuxSyscall{Names: []string{name}, Action: specs.ActAllow, Args: args}
}

func always(name string) []specs.LinuxSyscall {
	return []specs.LinuxSyscall{{Names: []string{name}, Action: specs.ActAllow}}
}

// filtered are the calls allowed for some arguments; open tells which groups
// a relaxation opened. Rules for one call are alternatives.
func filtered(open func(group string) bool) []specs.LinuxSyscall {
	var rules []specs.LinuxSyscall
	rules = append(rules, socketRules(open)...)
	rules = append(rules, cloneRules(open)...)
	rules = append(rules, personalityRules(open)...)
	return append(rules, ioctlRules(open)...)
}

func socketRules(open func(string) bool) []specs.LinuxSyscall {
	if open("sockets") {
		return append(always("socket"), always("socketpair")...)
	}
	inet, inet6 := []specs.LinuxSeccompArg{equal(0, afInet)}, []specs.LinuxSeccompArg{equal(0, afInet6)}
	if !open("protocols") {
		inet = append(inet, arg(2, specs.OpLessEqual, protoUDP, 0))
		inet6 = append(inet6, arg(2, specs.OpLessEqual, protoICMPv6, 0))
	}
	netlink := []specs.LinuxSeccompArg{equal(0, afNetlink)}
	if !open("netlink") {
		netlink = append(netlink, equal(2, netlinkRoute))
	}
	rules := []specs.LinuxSyscall{
		when("socket", equal(0, afUnix)),
		when("socket", inet...),
		when("socket", inet6...),
		when("socket", netlink...),
		// Only AF_UNIX can do it, and AF_TIPC, a module that would be loaded.
		when("socketpair", equal(0, afUnix)),
	}
	if !open("netlink") {
		// PAM and the programs of shadow (su, runuser, sshd, cron, useradd) give up on any other error than that of a kernel
		// without auditing, which they take for normal: a program that drops from root by su must work.
		errno := uint(ePROTONOSUPPORT)
		rules = append(rules, specs.LinuxSyscall{
			Names: []string{"socket"}, Action: specs.ActErrno, ErrnoRet: &errno,
			Args: []specs.LinuxSeccompArg{equal(0, afNetlink), equal(2, netlinkAudit)},
		})
	}
	for _, f := range []struct {
		group  string
		family uint64
	}{{"packet", afPacket}, {"alg", afALG}, {"vsock", afVSOCK}} {
		if open(f.group) {
			rules = append(rules, when("socket", equal(0, f.family)))
		}
	}
	return rules
}

func cloneRules(open func(string) bool) []specs.LinuxSyscall {
	if open("namespaces") {
		return always("clone")
	}
	return []specs.LinuxSyscall{when("clone", masked(0, namespaceFlags, 0))}
}

func personalityRules(open func(string) bool) []specs.LinuxSyscall {
	if open("personality") {
		return always("personality")
	}
	return []specs.LinuxSyscall{
		when("personality", equal(0, perLinux)),
		when("personality", equal(0, perLinux32)),
		when("personality", equal(0, perQuery)),
	}
}

// ioctlRules allow every request but TIOCSTI (0x5412) and TIOCLINUX (0x541c).
// "Not equal" would compare 64 bits, of which the kernel drops the upper 32:
// a request with a bit set up there would pass and still be TIOCSTI
// (CVE-2019-7303). So the rules say what is allowed: what has a direction in
// its lower half, and below that, with nothing above it, everything around
// the two. C libraries that extend the sign only do so to requests with a
// direction.
func ioctlRules(open func(string) bool) []specs.LinuxSyscall {
	if open("terminal") {
		return always("ioctl")
	}
	allow := func(mask, value uint64) specs.LinuxSyscall { return when("ioctl", masked(1, mask, value)) }
	// below keeps the bits of mask in 16 and demands that nothing is above them.
	below := func(mask, value uint64) specs.LinuxSyscall { return allow(^uint64(0xffff)|mask, value) }
	rules := []specs.LinuxSyscall{
		allow(0x80000000, 0x80000000), // _IOC_READ
		allow(0x40000000, 0x40000000), // _IOC_WRITE
		when("ioctl", arg(1, specs.OpLessThan, 0x5410, 0)),
		below(0xfff1, 0x5411), // the odd ones of 0x541_
		below(0xfffb, 0x5410), // 0x5410, 0x5414
		below(0xfff7, 0x5416), // 0x5416, 0x541e
		below(0xfffd, 0x5418), // 0x5418, 0x541a
	}
	// 0x5420 to 0xffff, by ever larger blocks.
	for block := uint64(0x5420); block < 0x10000; block += block & -block {
		rules = append(rules, below(0xffff&^(block&-block-1), block))
	}
	return rules
}
