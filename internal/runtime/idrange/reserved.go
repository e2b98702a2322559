package idrange

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// maxSubids bounds how much of subuid(5) and subgid(5) is read, in bytes.
const maxSubids = 1 << 20

// reserved are ranges of ids that the host gave to its users; ends are exclusive.
type reserved [][2]uint64

func (r reserved) overlap(base uint32) bool {
	first, end := uint64(base), uint64(base)+uint64(Size)
	for _, x := range r {
		if x[0] < end && first < x[1] {
			return true
		}
	}
	return false
}

// readReserved reads lines of "user:first:count". Files may be missing; lines
// that are not of this form give nobody anything.
func readReserved(files []string) (reserved, error) {
	var r reserved
	for _, name := range files {
		data, err := readBounded(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("find out which user ids the host gave away: %w", err)
		}
		for line := range strings.SplitSeq(string(data), "\n") {
			if x, ok := parseSubid(line); ok {
				r = append(r, x)
			}
		}
	}
	return r, nil
}

func parseSubid(line string) (x [2]uint64, ok bool) {
	f := strings.Split(strings.TrimSpace(line), ":")
	if len(f) != 3 || strings.HasPrefix(line, "#") {
		return x, false
	}
	first, err := strconv.ParseUint(f[1], 10, 32)
	if err != nil {
		return x, false
	}
	count, err := strconv.ParseUint(f[2], 10, 32)
	if err != nil {
		return x, false
	}
	return [2]uint64{first, first + count}, true
}

func readBounded(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSubids+1))
	if err == nil && len(data) > maxSubids {
		err = fmt.Errorf("%s is larger than 1 MiB", name)
	}
	return data, err
}
