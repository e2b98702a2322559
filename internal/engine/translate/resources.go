package translate

import (
	"fmt"

	"github.com/bailey-run/bailey/internal/sandbox"
	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/blkiodev"
	"github.com/moby/moby/api/types/container"
	"golang.org/x/sys/unix"
)

func resources(h *container.HostConfig) (sandbox.Resources, error) {
	r := sandbox.Resources{
		Memory: h.Memory, MemorySwap: h.MemorySwap, MemoryReservation: h.MemoryReservation,
		MemorySwappiness: h.MemorySwappiness, ShmSize: h.ShmSize,
		OomKillDisable: h.OomKillDisable != nil && *h.OomKillDisable,
		NanoCPUs:       h.NanoCPUs, CPUShares: h.CPUShares, CPUPeriod: h.CPUPeriod, CPUQuota: h.CPUQuota,
		CPURealtimePeriod: h.CPURealtimePeriod, CPURealtime: h.CPURealtimeRuntime,
		CpusetCpus: h.CpusetCpus, CpusetMems: h.CpusetMems, BlkioWeight: h.BlkioWeight,
	}
	if s := r.MemorySwappiness; s != nil && *s == -1 {
		r.MemorySwappiness = nil // older clients' way to say nothing
	}
	if h.PidsLimit != nil {
		r.PidsLimit = *h.PidsLimit
	}
	if len(h.BlkioWeightDevice) > 0 {
		return r, fmt.Errorf("--blkio-weight-device: weights of single devices are not supported; use --blkio-weight: %w", errdefs.ErrNotImplemented)
	}
	for kind, list := range map[string][]*blkiodev.ThrottleDevice{
		sandbox.ThrottleReadBps: h.BlkioDeviceReadBps, sandbox.ThrottleWriteBps: h.BlkioDeviceWriteBps,
		sandbox.ThrottleReadIOPS: h.BlkioDeviceReadIOps, sandbox.ThrottleWriteIOPS: h.BlkioDeviceWriteIOps,
	} {
		for _, d := range list {
			t, err := throttle(kind, d)
			if err != nil {
				return r, err
			}
			r.BlkioThrottles = append(r.BlkioThrottles, t)
		}
	}
	return r, nil
}

func throttle(kind string, d *blkiodev.ThrottleDevice) (sandbox.Throttle, error) {
	var st unix.Stat_t
	if err := unix.Stat(d.Path, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFBLK {
		return sandbox.Throttle{}, fmt.Errorf("I/O limit for %q: it is not a block device of this host: %w", d.Path, errdefs.ErrInvalidArgument)
	}
	return sandbox.Throttle{Kind: kind, Major: int64(unix.Major(st.Rdev)), Minor: int64(unix.Minor(st.Rdev)), Rate: d.Rate}, nil
}

// Update states an update of limits; zero values of the API leave a limit as it is.
func Update(r container.Resources) sandbox.ResourcesUpdate {
	return sandbox.ResourcesUpdate{
		Memory: nonZero(r.Memory), MemorySwap: nonZero(r.MemorySwap), MemoryReservation: nonZero(r.MemoryReservation),
		NanoCPUs: nonZero(r.NanoCPUs), CPUQuota: nonZero(r.CPUQuota), CPUPeriod: nonZero(r.CPUPeriod), CPUShares: nonZero(r.CPUShares),
		CPURealtime: nonZero(r.CPURealtimeRuntime), CPURealtimePeriod: nonZero(r.CPURealtimePeriod),
		CpusetCpus: nonZero(r.CpusetCpus), CpusetMems: nonZero(r.CpusetMems),
		PidsLimit: r.PidsLimit, BlkioWeight: nonZero(r.BlkioWeight),
	}
}

func nonZero[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// Record writes an update into the configuration that inspect shows.
func Record(h *container.HostConfig, u container.UpdateConfig) {
	set(&h.Memory, u.Memory)
	set(&h.MemorySwap, u.MemorySwap)
	set(&h.MemoryReservation, u.MemoryReservation)
	set(&h.NanoCPUs, u.NanoCPUs)
	set(&h.CPUQuota, u.CPUQuota)
	set(&h.CPUPeriod, u.CPUPeriod)
	set(&h.CPUShares, u.CPUShares)
	set(&h.CpusetCpus, u.CpusetCpus)
	set(&h.CpusetMems, u.CpusetMems)
	set(&h.PidsLimit, u.PidsLimit)
	set(&h.BlkioWeight, u.BlkioWeight)
	if u.RestartPolicy.Name != "" {
		h.RestartPolicy = u.RestartPolicy
	}
}

func set[T comparable](dst *T, v T) {
	var zero T
	if v != zero {
		*dst = v
	}
}
