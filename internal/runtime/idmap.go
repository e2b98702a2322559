package runtime

import (
	"fmt"
	"os"
	"strings"

	"github.com/bailey-run/bailey/internal/runtime/rootfs"
	"golang.org/x/sys/unix"
)

const oPath = unix.O_PATH | unix.O_DIRECTORY | unix.O_NOFOLLOW

// nobody is the host id of what a container's user namespace does not map.
const nobody = 65534

// idRange is one line of a user namespace's map.
type idRange struct{ inside, outside, size uint32 }

// idMaps are the ids of a container as the host sees them.
type idMaps struct{ uids, gids []idRange }

// mapsFrom are the maps of a container whose ids begin at base on the host; 0
// means that it has the ids of the host.
func mapsFrom(base uint32) idMaps {
	r := idRange{size: 1<<32 - 1}
	if base != 0 {
		r = idRange{outside: base, size: rootfs.IDs}
	}
	return idMaps{[]idRange{r}, []idRange{r}}
}

// mapsOfProcess reads the maps of a process's user namespace.
func mapsOfProcess(pid int) (m idMaps, err error) {
	if m.uids, err = readMap(fmt.Sprintf("/proc/%d/uid_map", pid)); err != nil {
		return m, err
	}
	m.gids, err = readMap(fmt.Sprintf("/proc/%d/gid_map", pid))
	return m, err
}

// readMap reads a map as user_namespaces(7) describes it.
func readMap(path string) (ranges []idRange, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(b)) {
		var r idRange
		if _, err := fmt.Sscan(line, &r.inside, &r.outside, &r.size); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		ranges = append(ranges, r)
	}
	return ranges, nil
}

// host are the ids that uid and gid of the container have on the host.
func (m idMaps) host(uid, gid uint32) (uint32, uint32) {
	return mapID(m.uids, uid), mapID(m.gids, gid)
}

func mapID(ranges []idRange, id uint32) uint32 {
	for _, r := range ranges {
		if id >= r.inside && id-r.inside < r.size {
			return r.outside + id - r.inside
		}
	}
	return nobody
}
