package wire

import "bytes"

// Wait asks to be told when a process ends: the container's main one, or an
// exec's.
type Wait struct{ ExecID string }

// Attach asks for streams.
type Attach struct {
	ExecID                string
	Stdin, Stdout, Stderr bool
}

// Resize sets a terminal's size.
type Resize struct {
	ExecID     string
	Rows, Cols uint16
}

// Exec asks for a further process.
type Exec struct {
	ID         string
	Process    []byte // the OCI process, JSON
	Terminal   bool
	OpenStdin  bool
	UID, GID   uint32 // own the pipes; ids of the host
	Rows, Cols uint16
}

// Started tells that a process runs.
type Started struct {
	Pid        int
	Ticks      uint64 // start time of the process: field 22 of /proc/PID/stat
	At         int64  // Unix time in nanoseconds
	Supervisor int    // the supervisor's own process id
	Ports      []Port // as asked for, with the chosen host ports
}

// Error is a refusal. When the OCI runtime refused, Log is what it logged (JSON
// lines) and Stderr what it said besides; both are cut to a few KiB.
type Error struct {
	Message string
	Log     []byte
	Stderr  []byte
}

// Exit tells how a process ended.
type Exit struct {
	Code   int
	Signal int
	OOM    bool
	At     int64 // Unix time in nanoseconds
	Reason string
}

// Append appends the message.
func (m *Wait) Append(dst []byte) []byte {
	f := fields{dst}
	f.str(1, m.ExecID)
	return f.b
}

// ParseWait reads the message.
func ParseWait(b []byte) (m Wait, err error) {
	err = each(b, func(tag byte, v value) error {
		if tag == 1 {
			m.ExecID = string(v)
		}
		return nil
	})
	return m, err
}

// Append appends the message.
func (m *Attach) Append(dst []byte) []byte {
	f := fields{dst}
	f.str(1, m.ExecID)
	f.flag(2, m.Stdin)
	f.flag(3, m.Stdout)
	f.flag(4, m.Stderr)
	return f.b
}

// ParseAttach reads the message.
func ParseAttach(b []byte) (m Attach, err error) {
	err = each(b, func(tag byte, v value) error {
		switch tag {
		case 1:
			m.ExecID = string(v)
		case 2:
			m.Stdin = v.flag()
		case 3:
			m.Stdout = v.flag()
		case 4:
			m.Stderr = v.flag()
		}
		return nil
	})
	return m, err
}

// Append appends the message.
func (m *Resize) Append(dst []byte) []byte {
	f := fields{dst}
	f.str(1, m.ExecID)
	f.num(2, uint64(m.Rows))
	f.num(3, uint64(m.Cols))
	return f.b
}

// ParseResize reads the message.
func ParseResize(b []byte) (m Resize, err error) {
	err = each(b, func(tag byte, v value) error {
		switch tag {
		case 1:
			m.ExecID = string(v)
		case 2:
			m.Rows = uint16(v.num())
		case 3:
			m.Cols = uint16(v.num())
		}
		return nil
	})
	return m, err
}

// Append appends the message.
func (m *Exec) Append(dst []byte) []byte {
	f := fields{dst}
	f.str(1, m.ID)
	f.bytes(2, m.Process)
	f.flag(3, m.Terminal)
	f.flag(4, m.OpenStdin)
	f.num(5, uint64(m.UID))
	f.num(6, uint64(m.GID))
	f.num(7, uint64(m.Rows))
	f.num(8, uint64(m.Cols))
	return f.b
}

// ParseExec reads the message. Process points into b.
func ParseExec(b []byte) (m Exec, err error) {
	err = each(b, func(tag byte, v value) error {
		switch tag {
		case 1:
			m.ID = string(v)
		case 2:
			m.Process = v
		case 3:
			m.Terminal = v.flag()
		case 4:
			m.OpenStdin = v.flag()
		case 5:
			m.UID = uint32(v.num())
		case 6:
			m.GID = uint32(v.num())
		case 7:
			m.Rows = uint16(v.num())
		case 8:
			m.Cols = uint16(v.num())
		}
		return nil
	})
	return m, err
}

// Append appends the message.
func (m *Started) Append(dst []byte) []byte {
	f := fields{dst}
	f.signed(1, int64(m.Pid))
	f.num(2, m.Ticks)
	f.signed(3, m.At)
	f.signed(4, int64(m.Supervisor))
	for i := range m.Ports {
		f.put(5, m.Ports[i].append(nil))
	}
	return f.b
}

// ParseStarted reads the message.
func ParseStarted(b []byte) (m Started, err error) {
	err = each(b, func(tag byte, v value) error {
		switch tag {
		case 1:
			m.Pid = int(v.signed())
		case 2:
			m.Ticks = v.num()
		case 3:
			m.At = v.signed()
		case 4:
			m.Supervisor = int(v.signed())
		case 5:
			p, err := parsePort(v)
			m.Ports = append(m.Ports, p)
			return err
		}
		return nil
	})
	return m, err
}

// Append appends the message.
func (m *Error) Append(dst []byte) []byte {
	f := fields{dst}
	f.str(1, m.Message)
	f.bytes(2, m.Log)
	f.bytes(3, m.Stderr)
	return f.b
}

// ParseError reads the message.
func ParseError(b []byte) (m Error, err error) {
	err = each(b, func(tag byte, v value) error {
		switch tag {
		case 1:
			m.Message = string(v)
		case 2:
			m.Log = bytes.Clone(v)
		case 3:
			m.Stderr = bytes.Clone(v)
		}
		return nil
	})
	return m, err
}

// Append appends the message.
func (m *Exit) Append(dst []byte) []byte {
	f := fields{dst}
	f.signed(1, int64(m.Code))
	f.signed(2, int64(m.Signal))
	f.flag(3, m.OOM)
	f.signed(4, m.At)
	f.str(5, m.Reason)
	return f.b
}

// ParseExit reads the message.
func ParseExit(b []byte) (m Exit, err error) {
	err = each(b, func(tag byte, v value) error {
		switch tag {
		case 1:
			m.Code = int(v.signed())
		case 2:
			m.Signal = int(v.signed())
		case 3:
			m.OOM = v.flag()
		case 4:
			m.At = v.signed()
		case 5:
			m.Reason = string(v)
		}
		return nil
	})
	return m, err
}
