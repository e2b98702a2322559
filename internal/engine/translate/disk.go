package translate

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/bailey-run/bailey/internal/sandbox"
	"github.com/containerd/errdefs"
	units "github.com/docker/go-units"
)

// DiskOptions reads the options of a volume: size, with a unit or "unlimited",
// and inodes. Those that other engines know would mount something of the host.
func DiskOptions(options map[string]string) (sandbox.DiskCap, error) {
	var c sandbox.DiskCap
	for _, key := range slices.Sorted(maps.Keys(options)) {
		var err error
		switch key {
		case "size":
			c.Bytes, err = diskSize(options[key])
		case "inodes":
			c.Inodes, err = strconv.ParseInt(options[key], 10, 64)
		default:
			return c, fmt.Errorf("volume option %q: it would mount a device or path of the host; use a host mount that the policy lists. There are size and inodes: %w", key, errdefs.ErrPermissionDenied)
		}
		if err != nil {
			return c, fmt.Errorf("volume option %s=%q: %w: %w", key, options[key], err, errdefs.ErrInvalidArgument)
		}
	}
	return c, nil
}

// storage reads --storage-opt, of which there is size alone: that of a
// writable root file system.
func storage(options map[string]string) (int64, error) {
	var size int64
	for key, value := range options {
		if key != "size" {
			return 0, fmt.Errorf("--storage-opt %s: there is size=BYTES, for a writable root file system: %w", key, errdefs.ErrInvalidArgument)
		}
		var err error
		if size, err = diskSize(value); err != nil {
			return 0, fmt.Errorf("--storage-opt size=%q: %w: %w", value, err, errdefs.ErrInvalidArgument)
		}
	}
	return size, nil
}

// diskSize reads a number of bytes with a unit; -1 is no limit.
func diskSize(text string) (int64, error) {
	if text == "unlimited" || text == "-1" {
		return -1, nil
	}
	n, err := units.RAMInBytes(text)
	if err == nil && n == 0 {
		err = fmt.Errorf("write a size such as 50g, or unlimited")
	}
	return n, err
}
