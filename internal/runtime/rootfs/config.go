package rootfs

// IDs is how many user and group ids a container has: 0..IDs-1 inside.
const IDs = 65536

// MaxLayers is the number of lower layers that Mount accepts.
const MaxLayers = 128

// Config describes one root file system to mount. All paths are absolute and
// hold no symbolic link.
type Config struct {
	// Lower are the read-only layers, the topmost first; at least one.
	Lower []string `json:"lower"`
	// Upper and Work are the writable layer and overlayfs's scratch directory:
	// sibling directories on one mount, owned by root on disk. Both empty mean
	// that nothing can be written.
	Upper string `json:"upper,omitempty"`
	Work  string `json:"work,omitempty"`
	// Target is the directory the root is mounted on, in the caller's mount
	// namespace, which must be private.
	Target string `json:"target"`
	// UserNS is a descriptor of the container's user namespace.
	UserNS int `json:"-"`
	// IDBase is the host id of the container's id 0.
	IDBase uint32 `json:"id_base"`
	// ReadOnly makes the mount itself read-only, even when Upper is set.
	ReadOnly bool `json:"read_only,omitempty"`
	// AllowSetuid leaves set-user-id programs and file capabilities in force.
	AllowSetuid bool `json:"allow_setuid,omitempty"`
}

// Volume describes one directory to show at another place with the ids of a
// container.
type Volume struct {
	Source   string // absolute; no symbolic link in it is followed
	UserNS   int    // descriptor of the container's user namespace
	ReadOnly bool
	Exec     bool // allow programs to be executed
	Dev      bool // allow device nodes
	Suid     bool // honour set-user-id bits
}

// Error says which step failed on what.
type Error struct {
	Op   string // what was attempted
	Path string // on what; may be empty
	Err  error
}

func (e *Error) Error() string {
	if e.Path == "" {
		return e.Op + ": " + e.Err.Error()
	}
	return e.Op + " " + e.Path + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }
