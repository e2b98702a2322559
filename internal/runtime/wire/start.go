package wire

// Start tells a supervisor everything it needs to start its container.
type Start struct {
	ID           string
	ContainerDir string // where exit.json goes
	Terminal     bool
	OpenStdin    bool
	StdinOnce    bool

	LogPath     string
	LogMaxSize  int64
	LogMaxFiles int
	NoLog       bool

	Runtime    string // path of the OCI runtime
	RuntimeDir string // its --root
	Cgroup     string // path of the container's control group below a hierarchy

	// UID and GID own the pipes: the main process's ids on the host.
	UID, GID uint32
	// OOMAdjusted says that the spec sets oom_score_adj, so that the
	// supervisor's own value is not inherited.
	OOMAdjusted bool
	Rows, Cols  uint16
	// HideV2 takes the version 2 tree of a hybrid host out of the runtime's sight.
	HideV2 bool

	Rootfs  Rootfs
	Mounts  []Mount
	Secrets []Secret
	Files   []Secret // for the tmpfs with the delivered files
	Ports   []Port
	Config  []byte // the OCI spec, JSON
}

// Rootfs is rootfs.Config without the descriptor.
type Rootfs struct {
	Lower       []string
	Upper, Work string
	Target      string
	IDBase      uint32
	ReadOnly    bool
	AllowSetuid bool
	Volatile    bool
	Memory      bool
	Files       []File
}

// File is a regular file to put on top of the layers.
type File struct {
	Path string
	Mode uint32
	Data []byte
}

// Secret is a file for the secrets' tmpfs. UID and GID are ids of the host.
type Secret struct {
	Name           string
	Data           []byte
	UID, GID, Mode uint32
}

// Port is one published port. Addresses are 4 or 16 bytes in network order, so
// that a supervisor need not parse any.
type Port struct {
	HostIP        string
	HostPort      uint16
	UDP           bool
	ContainerIP   string
	ContainerPort uint16
	Name          string // as a person writes it, for messages: 127.0.0.1:8080/tcp
}

// Append appends the message.
func (m *Start) Append(dst []byte) []byte {
	f := fields{dst}
	f.str(1, m.ID)
	f.str(2, m.ContainerDir)
	f.flag(3, m.Terminal)
	f.flag(4, m.OpenStdin)
	f.flag(5, m.StdinOnce)
	f.str(6, m.LogPath)
	f.signed(7, m.LogMaxSize)
	f.signed(8, int64(m.LogMaxFiles))
	f.flag(9, m.NoLog)
	f.str(10, m.Runtime)
	f.str(11, m.RuntimeDir)
	f.str(12, m.Cgroup)
	f.num(13, uint64(m.UID))
	f.num(14, uint64(m.GID))
	f.flag(15, m.OOMAdjusted)
	f.num(16, uint64(m.Rows))
	f.num(17, uint64(m.Cols))
	f.put(18, m.Rootfs.append(nil))
	for i := range m.Secrets {
		f.put(19, m.Secrets[i].append(nil))
	}
	for i := range m.Ports {
		f.put(20, m.Ports[i].append(nil))
	}
	f.bytes(21, m.Config)
	f.flag(22, m.HideV2)
	for i := range m.Files {
		f.put(23, m.Files[i].append(nil))
	}
	for i := range m.Mounts {
		f.put(24, m.Mounts[i].append(nil))
	}
	return f.b
}

// ParseStart reads the message. The data of secrets and files, and Config, point into b.
func ParseStart(b []byte) (m Start, err error) {
	err = each(b, func(tag byte, v value) error {
		switch tag {
		case 1:
			m.ID = string(v)
		case 2:
			m.ContainerDir = string(v)
		case 3:
			m.Terminal = v.flag()
		case 4:
			m.OpenStdin = v.flag()
		case 5:
			m.StdinOnce = v.flag()
		case 6:
			m.LogPath = string(v)
		case 7:
			m.LogMaxSize = v.signed()
		case 8:
			m.LogMaxFiles = int(v.signed())
		case 9:
			m.NoLog = v.flag()
		case 10:
			m.Runtime = string(v)
		case 11:
			m.RuntimeDir = string(v)
		case 12:
			m.Cgroup = string(v)
		default:
			return m.parseRest(tag, v)
		}
		return nil
	})
	return m, err
}

func (m *Start) parseRest(tag byte, v value) (err error) {
	switch tag {
	case 13:
		m.UID = uint32(v.num())
	case 14:
		m.GID = uint32(v.num())
	case 15:
		m.OOMAdjusted = v.flag()
	case 16:
		m.Rows = uint16(v.num())
	case 17:
		m.Cols = uint16(v.num())
	case 18:
		m.Rootfs, err = parseRootfs(v)
	case 19:
		var s Secret
		s, err = parseSecret(v)
		m.Secrets = append(m.Secrets, s)
	case 20:
		var p Port
		p, err = parsePort(v)
		m.Ports = append(m.Ports, p)
	case 21:
		m.Config = v
	case 22:
		m.HideV2 = v.flag()
	case 23:
		var s Secret
		s, err = parseSecret(v)
		m.Files = append(m.Files, s)
	case 24:
		var x Mount
		x, err = parseMount(v)
		m.Mounts = append(m.Mounts, x)
	}
	return err
}

func (m *Rootfs) append(dst []byte) []byte {
	f := fields{dst}
	for _, l := range m.Lower {
		f.str(1, l)
	}
	f.str(2, m.Upper)
	f.str(3, m.Work)
	f.str(4, m.Target)
	f.num(5, uint64(m.IDBase))
	f.flag(6, m.ReadOnly)
	f.flag(7, m.AllowSetuid)
	f.flag(8, m.Volatile)
	f.flag(9, m.Memory)
	for i := range m.Files {
		f.put(10, m.Files[i].append(nil))
	}
	return f.b
}

func parseRootfs(b []byte) (m Rootfs, err error) {
	err = each(b, func(tag byte, v value) error {
		switch tag {
		case 1:
			m.Lower = append(m.Lower, string(v))
		case 2:
			m.Upper = string(v)
		case 3:
			m.Work = string(v)
		case 4:
			m.Target = string(v)
		case 5:
			m.IDBase = uint32(v.num())
		case 6:
			m.ReadOnly = v.flag()
		case 7:
			m.AllowSetuid = v.flag()
		case 8:
			m.Volatile = v.flag()
		case 9:
			m.Memory = v.flag()
		case 10:
			file, err := parseFile(v)
			m.Files = append(m.Files, file)
			return err
		}
		return nil
	})
	return m, err
}

func (m *File) append(dst []byte) []byte {
	f := fields{dst}
	f.str(1, m.Path)
	f.num(2, uint64(m.Mode))
	f.bytes(3, m.Data)
	return f.b
}

func parseFile(b []byte) (m File, err error) {
	err = each(b, func(tag byte, v value) error {
		switch tag {
		case 1:
			m.Path = string(v)
		case 2:
			m.Mode = uint32(v.num())
		case 3:
			m.Data = v
		}
		return nil
	})
	return m, err
}

func (m *Secret) append(dst []byte) []byte {
	f := fields{dst}
	f.str(1, m.Name)
	f.bytes(2, m.Data)
	f.num(3, uint64(m.UID))
	f.num(4, uint64(m.GID))
	f.num(5, uint64(m.Mode))
	return f.b
}

func parseSecret(b []byte) (m Secret, err error) {
	err = each(b, func(tag byte, v value) error {
		switch tag {
		case 1:
			m.Name = string(v)
		case 2:
			m.Data = v
		case 3:
			m.UID = uint32(v.num())
		case 4:
			m.GID = uint32(v.num())
		case 5:
			m.Mode = uint32(v.num())
		}
		return nil
	})
	return m, err
}

func (m *Port) append(dst []byte) []byte {
	f := fields{dst}
	f.str(1, m.HostIP)
	f.num(2, uint64(m.HostPort))
	f.flag(3, m.UDP)
	f.str(4, m.ContainerIP)
	f.num(5, uint64(m.ContainerPort))
	f.str(6, m.Name)
	return f.b
}

func parsePort(b []byte) (m Port, err error) {
	err = each(b, func(tag byte, v value) error {
		switch tag {
		case 1:
			m.HostIP = string(v)
		case 2:
			m.HostPort = uint16(v.num())
		case 3:
			m.UDP = v.flag()
		case 4:
			m.ContainerIP = string(v)
		case 5:
			m.ContainerPort = uint16(v.num())
		case 6:
			m.Name = string(v)
		}
		return nil
	})
	return m, err
}
