package cgroup

import "time"

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
	Usage, Limit uint64 // Limit is Unlimited when there is none
	MaxUsage     uint64 // the highest Usage seen, 0 when not counted
	Swap         uint64
	SwapLimit    uint64
	FailCount    uint64            // how often the limit was hit
	OOMKills     uint64            // processes killed for want of memory
	InactiveFile uint64            // cache that can be dropped without I/O
	Detail       map[string]uint64 // the kernel's own memory.stat
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
