package seccomp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// MaxCustom is the greatest size of a caller's own list, in bytes: Docker's
// has 16 KiB.
const MaxCustom = 256 << 10

// custom is a list as the Docker API carries it.
// Source: https://docs.docker.com/engine/security/seccomp/.
type custom struct {
	DefaultAction    specs.LinuxSeccompAction `json:"defaultAction"`
	DefaultErrnoRet  *uint                    `json:"defaultErrnoRet"`
	Architectures    []specs.Arch             `json:"architectures"`
	ArchMap          []archMap                `json:"archMap"`
	Flags            []specs.LinuxSeccompFlag `json:"flags"`
	ListenerPath     string                   `json:"listenerPath"`
	ListenerMetadata string                   `json:"listenerMetadata"`
	Syscalls         []customRule             `json:"syscalls"`
}

type archMap struct {
	Architecture     specs.Arch   `json:"architecture"`
	SubArchitectures []specs.Arch `json:"subArchitectures"`
}

type customRule struct {
	Name     string                   `json:"name"`
	Names    []string                 `json:"names"`
	Action   specs.LinuxSeccompAction `json:"action"`
	ErrnoRet *uint                    `json:"errnoRet"`
	Args     []specs.LinuxSeccompArg  `json:"args"`
	Comment  string                   `json:"comment"`
	Includes condition                `json:"includes"`
	Excludes condition                `json:"excludes"`
}

type condition struct {
	Caps      []string `json:"caps"`
	Arches    []string `json:"arches"`
	MinKernel string   `json:"minKernel"`
}

var customActions = []specs.LinuxSeccompAction{
	specs.ActAllow, specs.ActErrno, specs.ActKill, specs.ActKillProcess, specs.ActKillThread, specs.ActTrap, specs.ActLog,
}

var customOps = []specs.LinuxSeccompOperator{
	specs.OpNotEqual, specs.OpLessThan, specs.OpLessEqual, specs.OpEqualTo,
	specs.OpGreaterEqual, specs.OpGreaterThan, specs.OpMaskedEqual,
}

// Custom reads a caller's own list in the format of the Docker API, for an
// architecture and a set of capabilities. Whatever architectures it names,
// the filter is for the native one: the others are a way past it. Actions
// that hand a call to another process are refused, and so are unknown keys.
// minKernel is taken as fulfilled: a kernel without a call answers ENOSYS.
func Custom(text []byte, architecture string, capabilities []string) (*specs.LinuxSeccomp, error) {
	c, err := readCustom(text)
	if err != nil {
		return nil, err
	}
	arch, ok := architectures[architecture]
	if !ok {
		return nil, fmt.Errorf("seccomp: no filter can be made for %q; amd64 and arm64 are known", architecture)
	}
	profile := &specs.LinuxSeccomp{
		DefaultAction: c.DefaultAction, DefaultErrnoRet: c.DefaultErrnoRet, Architectures: []specs.Arch{arch}, Flags: c.Flags,
	}
	for _, r := range c.Syscalls {
		if !r.applies(architecture, capabilities) {
			continue
		}
		if r.Name != "" {
			r.Names = append(r.Names, r.Name)
		}
		profile.Syscalls = append(profile.Syscalls,
			specs.LinuxSyscall{Names: r.Names, Action: r.Action, ErrnoRet: r.ErrnoRet, Args: r.Args})
	}
	return profile, nil
}

func readCustom(text []byte) (custom, error) {
	var c custom
	if len(text) > MaxCustom {
		return c, fmt.Errorf("seccomp: a list of %d bytes is too long; %d are accepted", len(text), MaxCustom)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return c, fmt.Errorf("seccomp: the list cannot be read: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return c, fmt.Errorf("seccomp: something follows the list")
	}
	if c.ListenerPath != "" || c.ListenerMetadata != "" {
		return c, fmt.Errorf("seccomp: listenerPath would hand system calls to a process of the host")
	}
	if !slices.Contains(customActions, c.DefaultAction) {
		return c, fmt.Errorf("seccomp: defaultAction %q is not one of %v", c.DefaultAction, customActions)
	}
	for _, r := range c.Syscalls {
		if err := r.check(); err != nil {
			return c, err
		}
	}
	return c, nil
}

func (r customRule) check() error {
	if r.Name == "" && len(r.Names) == 0 {
		return fmt.Errorf("seccomp: a rule names no system call")
	}
	if !slices.Contains(customActions, r.Action) {
		return fmt.Errorf("seccomp: action %q of %v is not one of %v", r.Action, r.Names, customActions)
	}
	for _, a := range r.Args {
		if a.Index > 5 || !slices.Contains(customOps, a.Op) {
			return fmt.Errorf("seccomp: an argument of %v has index %d and op %q; there are 0 to 5 and %v", r.Names, a.Index, a.Op, customOps)
		}
	}
	return nil
}

// applies says whether a rule's conditions hold; Docker demands all
// capabilities of includes, and none of excludes.
func (r customRule) applies(architecture string, capabilities []string) bool {
	has := func(c string) bool { return slices.Contains(capabilities, c) }
	for _, c := range r.Includes.Caps {
		if !has(c) {
			return false
		}
	}
	return !slices.ContainsFunc(r.Excludes.Caps, has) &&
		(len(r.Includes.Arches) == 0 || slices.Contains(r.Includes.Arches, architecture)) &&
		!slices.Contains(r.Excludes.Arches, architecture)
}
