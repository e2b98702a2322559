package sandbox

// Caller is who asks: the credentials of the other end of the socket, with
// names resolved by the host.
type Caller struct {
	UID, GID uint32
	User     string
	Groups   []string
	// Reads are the ids of the host with which files may be read for it; nil when none may.
	Reads *Identity

	// Only Prover and Stranger set these: they cannot come over a wire.
	prover, stranger bool
}

// Prover is the node itself when it attacks its own controls: it is allowed
// every relaxation, because the twin of an attack is a container in which the
// attack must succeed. No user of the host and no policy can be this caller.
func Prover() Caller { return Caller{UID: nobody, GID: nobody, User: "the prover", prover: true} }

// Stranger is the node itself as somebody whom no policy knows, but who may
// read every file of the host, to see what is refused to everybody.
func Stranger() Caller {
	return Caller{UID: nobody, GID: nobody, User: "a stranger", Reads: &Identity{}, stranger: true}
}

// Inside reports whether the caller is the node itself, in one role or another.
func (c Caller) Inside() bool { return c.prover || c.stranger }

// nobody is an id that no user has.
const nobody = ^uint32(0)

// Absent are the controls that only newer kernels have, where this one does
// not. A proof must not call them broken.
func (f HostFacts) Absent() []string {
	if f.MemfdNoexec {
		return nil
	}
	return []string{ControlMemoryFiles}
}

// HostFacts is what a posture depends on of the machine it is for.
type HostFacts struct {
	// Memory is the host's, in bytes; CPUs are those the node may use, PossibleCPUs those that the
	// kernel numbers (0 means the same).
	Memory             int64
	CPUs, PossibleCPUs int
	// Architecture is Go's name: amd64, arm64.
	Architecture string
	Kernel       string
	CgroupV2     bool
	// KnownControllers are the cgroup controllers that can be used: memory, pids, cpu, cpuset,
	// blkio (io on v2), devices, freezer. Empty means that it was not looked at, and all are assumed.
	KnownControllers []string
	// SwapAccounting says that swap can be limited.
	SwapAccounting bool
	// AppArmor says that profiles can be loaded, SELinux that it enforces.
	AppArmor, SELinux bool
	// TimeNS says that the kernel has time namespaces.
	TimeNS bool
	// NofileHard is the most open files that a process of the node may have; 0 means unknown.
	NofileHard uint64
	// OOMScoreAdj is the node's own; a child can hardly have less.
	OOMScoreAdj int
	// NoSwapTmpfs and IdmapOverlay are abilities of the kernel: tmpfs with noswap (6.4), overlays
	// with idmapped layers.
	NoSwapTmpfs, IdmapOverlay bool
	// MemfdNoexec says that a process namespace can keep files in memory from being executed (6.6).
	MemfdNoexec bool
	// Disk is the file system of the node's state, where volumes and writable roots lie.
	Disk DiskFacts
	// OwnPaths are the node's own directories, which no container may mount.
	OwnPaths []string
	// Broken are controls that the newest proof has shown not to hold on this host.
	Broken []string
}
