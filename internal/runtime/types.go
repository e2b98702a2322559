package runtime

import (
	"log/slog"
	"path/filepath"
	"syscall"
	"time"

	"github.com/bailey-run/bailey/internal/runtime/nspool"
	"github.com/bailey-run/bailey/internal/runtime/rootfs"
	"github.com/bailey-run/bailey/internal/runtime/supervise"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Options says where a Runtime keeps its files and which OCI runtime it uses.
type Options struct {
	// StateDir is the node's state directory; the shipped binaries are unpacked
	// into StateDir/bin. It must be on a file system that allows execution.
	StateDir string
	// RunDir is the directory of everything that does not survive a reboot;
	// the OCI runtime's own state is in RunDir/oci. It and its parents must be
	// searchable by everyone (o+x), because a container's root user is an
	// ordinary user of the host.
	RunDir string
	// Node is the node's short name (8 hex digits), part of control group names.
	Node string
	// RuntimePath is the OCI runtime to execute: a path to crun or runc, or
	// empty for the runc that Bailey ships.
	RuntimePath string
	Log         *slog.Logger
}

// Info tells which OCI runtime is in use.
type Info struct {
	Name    string // "runc" or "crun"
	Version string // without a leading v
	Path    string
	Digest  string // "sha256:" and 64 hex digits of the executable
}

// Paths are the places inside a container's run directory that the OCI spec
// refers to. They are valid in the supervisor's mount namespace only.
type Paths struct {
	UserNS  string // the user namespace, when Prepare got one
	NetNS   string // the network namespace, when Prepare got one
	Rootfs  string // where the root file system is mounted
	Secrets string // the directory with the secrets, one file each
	Files   string // the directory with the delivered files
	Mounts  string // the directory for StartRequest.Mounts
}

// PathsIn returns the paths of the container whose run directory is runDir.
func PathsIn(runDir string) Paths {
	mem := filepath.Join(runDir, supervise.MemDir)
	return Paths{
		UserNS:  filepath.Join(mem, "ns", "user"),
		NetNS:   filepath.Join(mem, "ns", "net"),
		Rootfs:  filepath.Join(mem, "rootfs"),
		Secrets: filepath.Join(mem, "secrets"),
		Files:   filepath.Join(mem, "files"),
		Mounts:  filepath.Join(mem, "mounts"),
	}
}

// LogOptions says how a container's output is logged, in the format of
// Docker's json-file driver.
type LogOptions struct {
	Path     string // of the newest file; older ones are Path.1, Path.2, …
	MaxSize  int64  // bytes of one file before it is rotated; 0 means no limit
	MaxFiles int    // how many files are kept, the newest included; at least 1
	Disabled bool   // write no log at all
}

// PrepareRequest describes the supervisor to spawn.
type PrepareRequest struct {
	ID string // 64 hex digits
	// RunDir is the container's directory below the node's RunDir. Prepare
	// makes it; Delete removes it.
	RunDir string
	// ContainerDir is the container's durable directory, which exists already;
	// exit.json is written there.
	ContainerDir string
	Terminal     bool // the main process has a terminal
	OpenStdin    bool // the main process has a standard input
	StdinOnce    bool // close it when the first client that held it has gone
	Log          LogOptions
	// Pair holds the container's namespaces that the spec names by the paths of
	// PathsIn; nil, or a nil member, where it names none. The caller keeps the
	// descriptors and may close them after Prepare.
	Pair *nspool.Pair
}

// Mount is something that a spec's bind mount takes from Paths.Mounts.
type Mount struct {
	// Over, when it has layers, is mounted on Over.Target first, and Root is that target. Both lie in Paths.Mounts.
	Over rootfs.Config
	// Root is the directory to show, Sub the part of it, resolved inside Root; empty for all of it.
	Root, Sub string
	// Target is the place in Paths.Mounts.
	Target string
	// IDBase is the host id of the container's id 0, or 0 when the ids in Root are mapped already.
	IDBase   uint32
	ReadOnly bool
}

// Secret is a file that is delivered into memory and never written to a disk.
type Secret struct {
	Name     string // the file's name, without a slash
	Data     []byte
	UID, GID uint32 // ids of the host, thus already mapped
	Mode     uint32 // permission bits; 0 means 0400
}

// Forward is one published port.
type Forward struct {
	HostIP        string // numeric; empty means 127.0.0.1
	HostPort      uint16 // 0 lets the kernel choose
	Proto         string // "tcp" or "udp"
	ContainerIP   string // numeric
	ContainerPort uint16
}

// StartRequest is what Start needs beyond what Prepare was told.
type StartRequest struct {
	Spec *specs.Spec
	// Rootfs is mounted on Rootfs.Target before the runtime is executed. Its
	// UserNS is ignored: the supervisor uses the pair's.
	Rootfs rootfs.Config
	// Mounts are made before the runtime is executed, in order, below Paths.Mounts.
	Mounts  []Mount
	Secrets []Secret
	Files   []Secret // likewise delivered into memory, to Paths.Files
	Ports   []Forward
	// Rows and Cols are the terminal's first size; 0 leaves the runtime's.
	Rows, Cols uint16
}

// Started tells that a container runs.
type Started struct {
	Pid   int // of its main process, as the host numbers it
	At    time.Time
	Ports []Forward // as asked for, with the host ports that were chosen
}

// Exit is how a process ended.
type Exit struct {
	Code   int            // as a shell shows it: 128 + signal when a signal ended it
	Signal syscall.Signal // 0 when it ended by itself
	OOM    bool           // the kernel killed something in the container for want of memory
	At     time.Time
	// Began is when it was started, where that was recorded with the end.
	Began time.Time
	// Reason is empty for an ordinary end; otherwise it explains the code, for
	// instance ReasonSupervisorLost.
	Reason string
}

// ReasonSupervisorLost is the Reason of an exit that nobody saw: the
// supervisor was killed, and the container was killed after it.
const ReasonSupervisorLost = "supervisor was killed"

// State is what Adopt found.
type State int

// The states. Gone means that nothing of the container runs and that no end
// was recorded: it was never started, or the machine went down under it.
const (
	Gone State = iota
	Running
	Exited
	SupervisorLost
)

// Status is what Adopt found out about a container.
type Status struct {
	State   State
	Started Started // set when State is Running
	Exit    Exit    // set when State is Exited
}

// AttachRequest chooses streams. With ExecID the streams are those of an exec,
// which may be attached to before it is started.
type AttachRequest struct {
	ExecID                string
	Stdin, Stdout, Stderr bool
}

// ExecRequest is a further process in a running container.
type ExecRequest struct {
	ID         string // chosen by the caller, hex digits, unique in the container
	Process    *specs.Process
	Terminal   bool
	OpenStdin  bool
	Rows, Cols uint16
}

// ExecStarted tells that an exec runs.
type ExecStarted struct {
	Pid int
	At  time.Time
}

// Orphan is something of this node that no known container owns.
type Orphan struct {
	ID   string
	Kind string // "supervisor", "runtime state", "control group" or "run directory"
	Path string // where it is; empty for processes
}

func (s State) String() string {
	switch s {
	case Running:
		return "running"
	case Exited:
		return "exited"
	case SupervisorLost:
		return "supervisor lost"
	}
	return "gone"
}
