package seccomp

import (
	"os"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// decide is what a filter does with a call: the semantics of libseccomp for
// the rules that a profile uses. errno is 0 for an allowed call.
func decide(p *specs.LinuxSeccomp, name string, args ...uint64) (errno uint) {
	for len(args) < 6 {
		args = append(args, 0)
	}
	for _, rule := range p.Syscalls {
		if !slices.Contains(rule.Names, name) {
			continue
		}
		holds := true
		for _, a := range rule.Args {
			holds = holds && compare(a, args[a.Index])
		}
		if !holds {
			continue
		}
		if rule.Action == specs.ActAllow {
			return 0
		}
		return *rule.ErrnoRet
	}
	return *p.DefaultErrnoRet
}

func compare(a specs.LinuxSeccompArg, v uint64) bool {
	switch a.Op {
	case specs.OpEqualTo:
		return v == a.Value
	case specs.OpLessThan:
		return v < a.Value
	case specs.OpLessEqual:
		return v <= a.Value
	case specs.OpMaskedEqual:
		return v&a.Value == a.ValueTwo
	}
	panic("an operator that no rule uses: " + a.Op)
}

func profile(t *testing.T, opened ...string) *specs.LinuxSeccomp {
	t.Helper()
	p, err := Profile("amd64", opened)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func kernelCalls(t *testing.T, architecture string) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/syscalls." + architecture)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(text))
}

// Every call of the kernel is allowed, filtered, or denied for a reason, and only one of these.
func TestEveryCallIsAccountedFor(t *testing.T) {
	place := map[string][]string{}
	for _, a := range allowed {
		for _, n := range words(a.names) {
			place[n] = append(place[n], "allowed: "+a.what)
		}
	}
	for _, g := range groups {
		for _, n := range g.Syscalls {
			place[n] = append(place[n], "denied: "+g.Name)
		}
	}
	for _, r := range filtered(func(string) bool { return false }) {
		if n := r.Names[0]; !slices.Contains(place[n], "filtered") {
			place[n] = append(place[n], "filtered")
		}
	}
	amd64, arm64 := kernelCalls(t, "amd64"), kernelCalls(t, "arm64")
	for _, n := range append(slices.Clone(amd64), arm64...) {
		if len(place[n]) == 0 {
			t.Errorf("%s is in no list", n)
		}
	}
	for n, where := range place {
		if len(where) > 1 {
			t.Errorf("%s is in several lists: %q", n, where)
		}
		if !slices.Contains(amd64, n) {
			t.Errorf("%s is no system call of amd64", n)
		}
		if slices.Contains(arm64, n) == slices.Contains(amd64Only, n) {
			t.Errorf("%s: on arm64 %v, in amd64Only %v", n, slices.Contains(arm64, n), slices.Contains(amd64Only, n))
		}
	}
}

func TestGroupsAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, g := range Groups() {
		if g.Name == "" || len(g.Reason) < 20 || seen[g.Name] {
			t.Errorf("group %q: reason %q, seen %v", g.Name, g.Reason, seen[g.Name])
		}
		seen[g.Name] = true
		for _, c := range g.Capabilities {
			if !strings.HasPrefix(c, "CAP_") {
				t.Errorf("group %q: %q is no capability", g.Name, c)
			}
		}
		if !Known(g.Name) {
			t.Errorf("group %q is not known", g.Name)
		}
	}
}

func TestDeniedAndOpened(t *testing.T) {
	closed := profile(t)
	for _, g := range groups {
		opened := profile(t, g.Name)
		want := uint(ePERM)
		if g.NotThere {
			want = eNOSYS
		}
		for _, n := range g.Syscalls {
			if got := decide(closed, n); got != want {
				t.Errorf("%s ends with errno %d, want %d", n, got, want)
			}
			if got := decide(opened, n); got != 0 {
				t.Errorf("%s with group %s open ends with errno %d", n, g.Name, got)
			}
		}
	}
	for _, n := range words("read openat execve mmap futex epoll_pwait fork statx memfd_create rseq") {
		if got := decide(closed, n); got != 0 {
			t.Errorf("%s ends with errno %d", n, got)
		}
	}
}

func TestArguments(t *testing.T) {
	const any = ^uint64(0)
	for _, test := range []struct {
		name   string
		call   string
		args   []uint64
		opener string // the group that opens it; "" for an allowed one
	}{
		{"unix", "socket", []uint64{1, 1, 0}, ""},
		{"tcp", "socket", []uint64{2, 1, 6}, ""},
		{"udp6", "socket", []uint64{10, 2, 17}, ""},
		{"ping", "socket", []uint64{2, 2, 1}, ""},
		{"ping6", "socket", []uint64{10, 2, 58}, ""},
		{"netlink route", "socket", []uint64{16, 3, 0}, ""},
		{"netlink audit", "socket", []uint64{16, 3, 9}, "netlink"},
		{"netlink netfilter", "socket", []uint64{16, 3, 12}, "netlink"},
		{"netlink uevent", "socket", []uint64{16, 3, 15}, "netlink"},
		{"vsock", "socket", []uint64{40, 1, 0}, "vsock"},
		{"alg", "socket", []uint64{38, 5, 0}, "alg"},
		{"packet", "socket", []uint64{17, 3, 3}, "packet"},
		{"sctp", "socket", []uint64{2, 1, 132}, "protocols"},
		{"sctp6", "socket", []uint64{10, 1, 132}, "protocols"},
		{"mptcp", "socket", []uint64{2, 1, 262}, "protocols"},
		{"raw", "socket", []uint64{2, 3, 255}, "protocols"},
		{"bluetooth", "socket", []uint64{31, 3, 0}, "sockets"},
		{"no family", "socket", []uint64{0, 1, 0}, "sockets"},
		{"tipc pair", "socketpair", []uint64{30, 1, 0}, "sockets"},
		{"vsock with garbage above", "socket", []uint64{1<<32 | 40, 1, 0}, "sockets"},
		{"unix pair", "socketpair", []uint64{1, 1, 0}, ""},
		{"fork", "clone", []uint64{17}, ""},
		{"thread", "clone", []uint64{0x3d0f00}, ""},
		{"new user namespace", "clone", []uint64{0x10000000 | 17}, "namespaces"},
		{"new mount namespace", "clone", []uint64{0x00020000 | 17}, "namespaces"},
		{"new pid namespace", "clone", []uint64{0x20000000}, "namespaces"},
		{"new net namespace", "clone", []uint64{0x40000000}, "namespaces"},
		{"new ipc namespace", "clone", []uint64{0x08000000}, "namespaces"},
		{"new uts namespace", "clone", []uint64{0x04000000}, "namespaces"},
		{"new cgroup namespace", "clone", []uint64{0x02000000}, "namespaces"},
		{"new namespace with garbage above", "clone", []uint64{1<<63 | 0x10000000}, "namespaces"},
		{"ask for the personality", "personality", []uint64{0xffffffff}, ""},
		{"no randomisation", "personality", []uint64{0x0040000}, "personality"},
		{"read implies exec", "personality", []uint64{0x0400000}, "personality"},
		{"TIOCSTI", "ioctl", []uint64{0, 0x5412}, "terminal"},
		{"TIOCLINUX", "ioctl", []uint64{0, 0x541c}, "terminal"},
		{"TCGETS", "ioctl", []uint64{0, 0x5401}, ""},
		{"TIOCGWINSZ", "ioctl", []uint64{0, 0x5413}, ""},
		{"FIONREAD", "ioctl", []uint64{0, 0x541b}, ""},
		{"FIONBIO", "ioctl", []uint64{0, 0x5421}, ""},
		{"TIOCGPTN", "ioctl", []uint64{0, 0x80045430}, ""},
		{"TIOCGPTN as musl calls it", "ioctl", []uint64{0, 0xffffffff80045430}, ""},
		{"TIOCSPTLCK", "ioctl", []uint64{0, 0x40045431}, ""},
		{"SIOCGIFCONF", "ioctl", []uint64{0, 0x8912}, ""},
		{"BLKRRPART", "ioctl", []uint64{0, 0x125f}, ""},
	} {
		rest := []uint64{any, any, any, any, any, any}
		args := append(slices.Clone(test.args), rest[len(test.args):]...)
		got := decide(profile(t), test.call, args...)
		if allowed := got == 0; allowed != (test.opener == "") {
			t.Errorf("%s: errno %d", test.name, got)
		}
		if test.opener != "" {
			if got := decide(profile(t, test.opener), test.call, args...); got != 0 {
				t.Errorf("%s with group %s open: errno %d", test.name, test.opener, got)
			}
		}
	}
}

// PAM takes a kernel without auditing for normal, and nothing else.
func TestAuditIsNotThere(t *testing.T) {
	if got := decide(profile(t), "socket", 16, 3, 9); got != ePROTONOSUPPORT {
		t.Errorf("socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT) ends with errno %d", got)
	}
}

// No request whose lower half is one of the two gets through, whatever is above; every other 16-bit one does.
func TestNoIoctlSlipsPast(t *testing.T) {
	p := profile(t)
	above := []uint64{0}
	for bit := 16; bit < 64; bit++ {
		above = append(above, 1<<bit, ^uint64(0)<<bit)
	}
	for low := uint64(0); low < 1<<16; low++ {
		forbidden := low == 0x5412 || low == 0x541c
		if got := decide(p, "ioctl", 0, low); (got != 0) != forbidden {
			t.Fatalf("ioctl %#x: errno %d", low, got)
		}
	}
	for _, low := range []uint64{0x5412, 0x541c} {
		for _, high := range above {
			request := high | low
			if uint32(request) == uint32(low) && decide(p, "ioctl", 0, request) == 0 {
				t.Errorf("ioctl %#x is allowed and the kernel takes it for %#x", request, low)
			}
		}
	}
}

func TestProfileIsStable(t *testing.T) {
	first := profile(t, "packet", "alg", "vsock")
	for range 20 {
		again := profile(t, "packet", "alg", "vsock")
		for i := range first.Syscalls {
			if !slices.Equal(first.Syscalls[i].Args, again.Syscalls[i].Args) {
				t.Fatal("the order of the rules changes")
			}
		}
	}
	if got := first.Architectures; !slices.Equal(got, []specs.Arch{specs.ArchX86_64}) {
		t.Errorf("architectures are %v", got)
	}
}

func TestProfileRefusesTheUnknown(t *testing.T) {
	if _, err := Profile("riscv64", nil); err == nil {
		t.Error("an architecture without a list got a filter")
	}
	if _, err := Profile("amd64", []string{"everything"}); err == nil {
		t.Error("an unknown group was opened")
	}
	arm, err := Profile("arm64", nil)
	if err != nil {
		t.Fatal(err)
	}
	if decide(arm, "open") == 0 || decide(arm, "openat") != 0 {
		t.Error("the list of arm64 is not arm64's")
	}
}

func TestOpenedBy(t *testing.T) {
	got := OpenedBy([]string{"CAP_NET_RAW", "CAP_SYS_PTRACE"})
	if want := []string{"packet", "protocols", "ptrace"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := OpenedBy([]string{"CAP_CHOWN"}); got != nil {
		t.Errorf("CAP_CHOWN opens %v", got)
	}
}
