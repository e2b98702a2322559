package wire

// Mount is something that the supervisor shows in its memory directory, for the OCI spec to take from there: a
// directory, a part of one, or with layers in Over what those show together.
type Mount struct {
	// Over is mounted first, on Over.Target, and Root is that target then.
	Over     Rootfs
	Root     string
	Sub      string // of Root, resolved inside it; empty for all of it
	Target   string
	IDBase   uint32 // 0 when the ids are mapped already
	ReadOnly bool
}

func (m *Mount) append(dst []byte) []byte {
	f := fields{dst}
	if len(m.Over.Lower) > 0 {
		f.put(1, m.Over.append(nil))
	}
	f.str(2, m.Root)
	f.str(3, m.Sub)
	f.str(4, m.Target)
	f.num(5, uint64(m.IDBase))
	f.flag(6, m.ReadOnly)
	return f.b
}

func parseMount(b []byte) (m Mount, err error) {
	err = each(b, func(tag byte, v value) (err error) {
		switch tag {
		case 1:
			m.Over, err = parseRootfs(v)
		case 2:
			m.Root = string(v)
		case 3:
			m.Sub = string(v)
		case 4:
			m.Target = string(v)
		case 5:
			m.IDBase = uint32(v.num())
		case 6:
			m.ReadOnly = v.flag()
		}
		return err
	})
	return m, err
}
