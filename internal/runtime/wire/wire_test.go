package wire

import (
	"bytes"
	"io"
	"reflect"
	"testing"
)

var samples = []struct {
	name  string
	write func([]byte) []byte
	read  func([]byte) (any, error)
	want  any
}{
	{"start", sampleStart.Append, func(b []byte) (any, error) { return ParseStart(b) }, sampleStart},
	{"empty start", (&Start{}).Append, func(b []byte) (any, error) { return ParseStart(b) }, Start{}},
	{"wait", (&Wait{"e1"}).Append, func(b []byte) (any, error) { return ParseWait(b) }, Wait{"e1"}},
	{"attach", (&Attach{"e1", true, false, true}).Append, func(b []byte) (any, error) { return ParseAttach(b) }, Attach{"e1", true, false, true}},
	{"resize", (&Resize{"", 24, 80}).Append, func(b []byte) (any, error) { return ParseResize(b) }, Resize{"", 24, 80}},
	{"exec", sampleExec.Append, func(b []byte) (any, error) { return ParseExec(b) }, sampleExec},
	{"started", sampleStarted.Append, func(b []byte) (any, error) { return ParseStarted(b) }, sampleStarted},
	{"error", (&Error{"not found", []byte("{}"), []byte("x")}).Append, func(b []byte) (any, error) { return ParseError(b) }, Error{"not found", []byte("{}"), []byte("x")}},
	{"exit", (&Exit{137, 9, true, -5, "why"}).Append, func(b []byte) (any, error) { return ParseExit(b) }, Exit{137, 9, true, -5, "why"}},
}

var sampleStart = Start{
	ID: "c0ffee", ContainerDir: "/c", Terminal: true, OpenStdin: true, StdinOnce: true,
	LogPath: "/c/log.json", LogMaxSize: -1, LogMaxFiles: 3, NoLog: true,
	Runtime: "/bin/runc", RuntimeDir: "/run/oci", Cgroup: "/bailey/c0ffee",
	UID: 1879048192, GID: 7, OOMAdjusted: true, Rows: 24, Cols: 80,
	Rootfs:  Rootfs{Lower: []string{"/a", "/b"}, Upper: "/u", Work: "/w", Target: "/t", IDBase: 1879048192, ReadOnly: true, AllowSetuid: true, Volatile: true, Memory: true, Files: []File{{Path: "etc/hosts", Mode: 0o644, Data: []byte("127.0.0.1 localhost\n")}}},
	Secrets: []Secret{{"db", []byte("hunter2"), 1, 2, 0o400}, {Name: "empty"}},
	Files:   []Secret{{"7", []byte("conf"), 3, 4, 0o444}},
	Ports:   []Port{{"\x7f\x00\x00\x01", 8080, false, "\x0a\x00\x00\x02", 80, "localhost:8080/tcp"}, {"0123456789abcdef", 53, true, "\x0a\x00\x00\x02", 53, ""}},
	Config:  []byte("{}"), HideV2: true,
}

var sampleExec = Exec{"e1", []byte(`{"args":["sh"]}`), true, true, 3, 4, 24, 80}

var sampleStarted = Started{42, 1 << 60, 1234567890123456789, 41, []Port{{"\x7f\x00\x00\x01", 8080, false, "\x0a\x00\x00\x02", 80, ""}}}

func TestMessagesComeBack(t *testing.T) {
	for _, s := range samples {
		got, err := s.read(s.write(nil))
		if err != nil || !reflect.DeepEqual(got, s.want) {
			t.Errorf("%s: got %+v, %v; want %+v", s.name, got, err, s.want)
		}
	}
}

// A field that this version does not know, as a later one may send it, must
// not disturb the others.
func TestUnknownFieldsAreSkipped(t *testing.T) {
	f := fields{}
	f.str(200, "from the future")
	b := sampleStart.Append(f.b)
	got, err := ParseStart(b)
	if err != nil || !reflect.DeepEqual(got, sampleStart) {
		t.Fatalf("got %+v, %v", got, err)
	}
}

func TestFrames(t *testing.T) {
	stream := AppendFrame(nil, KindStdin, []byte("hello"))
	stream = AppendFrame(stream, KindCloseStdin, nil)
	for cut := range len(stream) {
		if size := Size(stream[:cut/2], stream[cut/2:cut]); size != HeaderLen && cut < HeaderLen || size != HeaderLen+5 && cut >= HeaderLen {
			t.Fatalf("cut at %d: a frame of %d bytes", cut, size)
		}
		k, _, n, err := Split(stream[:cut])
		if err != nil {
			t.Fatal(err)
		}
		if whole := cut >= HeaderLen+5; whole != (n == HeaderLen+5) || whole != (k == KindStdin) {
			t.Fatalf("cut at %d: kind %d, %d bytes", cut, k, n)
		}
	}
	r := bytes.NewReader(stream)
	if k, p, err := Read(r, nil); k != KindStdin || string(p) != "hello" || err != nil {
		t.Fatalf("first frame: %d %q %v", k, p, err)
	}
	if k, p, err := Read(r, nil); k != KindCloseStdin || len(p) != 0 || err != nil {
		t.Fatalf("second frame: %d %q %v", k, p, err)
	}
	if _, _, err := Read(r, nil); err != io.EOF {
		t.Fatalf("end: %v", err)
	}
	if _, _, err := Read(bytes.NewReader(stream[:7]), nil); err != io.ErrUnexpectedEOF {
		t.Fatalf("cut frame: %v", err)
	}
}

func TestFramesAreBounded(t *testing.T) {
	for _, b := range [][]byte{
		AppendHeader(nil, KindStdin, MaxData+1),
		AppendHeader(nil, KindStart, MaxMessage+1),
		AppendHeader(nil, 0, 1),
	} {
		if _, _, _, err := Split(b); err != ErrFrame {
			t.Errorf("Split took % x: %v", b, err)
		}
		if n := Size(b, nil); n != 0 {
			t.Errorf("Size took % x: %d", b, n)
		}
		if _, _, err := Read(bytes.NewReader(b), nil); err != ErrFrame {
			t.Errorf("Read took % x: %v", b, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range samples {
		f.Add(s.write(nil))
	}
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, s := range samples {
			_, _ = s.read(b)
		}
		m, err := ParseStart(b)
		if err != nil {
			return
		}
		again, err := ParseStart(m.Append(nil))
		if err != nil || !reflect.DeepEqual(normal(again), normal(m)) {
			t.Fatalf("a message changed on its way: %+v, %+v, %v", m, again, err)
		}
	})
}

// normal makes nil and empty the same, which they are on the wire.
func normal(m Start) Start {
	for i := range m.Secrets {
		if len(m.Secrets[i].Data) == 0 {
			m.Secrets[i].Data = nil
		}
	}
	var lower []string
	for _, l := range m.Rootfs.Lower {
		if l != "" {
			lower = append(lower, l)
		}
	}
	m.Rootfs.Lower = lower
	if len(m.Config) == 0 {
		m.Config = nil
	}
	return m
}

func FuzzSplit(f *testing.F) {
	f.Add(AppendFrame(nil, KindExit, []byte("x")))
	f.Fuzz(func(t *testing.T, b []byte) {
		k, p, n, err := Split(b)
		if err == nil && n > 0 && !bytes.Equal(AppendFrame(nil, k, p), b[:n]) {
			t.Fatalf("% x", b)
		}
	})
}
