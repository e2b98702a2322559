package wire

import "encoding/binary"

// fields builds a message: each field is its number (one byte), the length of
// the value (uvarint) and the value. Numbers are unsigned varints; a signed
// one is zigzag coded. Zero values are left out.
type fields struct{ b []byte }

func (f *fields) bytes(tag byte, v []byte) {
	if len(v) == 0 {
		return
	}
	f.put(tag, v)
}

// put writes the field even when it is empty: an element of a list counts.
func (f *fields) put(tag byte, v []byte) {
	f.b = append(f.b, tag)
	f.b = binary.AppendUvarint(f.b, uint64(len(v)))
	f.b = append(f.b, v...)
}

func (f *fields) str(tag byte, v string) {
	if v == "" {
		return
	}
	f.b = append(f.b, tag)
	f.b = binary.AppendUvarint(f.b, uint64(len(v)))
	f.b = append(f.b, v...)
}

func (f *fields) num(tag byte, v uint64) {
	if v == 0 {
		return
	}
	var tmp [binary.MaxVarintLen64]byte
	f.put(tag, tmp[:binary.PutUvarint(tmp[:], v)])
}

func (f *fields) signed(tag byte, v int64) {
	f.num(tag, uint64(v)<<1^uint64(v>>63))
}

func (f *fields) flag(tag byte, v bool) {
	if v {
		f.num(tag, 1)
	}
}

// value is one field of a message that is being read.
type value []byte

func (v value) num() uint64 {
	n, used := binary.Uvarint(v)
	if used != len(v) {
		return 0
	}
	return n
}

func (v value) signed() int64 {
	n := v.num()
	return int64(n>>1) ^ -int64(n&1)
}

func (v value) flag() bool { return v.num() != 0 }

// each calls f for every field of a message.
func each(b []byte, f func(tag byte, v value) error) error {
	for len(b) > 0 {
		tag := b[0]
		size, used := binary.Uvarint(b[1:])
		if used <= 0 || size > uint64(len(b)-1-used) {
			return ErrFrame
		}
		b = b[1+used:]
		if err := f(tag, value(b[:size])); err != nil {
			return err
		}
		b = b[size:]
	}
	return nil
}
