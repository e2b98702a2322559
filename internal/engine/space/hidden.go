package space

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/bailey-run/bailey/internal/runtime/quota"
	"golang.org/x/sys/unix"
)

// mostOpen bounds how many open files of one container are looked at.
const mostOpen = 1 << 18

// Deleted adds up what processes hold in files without a name, which no walk
// finds. The result is by mount point in the container. Only the file system
// below counts that the mounts of interest are of: memory is limited otherwise.
//
// A file that is only mapped, or on its way through a socket, is not found;
// for those there is the reserve.
func Deleted(pids []int, mounts []string) map[string]quota.Usage {
	h := hidden{mounts: make(map[string]bool, len(mounts)), seen: make(map[[2]uint64]bool), out: make(map[string]quota.Usage)}
	for _, m := range mounts {
		h.mounts[m] = true
	}
	for _, pid := range pids {
		h.process(fmt.Sprintf("/proc/%d", pid))
	}
	return h.out
}

type hidden struct {
	mounts map[string]bool
	seen   map[[2]uint64]bool // device and number of files that were counted
	looked int
	out    map[string]quota.Usage
}

// process looks at one process; one that is gone has nothing.
func (h *hidden) process(proc string) {
	dir, err := os.Open(proc + "/fd")
	if err != nil {
		return
	}
	defer dir.Close()
	var points map[string]string
	for h.looked < mostOpen {
		names, err := dir.Readdirnames(256)
		if err != nil {
			return
		}
		for _, fd := range names {
			h.looked++
			var st unix.Stat_t
			if unix.Fstatat(int(dir.Fd()), fd, &st, 0) != nil || st.Nlink != 0 || st.Mode&unix.S_IFMT != unix.S_IFREG || st.Blocks == 0 {
				continue
			}
			if points == nil {
				points = mountPoints(proc)
			}
			h.count(points[mountOf(proc, fd)], &st)
		}
	}
}

func (h *hidden) count(mount string, st *unix.Stat_t) {
	key := [2]uint64{uint64(st.Dev), st.Ino}
	if !h.mounts[mount] || h.seen[key] {
		return
	}
	h.seen[key] = true
	u := h.out[mount]
	u.Bytes += st.Blocks * blockUnit
	u.Inodes++
	h.out[mount] = u
}

// mountOf is the number of the mount that a file was opened on; proc_pid_fdinfo(5).
func mountOf(proc, fd string) string {
	f, err := os.Open(proc + "/fdinfo/" + fd)
	if err != nil {
		return ""
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if id, ok := strings.CutPrefix(lines.Text(), "mnt_id:"); ok {
			return strings.TrimSpace(id)
		}
	}
	return ""
}

// mountPoints maps the numbers of a process's mounts to where they are in the
// container; proc_pid_mountinfo(5). The node bounds how many there are.
func mountPoints(proc string) map[string]string {
	points := make(map[string]string)
	f, err := os.Open(proc + "/mountinfo")
	if err != nil {
		return points
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if f := strings.Fields(lines.Text()); len(f) > 4 {
			points[f[0]] = unescape.Replace(f[4])
		}
	}
	return points
}

var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

// Written is what processes have written to disks in all, in bytes, those
// included that ended and were waited for; proc_pid_io(5).
func Written(pids []int) (total int64) {
	for _, pid := range pids {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", pid))
		if err != nil {
			continue
		}
		for line := range strings.SplitSeq(string(data), "\n") {
			if v, ok := strings.CutPrefix(line, "write_bytes:"); ok {
				n, _ := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
				total += n
			}
		}
	}
	return total
}
