package sandbox

import "net/netip"

// Request is what a caller asks for, after names were resolved: plain data.
// The zero value of a field asks for the default.
type Request struct {
	ID, Hostname, Domainname string
	// Args is the command with its arguments, Env "NAME=value" each; WorkingDir "" means "/".
	Args, Env  []string
	WorkingDir string
	// Identity is the user inside the container, with the groups of --group-add among its Groups.
	Identity Identity
	// Umask of the first process; nil means 022.
	Umask *uint32

	Terminal bool
	// Init runs Bailey's own init as process 1.
	Init       bool
	Privileged bool
	// CapAdd and CapDrop are capability names with or without CAP_, or ALL.
	CapAdd, CapDrop []string
	// SecurityOpt are options as the Docker API carries them: no-new-privileges[:false],
	// seccomp=…, apparmor=…, label=…, systempaths=unconfined, and Bailey's own rootfs=writable.
	SecurityOpt []string
	// WritableRoot asks for a writable root file system. Clients of the Docker API ask by the
	// option rootfs=writable: their ReadonlyRootfs=false is a default and asks for nothing.
	WritableRoot bool
	// RootSizeBytes caps a writable root, in bytes; 0 means the default, -1 asks for no cap.
	RootSizeBytes int64

	// Namespaces holds the modes of the Docker API ("", "private", "host", "container:ID") by
	// kind: pid, ipc, uts, cgroup, user, time. The network's is in Network.
	Namespaces map[string]string
	// Network is "" or "default" (a segment of its own), "none", "host", "container:ID" or the
	// name of a network. Networks are further ones that it is connected to.
	Network  string
	Networks []string
	Ports    []Port

	Devices           []Device
	DeviceCgroupRules []string
	// DeviceRequests are requests to a device driver (--gpus), each named by its driver; there is none.
	DeviceRequests []string
	Mounts         []Mount
	// CopyUp are those of /run, /tmp and /var/tmp in which the image has something: they start with it.
	CopyUp      []string
	Sysctls     map[string]string
	Ulimits     []Ulimit
	Resources   Resources
	OomScoreAdj int
	// Secrets are names; their contents never pass through here.
	Secrets []string
	// MaskedPaths and ReadonlyPaths replace the default lists; nil keeps them. What a list leaves
	// out of the default is a relaxation; what it adds is not.
	MaskedPaths, ReadonlyPaths *[]string
	Log                        LogLimits
	CgroupParent               string
	// Runtime names another OCI runtime than the node's; "" keeps it.
	Runtime string
	// Annotations for the OCI runtime. Runtimes obey some, so each is a relaxation.
	Annotations map[string]string
}

// Identity is a numeric user inside a container.
type Identity struct {
	UID    uint32   `json:"uid"`
	GID    uint32   `json:"gid"`
	Groups []uint32 `json:"groups,omitempty"` // supplementary ones
}

// Device is a device of the host that a container wants. The engine resolved
// and looked at HostPath: Kind, Major and Minor are what lies there.
type Device struct {
	HostPath      string `json:"host_path"`
	ContainerPath string `json:"container_path"`
	// Permissions is a subset of "rwm"; "" means all of them.
	Permissions string `json:"permissions"`
	Kind        string `json:"kind"` // c or b
	Major       int64  `json:"major"`
	Minor       int64  `json:"minor"`
}

// The kinds of mount.
const (
	MountBind   = "bind"   // a path of the host
	MountVolume = "volume" // a volume of the engine
	MountTmpfs  = "tmpfs"  // memory
	MountImage  = "image"  // an image's files, read-only
)

// Mount is one mount that a caller asks for.
type Mount struct {
	// Type is one of MountBind, MountVolume, MountTmpfs and MountImage.
	Type string
	// Source of a bind is a clean absolute path of the host in which the engine has resolved every
	// symbolic link; of a volume or image it is the name.
	Source string
	// Target is an absolute path in the container.
	Target   string
	ReadOnly bool
	// File says that the source is a file, not a directory; Regular that it is neither a socket, a FIFO nor a device.
	File, Regular bool
	// Options are mount options by their usual names: exec, noexec, suid, nosuid, dev, nodev.
	Options []string
	// SizeBytes and Inodes cap a tmpfs or volume; 0 means the default. -1 asks for no cap of a volume.
	SizeBytes, Inodes int64
	// Anonymous says that a volume is made for this container alone. Those of a container share the default.
	Anonymous bool
	// Exists says that a volume's cap was decided before; Watched, that it is watched even where others' are hard.
	Exists, Watched bool
	// Mode is that of a tmpfs's root; 0 means 1777.
	Mode uint32
	// Propagation is "", "rprivate", "private", "rslave", "slave", "rshared" or "shared".
	Propagation string
}

// Ulimit is a resource limit of setrlimit(2): Name as in "nofile", values in
// that resource's unit, -1 for no limit.
type Ulimit struct {
	Name       string `json:"name"`
	Soft, Hard int64
}

// Resources are limits as the Docker API has them: sizes in bytes, 0 for the
// default, -1 for none where the API allows that.
type Resources struct {
	Memory            int64
	MemorySwap        int64 // memory and swap together
	MemoryReservation int64
	MemorySwappiness  *int64
	ShmSize           int64
	OomKillDisable    bool
	NanoCPUs          int64 // billionths of a CPU
	CPUShares         int64
	CPUPeriod         int64 // microseconds
	CPUQuota          int64 // microseconds in a period
	CPURealtimePeriod int64 // microseconds
	CPURealtime       int64 // microseconds in a period
	CpusetCpus        string
	CpusetMems        string
	PidsLimit         int64
	BlkioWeight       uint16
	BlkioThrottles    []Throttle
}

// The kinds of Throttle.
const (
	ThrottleReadBps   = "read-bps"
	ThrottleWriteBps  = "write-bps"
	ThrottleReadIOPS  = "read-iops"
	ThrottleWriteIOPS = "write-iops"
)

// Throttle limits the traffic to a block device, in bytes or operations per
// second by its Kind.
type Throttle struct {
	Kind  string `json:"kind"`
	Major int64  `json:"major"`
	Minor int64  `json:"minor"`
	Rate  uint64 `json:"rate"`
}

// Port is one port to publish. An invalid HostIP means 127.0.0.1; HostPort 0
// lets the node choose; Proto "" means tcp.
type Port struct {
	HostIP        netip.Addr `json:"host_ip"`
	HostPort      uint16     `json:"host_port"`
	ContainerPort uint16     `json:"container_port"`
	Proto         string     `json:"proto"`
}

// LogLimits cap the log of a container: MaxSizeBytes per file, MaxFiles of
// them. 0 means the default; a MaxSizeBytes of -1 asks for no cap. Disabled
// keeps no log at all.
type LogLimits struct {
	MaxSizeBytes int64 `json:"max_size_bytes"`
	MaxFiles     int   `json:"max_files"`
	Disabled     bool  `json:"disabled,omitempty"`
}
