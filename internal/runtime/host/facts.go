package host

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/bailey-run/bailey/internal/runtime/cgroup"
	"github.com/bailey-run/bailey/internal/sandbox"
)

// Facts looks at the machine. What cannot be found out counts as absent.
func Facts() sandbox.HostFacts { return this().facts() }

// machine is what is asked; tests put another in place of the real one.
type machine struct {
	root    string // where /proc, /sys and /dev are
	euid    int
	release string
	cgroups func() (cgroup.Host, error)
	// filesystem tries to open a file system of a type, with a flag or "".
	filesystem func(kind, flag string) error
	// pair tries to make namespaces; idmap, whether a directory can be shown
	// with a container's ids.
	pair  func() error
	idmap func(dir string) error
}

func this() *machine {
	return &machine{
		root: "/", euid: os.Geteuid(), release: release(), cgroups: cgroup.Detect,
		filesystem: openFilesystem, pair: tryPair, idmap: tryIdmap,
	}
}

func (m *machine) facts() sandbox.HostFacts {
	f := sandbox.HostFacts{
		Memory: m.memory(), CPUs: runtime.NumCPU(), PossibleCPUs: m.possibleCPUs(),
		Architecture: runtime.GOARCH, Kernel: m.release,
		AppArmor:    strings.HasPrefix(m.read("sys/module/apparmor/parameters/enabled"), "Y") && m.has("sys/kernel/security/apparmor/.replace"),
		SELinux:     m.read("sys/fs/selinux/enforce") == "1",
		TimeNS:      m.has("proc/self/ns/time"),
		NoSwapTmpfs: m.filesystem("tmpfs", "noswap") == nil,
		// 6.3 to 6.5 refuse files in memory outright when told to keep them from being executed.
		MemfdNoexec:  m.newerThan(6, 6) && unix.Access(filepath.Join(m.root, "proc/sys/vm/memfd_noexec"), unix.W_OK) == nil,
		IdmapOverlay: m.newerThan(5, 19) && m.filesystem("overlay", "") == nil,
	}
	f.OOMScoreAdj, _ = strconv.Atoi(m.read("proc/self/oom_score_adj"))
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
		f.NofileHard = limit.Max
	}
	if c, err := m.cgroups(); err == nil {
		f.CgroupV2, f.KnownControllers, f.SwapAccounting = c.Mode == cgroup.V2, c.Controllers, c.Swap
	}
	return f
}

// read returns a small file of the kernel's, without its last line end.
func (m *machine) read(name string) string {
	data, err := os.ReadFile(filepath.Join(m.root, name))
	if err != nil || len(data) > 1<<16 {
		return ""
	}
	return strings.TrimSpace(string(data))
}

func (m *machine) has(name string) bool {
	_, err := os.Stat(filepath.Join(m.root, name))
	return err == nil
}

// memory is MemTotal of /proc/meminfo, in bytes.
func (m *machine) memory() int64 {
	for line := range strings.SplitSeq(m.read("proc/meminfo"), "\n") {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "MemTotal:" {
			n, _ := strconv.ParseInt(f[1], 10, 53)
			return n << 10
		}
	}
	return 0
}

// possibleCPUs counts a list like "0-3,8": how many CPUs the kernel numbers.
func (m *machine) possibleCPUs() int {
	list := m.read("sys/devices/system/cpu/possible")
	last := list[strings.LastIndexAny(list, ",-")+1:]
	n, err := strconv.ParseUint(last, 10, 16)
	if err != nil {
		return 0
	}
	return int(n) + 1
}

// newerThan compares the kernel's release, "6.1.0-18-amd64", with a version.
func (m *machine) newerThan(major, minor int) bool {
	a, rest, _ := strings.Cut(m.release, ".")
	b, _, _ := strings.Cut(rest, ".")
	b = b[:len(b)-len(strings.TrimLeft(b, "0123456789"))]
	x, errX := strconv.Atoi(a)
	y, errY := strconv.Atoi(b)
	return errX == nil && errY == nil && (x > major || x == major && y >= minor)
}
