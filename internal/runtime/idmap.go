package runtime

import (
	"encoding/json"
	"path/filepath"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

const oPath = unix.O_PATH | unix.O_DIRECTORY | unix.O_NOFOLLOW

// idMaps are a container's id mappings.
type idMaps struct {
	UIDs []specs.LinuxIDMapping `json:"uidMappings"`
	GIDs []specs.LinuxIDMapping `json:"gidMappings"`
}

func mapsOf(spec *specs.Spec) *idMaps {
	return &idMaps{spec.Linux.UIDMappings, spec.Linux.GIDMappings}
}

// host are the ids that uid and gid of the container have on the host.
func (m *idMaps) host(uid, gid uint32) (uint32, uint32) {
	return mapID(m.UIDs, uid), mapID(m.GIDs, gid)
}

// mapID returns 65534, the id of nobody, for what is not mapped.
func mapID(maps []specs.LinuxIDMapping, id uint32) uint32 {
	if len(maps) == 0 {
		return id
	}
	for _, m := range maps {
		if id >= m.ContainerID && id-m.ContainerID < m.Size {
			return m.HostID + id - m.ContainerID
		}
	}
	return 65534
}

// idMaps returns the container's mappings, for an adopted one from its spec.
func (c *Container) idMaps() (*idMaps, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.maps != nil {
		return c.maps, nil
	}
	b, err := readBounded(filepath.Join(c.runDir, configName), 16<<20)
	if err != nil {
		return nil, err
	}
	var spec struct{ Linux idMaps }
	if err := json.Unmarshal(b, &spec); err != nil {
		return nil, err
	}
	c.maps = &spec.Linux
	return c.maps, nil
}
