package api

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"
)

// version is a version of the Docker API; versions compare as numbers.
type version uint32

func mkVersion(major, minor uint16) version { return version(major)<<16 | version(minor) }

func (v version) String() string { return fmt.Sprintf("%d.%d", v>>16, v&0xffff) }

// The versions of the Docker API that a node speaks. A request without a
// version is taken as the newest.
const (
	minVersion = version(1<<16 | 40)
	maxVersion = version(1<<16 | 56)
	// plainVersion is the oldest whose clients understand errors as JSON.
	plainVersion = version(1<<16 | 24)
)

// MinVersion and MaxVersion are the versions of the Docker API that a node speaks.
const (
	MinVersion = "1.40"
	MaxVersion = "1.56"
)

// splitVersion takes a leading /v1.40 off a path. Without one it returns the
// newest version. The path that remains begins with a slash.
func splitVersion(path string) (version, string, error) {
	rest, ok := strings.CutPrefix(path, "/v")
	if !ok || rest == "" || rest[0] < '0' || rest[0] > '9' {
		return maxVersion, path, nil
	}
	text, rest, _ := strings.Cut(rest, "/")
	v, ok := parseVersion(text)
	if !ok {
		return maxVersion, path, nil // no version: a path that nobody answers
	}
	rest = "/" + rest
	switch {
	case v < minVersion:
		return v, rest, fmt.Errorf("client version %s is too old. Minimum supported API version is %s, please upgrade your client to a newer version%w", v, minVersion, quiet(errdefs.ErrInvalidArgument))
	case v > maxVersion:
		return v, rest, fmt.Errorf("client version %s is too new. Maximum supported API version is %s%w", v, maxVersion, quiet(errdefs.ErrInvalidArgument))
	}
	return v, rest, nil
}

func parseVersion(s string) (version, bool) {
	a, b, ok := strings.Cut(s, ".")
	if !ok {
		return 0, false
	}
	major, err1 := strconv.ParseUint(a, 10, 16)
	minor, err2 := strconv.ParseUint(b, 10, 16)
	if err1 != nil || err2 != nil {
		return 0, false
	}
	return mkVersion(uint16(major), uint16(minor)), true
}
