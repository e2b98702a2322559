package prove

import (
	"fmt"
	"maps"
	"slices"

	"github.com/moby/moby/api/types/container"
)

// off switches one control off, in words that Docker's clients use, so that
// the same twin can be had from any engine. A control that is not listed can
// only be off outside of a container.
var off = map[string]func(c *container.Config, h *container.HostConfig){
	"capabilities":      func(_ *container.Config, h *container.HostConfig) { h.CapAdd = append(h.CapAdd, "ALL") },
	"no-new-privileges": option("no-new-privileges=false"),
	"seccomp":           option("seccomp=unconfined"),
	"lsm":               option("apparmor=unconfined", "label=disable"),
	"root-filesystem":   option("rootfs=writable"),
	"temporary-space":   tmpfs("size=1g,nr_inodes=1000000"),
	"mount-options":     tmpfs("exec,suid,dev"),
	"memory-files":      option("memfd=exec"),
	"proc-and-sys": func(_ *container.Config, h *container.HostConfig) {
		h.MaskedPaths, h.ReadonlyPaths = []string{}, []string{}
	},
	"cgroup-filesystem": option("writable-cgroups=true"),
	"pid-namespace":     func(_ *container.Config, h *container.HostConfig) { h.PidMode = "host" },
	"ipc-namespace":     func(_ *container.Config, h *container.HostConfig) { h.IpcMode = "host" },
	"uts-namespace":     func(_ *container.Config, h *container.HostConfig) { h.UTSMode = "host" },
	"cgroup-namespace":  func(_ *container.Config, h *container.HostConfig) { h.CgroupnsMode = "host" },
	"memory":            func(_ *container.Config, h *container.HostConfig) { h.Memory = -1 },
	"pids": func(_ *container.Config, h *container.HostConfig) {
		none := int64(-1)
		h.PidsLimit = &none
	},
}

// option adds security options.
func option(options ...string) func(*container.Config, *container.HostConfig) {
	return func(_ *container.Config, h *container.HostConfig) { h.SecurityOpt = append(h.SecurityOpt, options...) }
}

// tmpfs gives the places in memory other options.
func tmpfs(options string) func(*container.Config, *container.HostConfig) {
	return func(_ *container.Config, h *container.HostConfig) {
		if h.Tmpfs == nil {
			h.Tmpfs = map[string]string{}
		}
		for _, place := range []string{"/tmp", "/run", "/var/tmp"} {
			if h.Tmpfs[place] != "" {
				h.Tmpfs[place] += ","
			}
			h.Tmpfs[place] += options
		}
	}
}

// switchOff changes a container's configuration so that controls are off.
func switchOff(controls []string, c *container.Config, h *container.HostConfig) error {
	for _, name := range controls {
		change, ok := off[name]
		if !ok {
			return fmt.Errorf("no container can be had without the control %q; its probes need a twin on the host", name)
		}
		change(c, h)
	}
	return nil
}

// Removable returns the names of the controls that a container can be without.
func Removable() []string { return slices.Sorted(maps.Keys(off)) }
