package cgroup

import (
	"fmt"
	"time"
)

// Unlimited is the value of a limit that is not set.
const Unlimited = ^uint64(0)

// Stats is what a container has used, in the terms of version 2 whatever the
// host has. What the host does not count is zero.
type Stats struct {
	Read   time.Time
	CPU    CPU
	Memory Memory
	Pids   Pids
	Block  []Block
}

// CPU times are in nanoseconds since the group was made.
type CPU struct {
	Total, User, System uint64
	PerCPU              []uint64 // version 1 only
	Periods             uint64   // enforcement periods that passed
	ThrottledPeriods    uint64
	ThrottledTime       uint64 // nanoseconds
}

// Memory is in bytes.
type Memory struct {
	Usage, Limit    uint64            // Limit is Unlimited when there is none
	MaxUsage        uint64            // the highest Usage seen, 0 when not counted
	Swap, SwapLimit uint64            // without the memory itself; SwapLimit may be Unlimited
	FailCount       uint64            // how often the limit was hit
	OOMKills        uint64            // processes killed for want of memory
	InactiveFile    uint64            // cache that can be dropped without I/O
	Detail          map[string]uint64 // the kernel's own memory.stat
}

// Pids counts tasks.
type Pids struct {
	Current, Limit uint64 // Limit is Unlimited when there is none
}

// Block is the traffic with one block device.
type Block struct {
	Major, Minor          uint64
	ReadBytes, WriteBytes uint64
	Reads, Writes         uint64
}

// Stats reads what the container has used. It is fs.ErrNotExist when the
// container has no group.
func (m *Manager) Stats(id string) (Stats, error) {
	if _, err := m.home(id); err != nil {
		return Stats{}, err
	}
	s := Stats{Read: time.Now()}
	if m.mode == V2 {
		s.readV2(m.dir(&m.trees[0], id))
	} else {
		s.readV1(func(controller string) string { return m.controllerDir(controller, id) })
	}
	return s, nil
}

// OOMKilled tells whether the kernel killed a process of the container for
// want of memory.
func (m *Manager) OOMKilled(id string) (bool, error) {
	if !validName(id) {
		return false, fmt.Errorf("%q names no container", id)
	}
	dir := m.controllerDir("memory", id)
	if dir == "" {
		return false, nil
	}
	file := "/memory.oom_control"
	if m.mode == V2 {
		file = "/memory.events"
	}
	events, err := read(dir + file)
	if err != nil {
		return false, fmt.Errorf("ask whether container %s ran out of memory: %w", id, err)
	}
	return table(events)["oom_kill"] > 0, nil
}
