package sandbox

import "encoding/json"

// PostureVersion is the layout of a stored Posture.
const PostureVersion = 1

// Posture is everything that decides what a container may do: plain data,
// stored with the container and shown by inspect. Field names are stable.
type Posture struct {
	Version    int      `json:"version"`
	ID         string   `json:"id"`
	Hostname   string   `json:"hostname,omitempty"`
	Domainname string   `json:"domainname,omitempty"`
	Args       []string `json:"args"`
	Env        []string `json:"env,omitempty"`
	WorkingDir string   `json:"working_dir"`
	Identity   Identity `json:"identity"`
	Umask      *uint32  `json:"umask,omitempty"`
	Terminal   bool     `json:"terminal,omitempty"`
	Init       bool     `json:"init,omitempty"`

	Privileged      bool         `json:"privileged,omitempty"`
	Capabilities    Capabilities `json:"capabilities"`
	NoNewPrivileges bool         `json:"no_new_privileges"`
	Seccomp         Seccomp      `json:"seccomp"`
	AppArmor        AppArmor     `json:"apparmor"`
	SELinux         SELinux      `json:"selinux"`
	Namespaces      Namespaces   `json:"namespaces"`

	// MemoryFilesExec lets files that exist in memory only (memfd_create(2)) be executed.
	MemoryFilesExec bool `json:"memory_files_exec,omitempty"`

	Root          RootFS         `json:"root"`
	Mounts        []PostureMount `json:"mounts"`
	MaskedPaths   []string       `json:"masked_paths"`
	ReadonlyPaths []string       `json:"readonly_paths"`
	// WritableCgroups lets the container write to its own cgroup.
	WritableCgroups bool `json:"writable_cgroups,omitempty"`

	Devices     []Device          `json:"devices,omitempty"`
	DeviceRules []DeviceRule      `json:"device_rules,omitempty"` // beyond the standard devices
	Sysctls     map[string]string `json:"sysctls,omitempty"`
	Limits      Limits            `json:"limits"`
	Network     Network           `json:"network"`
	Secrets     []string          `json:"secrets,omitempty"`

	CgroupParent string            `json:"cgroup_parent,omitempty"`
	Runtime      string            `json:"runtime,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`

	// Host is what was known of the host; DefaultMemory and DefaultDisk are its default limits, in bytes.
	Host PostureHost `json:"host"`
	// Relaxations lists what is weaker than the default, and who allowed it.
	Relaxations []Relaxation `json:"relaxations,omitempty"`
	// Notes are what the caller ought to know: what was clamped, what has no effect.
	Notes []string `json:"notes,omitempty"`
}

// Capabilities are what the two kinds of user get: a process of uid 0, and
// any other. Names carry CAP_. Ambient ones are those a relaxation gave to a
// user that is not root, who could not use them otherwise.
type Capabilities struct {
	Root []string `json:"root"`
	User []string `json:"user"`
}

// The modes of Seccomp, AppArmor and SELinux.
const (
	ModeDefault    = "default"    // Bailey's own
	ModeUnconfined = "unconfined" // switched off by a relaxation
	ModeCustom     = "custom"     // the caller's, by a relaxation
	ModeAbsent     = "absent"     // the host has none
)

// Seccomp is which list of system calls a container has. Opened are the
// groups that relaxations opened; Profile is a custom list.
type Seccomp struct {
	Mode    string          `json:"mode"`
	Opened  []string        `json:"opened,omitempty"`
	Profile json.RawMessage `json:"profile,omitempty"`
}

// AppArmor names the profile of a container.
type AppArmor struct {
	Mode    string `json:"mode"`
	Profile string `json:"profile,omitempty"`
}

// SELinux holds the type and level of a container; without a Level the
// container gets a pair of categories of its own.
type SELinux struct {
	Mode  string `json:"mode"`
	Type  string `json:"type,omitempty"`
	Level string `json:"level,omitempty"`
}

// The values of Namespaces; NamespaceJoin is followed by a container's id.
const (
	NamespaceOwn    = "own"
	NamespaceHost   = "host"
	NamespaceJoin   = "container:"
	NamespaceAbsent = "absent" // the kernel has none
)

// Namespaces says for each kind whose it is.
type Namespaces struct {
	User    string `json:"user"`
	PID     string `json:"pid"`
	IPC     string `json:"ipc"`
	UTS     string `json:"uts"`
	Mount   string `json:"mount"`
	Cgroup  string `json:"cgroup"`
	Time    string `json:"time"`
	Network string `json:"network"`
}

// RootFS is the root file system. SizeBytes and Inodes cap what is written to
// it; they are 0 where nothing can be written and -1 without a limit.
type RootFS struct {
	Writable  bool  `json:"writable"`
	SizeBytes int64 `json:"size_bytes,omitempty"`
	Inodes    int64 `json:"inodes,omitempty"`
	Setuid    bool  `json:"setuid"` // set-user-id programs and file capabilities count
}

// PostureMount is one mount below the root. Kind is that of Mount, or one of
// the sandbox's: proc, sysfs, cgroup, mqueue, devpts, dev, shm, device, step, secrets, init, file.
// SizeBytes and Inodes cap a tmpfs, and a volume, where -1 is no limit.
type PostureMount struct {
	Kind        string `json:"kind"`
	Source      string `json:"source,omitempty"`
	Target      string `json:"target"`
	File        bool   `json:"file,omitempty"` // a file, not a directory
	ReadOnly    bool   `json:"read_only,omitempty"`
	Exec        bool   `json:"exec,omitempty"`
	Suid        bool   `json:"suid,omitempty"`
	Dev         bool   `json:"dev,omitempty"`
	SizeBytes   int64  `json:"size_bytes,omitempty"`
	Inodes      int64  `json:"inodes,omitempty"`
	Watched     bool   `json:"watched,omitempty"` // a volume whose cap is watched, where others' are hard
	Mode        uint32 `json:"mode,omitempty"`
	UID         uint32 `json:"uid,omitempty"` // owner of a tmpfs, in the container
	GID         uint32 `json:"gid,omitempty"`
	Propagation string `json:"propagation,omitempty"`
	CopyUp      bool   `json:"copy_up,omitempty"` // starts with what the image has there
	// Reader are the ids of the host with whose rights Source, a file, is read at each start.
	Reader *Identity `json:"reader,omitempty"`
}

// DeviceRule is one rule of the device cgroup. Major and Minor are -1 for any.
type DeviceRule struct {
	Kind   string `json:"kind"` // a, b or c
	Major  int64  `json:"major"`
	Minor  int64  `json:"minor"`
	Access string `json:"access"`
}

// Limits are what a container may use: bytes, -1 for no limit.
type Limits struct {
	Memory            int64      `json:"memory"`
	Swap              int64      `json:"swap"` // on top of memory
	MemoryReservation int64      `json:"memory_reservation,omitempty"`
	Shm               int64      `json:"shm"`
	OOMKillDisable    bool       `json:"oom_kill_disable,omitempty"`
	OOMScoreAdj       int        `json:"oom_score_adj"`
	Pids              int64      `json:"pids"`
	CPUShares         uint64     `json:"cpu_shares"`
	CPUQuota          int64      `json:"cpu_quota,omitempty"`  // microseconds a period; 0: all of the host's cores
	CPUPeriod         uint64     `json:"cpu_period,omitempty"` // microseconds
	CPURealtime       int64      `json:"cpu_realtime,omitempty"`
	CPURealtimePeriod uint64     `json:"cpu_realtime_period,omitempty"`
	CpusetCpus        string     `json:"cpuset_cpus,omitempty"`
	CpusetMems        string     `json:"cpuset_mems,omitempty"`
	BlkioWeight       uint16     `json:"blkio_weight,omitempty"`
	BlkioThrottles    []Throttle `json:"blkio_throttles,omitempty"`
	Rlimits           []Ulimit   `json:"rlimits"`
	Log               LogLimits  `json:"log"`
}

// Network is what a container can reach. Name is "default", "none", "host",
// "container:ID" or a network's name; More are further networks.
type Network struct {
	Name  string   `json:"name"`
	More  []string `json:"more,omitempty"`
	Ports []Port   `json:"ports,omitempty"`
}

// PostureHost is the part of HostFacts that a posture goes on to need.
type PostureHost struct {
	Architecture   string   `json:"architecture"`
	CgroupV2       bool     `json:"cgroup_v2"`
	DefaultMemory  int64    `json:"default_memory"`
	CPUs           int      `json:"cpus"`
	PossibleCPUs   int      `json:"possible_cpus"`
	NofileHard     uint64   `json:"nofile_hard"`
	SwapAccounting bool     `json:"swap_accounting"`
	DiskQuota      bool     `json:"disk_quota"`         // caps on disk are the file system's
	DiskWhy        string   `json:"disk_why,omitempty"` // why they are not
	DefaultDisk    int64    `json:"default_disk"`
	DefaultInodes  int64    `json:"default_inodes"`
	NoSwapTmpfs    bool     `json:"no_swap_tmpfs"`
	MemfdNoexec    bool     `json:"memfd_noexec"`
	Missing        []string `json:"missing,omitempty"` // cgroup controllers
}

// Relaxation is one way in which a posture is weaker than the default.
type Relaxation struct {
	Control string `json:"control"`
	Rule    string `json:"rule"`
	Value   string `json:"value,omitempty"`
	// AllowedBy names the policy's entry and the caller, Reason is the entry's.
	AllowedBy string `json:"allowed_by"`
	Reason    string `json:"reason"`
}

// MountPoint is a place that the root file system must have before the OCI
// runtime mounts something on it; File says that it is a file.
type MountPoint struct {
	Path string
	File bool
}
