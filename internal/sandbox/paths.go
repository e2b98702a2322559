package sandbox

import (
	"path"
	"slices"
)

// decidePaths takes the default lists, and what a caller's own lists add to
// them; what those leave out is a relaxation each.
func (d *decision) decidePaths() {
	d.p.MaskedPaths, d.p.ReadonlyPaths = slices.Clone(defaultMasked), slices.Clone(defaultReadonly)
	if d.p.Privileged {
		d.p.MaskedPaths, d.p.ReadonlyPaths = []string{}, []string{}
	}
	if all := d.r.MaskedPaths; all != nil && d.r.ReadonlyPaths != nil && len(*all)+len(*d.r.ReadonlyPaths) == 0 {
		if d.relax(ask{control: ControlProcSys, rule: RuleUnmaskedPaths, value: "all", what: "--security-opt systempaths=unconfined",
			why: "the kernel's log, addresses, keys and settings then show in /proc and /sys"}) {
			d.p.MaskedPaths, d.p.ReadonlyPaths = []string{}, []string{}
		}
		return
	}
	if wanted := d.r.MaskedPaths; wanted != nil {
		d.p.MaskedPaths = d.pathList("masked path", d.p.MaskedPaths, *wanted, "it tells of the host or of other containers")
	}
	if wanted := d.r.ReadonlyPaths; wanted != nil {
		d.p.ReadonlyPaths = d.pathList("read-only path", d.p.ReadonlyPaths, *wanted, "what is written there changes the host's kernel")
	}
}

func (d *decision) pathList(field string, defaults, wanted []string, why string) []string {
	list := slices.Clone(wanted)
	for i, p := range list {
		if err := checkPath(field, p); err != nil {
			d.invalidate(err)
		}
		list[i] = path.Clean(p)
	}
	for _, p := range defaults {
		if slices.Contains(list, p) {
			continue
		}
		if !dockerLists[p] || !d.relax(ask{control: ControlProcSys, rule: RuleUnmaskedPaths, value: p, what: "leaving " + p + " out of the " + field + "s", why: why}) {
			list = append(list, p)
		}
	}
	return sorted(list)
}

// dockerLists are the paths that Docker's own lists have. A client that
// changes them sends the rest of Docker's list; what Bailey's has beyond it
// such a client never meant to leave out, so it stays.
var dockerLists = map[string]bool{
	"/proc/acpi": true, "/proc/asound": true, "/proc/interrupts": true, "/proc/kcore": true, "/proc/keys": true,
	"/proc/latency_stats": true, "/proc/sched_debug": true, "/proc/scsi": true, "/proc/timer_list": true, "/proc/timer_stats": true,
	"/sys/devices/virtual/powercap": true, "/sys/firmware": true,
	"/proc/bus": true, "/proc/fs": true, "/proc/irq": true, "/proc/sys": true, "/proc/sysrq-trigger": true,
}
