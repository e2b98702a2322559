package sandbox

// Binding is what the engine made for one start of a container: the host's
// side of a posture.
type Binding struct {
	// IDBase is the host id of the container's id 0; 65,536 ids follow.
	IDBase uint32
	// UserNSPath and NetNSPath are held namespaces. When a namespace of another container is
	// joined, UserNSPath and IDBase are that container's. They are empty for the host's.
	UserNSPath, NetNSPath string
	// JoinPaths are the namespaces of another container by kind: pid, ipc.
	JoinPaths map[string]string
	// RootfsPath is where the root file system is mounted.
	RootfsPath string
	// CgroupPath is the container's, from the hierarchy's root.
	CgroupPath string
	// InitPath is the host's path of Bailey's init; needed when the posture has Init.
	InitPath string
	// MemfdHook is a command of the host that makes files in memory not executable in the process namespace
	// of a container that is being made; needed unless the posture lets them be executed.
	MemfdHook []string
	// MountSources are the host's paths of binds, volumes and images, by target; also of /dev/shm
	// when it is that of a container whose IPC namespace is joined.
	MountSources map[string]string
	// MapMounts has the runtime map the ids of binds and volumes to the container's. Without it
	// their sources are mapped already.
	MapMounts bool
	// SecretsPath is a directory in memory with the secrets; needed when the posture has any.
	SecretsPath string
	// FilesPath is a directory in memory with the files of Posture.Files; needed when there are any.
	FilesPath string
	// OCIVersion is what the runtime wants to read in ociVersion; "" means the newest known.
	OCIVersion string
}

// IDs is how many user and group ids a container has.
const IDs = 65536

// ExecRequest asks for a further process in a container. Nil Env and "" of
// WorkingDir mean the container's own; Env is added to it otherwise. A nil
// Identity is the container's.
type ExecRequest struct {
	Args, Env  []string
	WorkingDir string
	Identity   *Identity
	Terminal   bool
	// Privileged is refused unless the container is privileged itself.
	Privileged bool
}
