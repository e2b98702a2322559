package sandbox

import "fmt"

// defaultSELinuxType is the type of a container's processes.
const defaultSELinuxType = "container_t"

// SELinuxLabels returns the label of the container's processes and of its
// files, both empty where there is none. Without a level of its own the
// container gets the pair of categories that belongs to its range of ids, so
// that no two living containers have the same.
// Source: https://github.com/containers/container-selinux.
func (p Posture) SELinuxLabels(idBase uint32) (process, files string) {
	if p.SELinux.Mode != ModeDefault && p.SELinux.Mode != ModeCustom {
		return "", ""
	}
	level := p.SELinux.Level
	if level == "" {
		low, high := categories(idBase / IDs)
		level = fmt.Sprintf("s0:c%d,c%d", low, high)
	}
	return "system_u:system_r:" + p.SELinux.Type + ":" + level, "system_u:object_r:container_file_t:" + level
}

// categories numbers the pairs of two different categories out of 1,024:
// every slot below 523,776 has one of its own.
func categories(slot uint32) (low, high uint32) {
	const all = 1024
	slot %= all * (all - 1) / 2
	for row := uint32(all - 1); slot >= row; row-- {
		slot -= row
		low++
	}
	return low, low + 1 + slot
}
