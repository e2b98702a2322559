package sandbox

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// unlimited is how the API and the posture write that there is no limit.
const unlimited = -1

// decideMemory decides on memory, swap, and what happens when they end.
func (d *decision) decideMemory() {
	l := &d.p.Limits
	l.Memory, l.Shm = d.p.Host.DefaultMemory, DefaultShm
	for _, m := range d.p.Mounts {
		if m.Kind == mountShm {
			l.Shm = m.SizeBytes
		}
	}
	d.decideMemoryLimit()
	d.decideSwap()
	d.decideReservation()
	if d.r.Resources.OomKillDisable {
		l.OOMKillDisable = d.relax(d.askLimit(ControlOOM, "oom-kill-disable", "--oom-kill-disable", "a container that hangs for want of memory then never ends, and holds what it has"))
	}
	l.OOMScoreAdj = max(d.r.OomScoreAdj, d.facts.OOMScoreAdj)
	if d.r.OomScoreAdj < -1000 || d.r.OomScoreAdj > 1000 {
		d.invalid("--oom-score-adj", fmt.Sprint(d.r.OomScoreAdj), "it is -1000 to 1000")
	} else if d.r.OomScoreAdj < 0 {
		if d.relax(d.askLimit(ControlOOM, "oom-score-adj", fmt.Sprintf("--oom-score-adj %d", d.r.OomScoreAdj), "the host's own services are then ended before this container")) {
			l.OOMScoreAdj = d.r.OomScoreAdj
		}
	}
}

func (d *decision) decideMemoryLimit() {
	r, l := d.r.Resources, &d.p.Limits
	switch {
	case r.Memory == 0:
	case r.Memory == unlimited:
		if d.relax(d.askLimit(ControlMemory, "memory", "--memory -1", "a container without it can take the host's whole memory")) {
			l.Memory = unlimited
		}
	case r.Memory < MinMemory:
		d.invalid("--memory", fmt.Sprint(r.Memory), "Minimum memory limit allowed is 6MB")
	case d.facts.Memory > 0 && r.Memory > d.facts.Memory:
		l.Memory = d.facts.Memory
		d.note("--memory %s is more than the host has; the limit is %s", human(r.Memory), human(d.facts.Memory))
	default:
		l.Memory = r.Memory
	}
}

func (d *decision) decideReservation() {
	l := &d.p.Limits
	if l.MemoryReservation = d.r.Resources.MemoryReservation; l.MemoryReservation < 0 || l.Memory > 0 && l.MemoryReservation > l.Memory {
		d.invalid("--memory-reservation", fmt.Sprint(l.MemoryReservation), "it must be positive and at most the limit, %s", human(l.Memory))
	}
}

// decideSwap gives none by default: swap is the host's, and what is in it
// outlives the container. The API counts memory and swap together.
func (d *decision) decideSwap() {
	r, l := d.r.Resources, &d.p.Limits
	switch {
	case r.MemorySwap == 0:
	case r.MemorySwap == unlimited || l.Memory == unlimited && r.MemorySwap > 0:
		if d.relax(d.askLimit(ControlSwap, "swap", "--memory-swap -1", "a container without a limit slows the whole host by swapping")) {
			l.Swap = unlimited
		}
	case r.MemorySwap < 0 || r.MemorySwap < l.Memory:
		d.invalid("--memory-swap", fmt.Sprint(r.MemorySwap), "it counts memory and swap together, so it must be at least the memory, %s", human(l.Memory))
	case r.MemorySwap > l.Memory:
		if d.relax(d.askLimit(ControlSwap, "swap", "--memory-swap "+human(r.MemorySwap), "what is swapped lies on the host's disk, and swapping slows the whole host")) {
			l.Swap = r.MemorySwap - l.Memory
		}
	}
	if s := r.MemorySwappiness; s != nil && *s != -1 && *s != 0 {
		d.note("--memory-swappiness %d has no effect: what may be swapped is set by --memory-swap", *s)
	}
}

func (d *decision) askLimit(control, value, what, why string) ask {
	return ask{control: control, rule: RuleLimit, value: value, what: what, why: why}
}

// decideProcessor decides on processors, processes and traffic to disks.
func (d *decision) decideProcessor() {
	r, l := d.r.Resources, &d.p.Limits
	l.Pids, l.CPUShares = DefaultPids, DefaultCPUShares
	d.decidePids()
	d.decideShares()
	l.CPUQuota, l.CPUPeriod = d.quota(r.NanoCPUs, r.CPUQuota, r.CPUPeriod)
	d.decideRealtime()
	l.CpusetCpus, l.CpusetMems = d.cpuset("--cpuset-cpus", r.CpusetCpus), d.cpuset("--cpuset-mems", r.CpusetMems)
	d.decideBlkioWeight()
	for _, t := range r.BlkioThrottles {
		if !oneOf(ThrottleReadBps, ThrottleWriteBps, ThrottleReadIOPS, ThrottleWriteIOPS)(t.Kind) || t.Major < 0 || t.Minor < 0 {
			d.invalid("--device-"+t.Kind, fmt.Sprintf("%d:%d", t.Major, t.Minor), "it names no limit of a block device")
		}
	}
	l.BlkioThrottles = slices.Clone(r.BlkioThrottles)
}

func (d *decision) decidePids() {
	switch n := d.r.Resources.PidsLimit; {
	case n == 0:
	case n < 0 || n > MaxPids:
		if d.relax(d.askLimit(ControlPids, "pids", fmt.Sprintf("--pids-limit %d", n), fmt.Sprintf("more than %d processes are no limit to a fork bomb", MaxPids))) {
			d.p.Limits.Pids = max(n, unlimited)
		}
	default:
		d.p.Limits.Pids = n
	}
}

func (d *decision) decideShares() {
	n := d.r.Resources.CPUShares
	if n < 0 || n > 262144 {
		d.invalid("--cpu-shares", fmt.Sprint(n), "they are 2 to 262144")
	} else if n > 0 {
		d.p.Limits.CPUShares = uint64(max(n, 2))
	}
}

func (d *decision) decideRealtime() {
	runtime, period := d.r.Resources.CPURealtime, d.r.Resources.CPURealtimePeriod
	if runtime == 0 && period == 0 {
		return
	}
	if runtime < 0 || period < 0 || runtime > period {
		d.invalid("--cpu-rt-runtime", fmt.Sprint(runtime), "it must be positive and at most the period")
	} else if d.relax(d.askLimit(ControlCPU, "cpu-realtime", "--cpu-rt-runtime", "real-time processes run before everything else on the host")) {
		d.p.Limits.CPURealtime, d.p.Limits.CPURealtimePeriod = runtime, uint64(period)
	}
}

func (d *decision) decideBlkioWeight() {
	weight := d.r.Resources.BlkioWeight
	if weight != 0 && (weight < 10 || weight > 1000) {
		d.invalid("--blkio-weight", fmt.Sprint(weight), "it is 10 to 1000")
	}
	d.p.Limits.BlkioWeight = weight
}

// quota brings --cpus and --cpu-quota into one form, in microseconds, and
// keeps it at most all of the host's processors. 0 is no quota, which is the
// same: the host has no more.
func (d *decision) quota(nano, quota, period int64) (int64, uint64) {
	if nano != 0 && (quota != 0 || period != 0) {
		d.invalid("--cpus", cpus(nano), "--cpu-quota and --cpu-period say the same in another way; use one")
		return 0, 0
	}
	if nano < 0 || period < 0 || period != 0 && (period < 1000 || period > 1_000_000) || quota > 0 && quota < 1000 {
		d.invalid("--cpus", fmt.Sprintf("%s, quota %d, period %d", cpus(nano), quota, period), "a period has 1000 to 1000000 microseconds and a quota at least 1000")
		return 0, 0
	}
	if period == 0 {
		period = DefaultCPUPeriod
	}
	if nano > 0 {
		if nano > math.MaxInt64/period {
			nano = math.MaxInt64 / period
		}
		if quota = nano * period / 1e9; quota < 1000 {
			d.invalid("--cpus", cpus(nano), "the least is 0.01")
			return 0, 0
		}
	}
	if quota <= 0 {
		return 0, 0
	}
	if all := int64(d.facts.CPUs) * period; all > 0 && quota > all {
		d.note("more than the %d CPUs of the host are asked for; the limit is all of them", d.facts.CPUs)
		quota = all
	}
	return quota, uint64(period)
}

func (d *decision) cpuset(flag, list string) string {
	if len(list) > 1024 || strings.Trim(list, "0123456789,-") != "" {
		d.invalid(flag, list, "it is a list of numbers and ranges, like 0-2,4")
		return ""
	}
	return list
}

// decideUlimits sets those of the default, and what is asked for.
func (d *decision) decideUlimits() {
	hard := int64(d.p.Host.NofileHard)
	limits := map[string]Ulimit{
		"nofile": {Name: "nofile", Soft: min(DefaultNofileSoft, hard), Hard: hard},
		"core":   {Name: "core"},
	}
	for _, u := range d.r.Ulimits {
		u.Name = strings.ToLower(u.Name)
		most, ok := ulimits[u.Name]
		if !ok || u.Soft < unlimited || u.Hard < unlimited || u.Hard != unlimited && (u.Soft > u.Hard || u.Soft == unlimited) {
			d.invalid("--ulimit", fmt.Sprintf("%s=%d:%d", u.Name, u.Soft, u.Hard), "it is NAME=SOFT:HARD with a name of setrlimit(2) and a soft limit of at most the hard one")
			continue
		}
		if u.Name == "nofile" {
			most = hard
		}
		control := ControlUlimits
		if c, own := map[string]string{"nofile": ControlNofile, "core": ControlCore}[u.Name]; own {
			control = c
		}
		if most >= 0 && (u.Hard == unlimited || u.Hard > most) &&
			!d.relax(d.askLimit(control, u.Name, fmt.Sprintf("--ulimit %s=%d:%d", u.Name, u.Soft, u.Hard), fmt.Sprintf("the most without a relaxation is %d", most))) {
			continue
		}
		limits[u.Name] = u
	}
	for _, name := range []string{"as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack"} {
		if u, ok := limits[name]; ok {
			d.p.Limits.Rlimits = append(d.p.Limits.Rlimits, u)
		}
	}
}

// decideLog caps the log.
func (d *decision) decideLog() {
	log := d.r.Log
	switch {
	case log.MaxSizeBytes == 0:
		log.MaxSizeBytes = DefaultLogSize
	case log.MaxSizeBytes == unlimited:
		if !d.relax(d.askLimit(ControlLog, "log", "--log-opt max-size=-1", "a container that writes without end then fills the host's disk")) {
			log.MaxSizeBytes = DefaultLogSize
		}
	case log.MaxSizeBytes < 4*kib:
		d.invalid("--log-opt max-size", fmt.Sprint(log.MaxSizeBytes), "the least is 4 KiB")
	}
	if log.MaxFiles == 0 {
		log.MaxFiles = DefaultLogFiles
	}
	if log.MaxFiles < 0 || log.MaxFiles > 1000 {
		d.invalid("--log-opt max-file", fmt.Sprint(log.MaxFiles), "it is 1 to 1000")
	}
	d.p.Limits.Log = log
}
