package sandbox

import specs "github.com/opencontainers/runtime-spec/specs-go"

// Controls shows the posture control by control, in a fixed order.
func (p Posture) Controls() []Control { return nil }

// MountPoints lists what the root file system must contain before it is
// mounted on, parents first.
func (p Posture) MountPoints() []MountPoint { return nil }

// SELinuxLabels returns the label of the container's processes and of its
// files, both empty where there is none.
func (p Posture) SELinuxLabels(idBase uint32) (process, mount string) { return "", "" }

// Spec turns a posture and what was made for it into what an OCI runtime runs.
func Spec(p Posture, b Binding) (*specs.Spec, error) { return nil, nil }

// ExecProcess returns a further process for a container, with the container's posture.
func ExecProcess(p Posture, r ExecRequest) (*specs.Process, error) { return nil, nil }

// ApplyUpdate changes limits: it returns the new posture and what to hand to the OCI runtime.
func ApplyUpdate(p Posture, u ResourcesUpdate, policy Policy, caller Caller, facts HostFacts) (Posture, *specs.LinuxResources, error) {
	return Posture{}, nil, nil
}

// ParsePolicy reads a policy from TOML. path is where it was read from.
func ParsePolicy(path string, text []byte) (Policy, error) { return Policy{}, nil }
