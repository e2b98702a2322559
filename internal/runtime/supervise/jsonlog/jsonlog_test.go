package jsonlog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

type entry struct {
	Log    string    `json:"log"`
	Stream string    `json:"stream"`
	Time   time.Time `json:"time"`
}

var now = time.Date(2026, 1, 2, 3, 4, 5, 678900000, time.FixedZone("x", 3600))

func open(t *testing.T, max int64, files int) (*Writer, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log.json")
	w, err := Open(path, max, files, make([]byte, ScratchSize))
	if err != nil {
		t.Fatal(err)
	}
	return w, path
}

func read(t *testing.T, path string) (entries []entry) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	for dec.More() {
		var e entry
		if err := dec.Decode(&e); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		entries = append(entries, e)
	}
	if n := bytes.Count(b, []byte("\n")); n != len(entries) {
		t.Fatalf("%d entries on %d lines", len(entries), n)
	}
	return entries
}

func joined(entries []entry, stream string) string {
	var b strings.Builder
	for _, e := range entries {
		if e.Stream == stream {
			b.WriteString(e.Log)
		}
	}
	return b.String()
}

func TestLinesStreamsAndRest(t *testing.T) {
	w, path := open(t, 0, 1)
	w.Write(Stdout, []byte("one\ntw"), now)
	w.Write(Stderr, []byte("err"), now)
	w.Write(Stdout, []byte("o\n\nthr"), now)
	w.End(Stdout, now)
	w.End(Stderr, now)
	w.End(Stderr, now)
	w.Close(now)
	want := []entry{{"one\n", "stdout", now}, {"two\n", "stdout", now}, {"\n", "stdout", now}, {"thr", "stdout", now}, {"err", "stderr", now}}
	got := read(t, path)
	if len(got) != len(want) {
		t.Fatalf("got %v", got)
	}
	for i, e := range got {
		if e.Log != want[i].Log || e.Stream != want[i].Stream || !e.Time.Equal(now) {
			t.Errorf("entry %d: got %v, want %v", i, e, want[i])
		}
	}
	b, _ := os.ReadFile(path)
	if first, _, _ := strings.Cut(string(b), "\n"); first != `{"log":"one\n","stream":"stdout","time":"2026-01-02T02:04:05.6789Z"}` {
		t.Errorf("first line is %s", first)
	}
}

// Whatever is written in whatever pieces comes back when the texts are joined,
// and no entry is too long or begins inside of a character.
func TestNothingIsLostWhateverThePieces(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 50 {
		w, path := open(t, 0, 1)
		var whole strings.Builder
		for whole.Len() < 100_000 {
			for range rng.IntN(30_000) {
				whole.WriteString([]string{"a", "ü", "€", "😀"}[rng.IntN(4)])
			}
			whole.WriteString([]string{"\n", "\n\n", "\x00\n"}[rng.IntN(3)])
		}
		rest := []byte(whole.String())
		for len(rest) > 0 {
			n := min(len(rest), 1+rng.IntN(40_000))
			w.Write(Stdout, rest[:n], now)
			rest = rest[n:]
		}
		w.End(Stdout, now)
		w.Close(now)
		entries := read(t, path)
		if joined(entries, "stdout") != whole.String() {
			t.Fatalf("round %d: text differs", round)
		}
		for _, e := range entries {
			if len(e.Log) > MaxLine || strings.ContainsRune(e.Log, utf8.RuneError) {
				t.Fatalf("round %d: an entry of %d bytes", round, len(e.Log))
			}
		}
	}
}

func TestRotation(t *testing.T) {
	w, path := open(t, 1000, 3)
	for i := range 100 {
		w.Write(Stdout, fmt.Appendf(nil, "line %d\n", i), now)
	}
	w.Write(Stdout, bytes.Repeat([]byte("many short lines in one piece\n"), 50), now)
	w.Close(now)
	names, _ := filepath.Glob(path + "*")
	if len(names) != 3 {
		t.Fatalf("files: %v", names)
	}
	for _, n := range names {
		if st, _ := os.Stat(n); st.Size() > 1000 || n != path && st.Size() < 900 {
			t.Errorf("%s has %d bytes", n, st.Size())
		}
		read(t, n)
	}
}

// Oldest to newest, rotation drops nothing in the middle.
func TestRotationKeepsTheOrder(t *testing.T) {
	w, path := open(t, 500, 100)
	var want strings.Builder
	for i := range 200 {
		fmt.Fprintf(&want, "%d\n", i)
		w.Write(Stdout, fmt.Appendf(nil, "%d\n", i), now)
	}
	w.Close(now)
	var all []entry
	for i := 99; i > 0; i-- {
		if name := fmt.Sprintf("%s.%d", path, i); exists(name) {
			all = append(all, read(t, name)...)
		}
	}
	all = append(all, read(t, path)...)
	if joined(all, "stdout") != want.String() {
		t.Error("the lines differ")
	}
}

func TestOneFileIsEmptied(t *testing.T) {
	w, path := open(t, 300, 1)
	for i := range 50 {
		w.Write(Stdout, fmt.Appendf(nil, "%d\n", i), now)
	}
	w.Close(now)
	got := read(t, path)
	if exists(path+".1") || len(got) == 0 || got[len(got)-1].Log != "49\n" {
		t.Fatalf("got %v", got)
	}
}

func TestReopenedLogGoesOn(t *testing.T) {
	w, path := open(t, 1000, 2)
	w.Write(Stdout, []byte("before\n"), now)
	w.Close(now)
	w, err := Open(path, 1000, 2, make([]byte, ScratchSize))
	if err != nil {
		t.Fatal(err)
	}
	w.Write(Stdout, []byte("after\n"), now)
	w.Close(now)
	if got := joined(read(t, path), "stdout"); got != "before\nafter\n" {
		t.Errorf("got %q", got)
	}
}

func TestLogIsNotASymbolicLink(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.json")
	if err := os.Symlink("/etc/hostname", path); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, 0, 1, make([]byte, ScratchSize)); err != unix.ELOOP {
		t.Errorf("got %v", err)
	}
}

// A small tmpfs plays the full disk.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skip("mounting a tmpfs needs root:", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	path := filepath.Join(dir, "log.json")
	w, err := Open(path, 0, 1, make([]byte, ScratchSize))
	if err != nil {
		t.Fatal(err)
	}
	w.Write(Stdout, []byte("first\n"), now)
	ballast := filepath.Join(dir, "ballast")
	_ = os.WriteFile(ballast, make([]byte, 56<<10), 0o600)
	for range 300 {
		w.Write(Stdout, []byte("this line, again and again, until the disk is full\n"), now)
	}
	kept := len(read(t, path))
	if kept > 100 {
		t.Fatalf("%d entries fit", kept)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	w.Write(Stdout, []byte("last\n"), now)
	w.Close(now)
	got := read(t, path)
	want := fmt.Sprintf("bailey: %d log lines are missing here: no space left on device\n", 301-kept)
	if len(got) != kept+2 || got[kept].Log != want || got[kept+1].Log != "last\n" {
		t.Fatalf("after %d entries came %q, want %q", kept, got[kept:], want)
	}
}

// When no further file can be made, the bound still holds.
func TestNoInodeForTheNextFile(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "nr_inodes=2"); err != nil {
		t.Skip("mounting a tmpfs needs root:", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	path := filepath.Join(dir, "log.json")
	w, err := Open(path, 1000, 3, make([]byte, ScratchSize))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		w.Write(Stdout, fmt.Appendf(nil, "line %d\n", i), now)
	}
	w.Close(now)
	got := read(t, path)
	if st, _ := os.Stat(path); st.Size() > 1300 {
		t.Errorf("the file has %d bytes", st.Size())
	}
	if !strings.Contains(got[0].Log, "older log lines were dropped") || got[len(got)-1].Log != "line 99\n" {
		t.Errorf("got %v", got)
	}
}

func TestStringsAsEncodingJSON(t *testing.T) {
	var all []byte
	for c := range 256 {
		all = append(all, byte(c))
	}
	for _, s := range [][]byte{nil, all, []byte("ü€😀\u2028\u2029<>&"), []byte("\xed\xa0\x80\xf5\xc3"), []byte("x\xe2\x80")} {
		checkString(t, s)
	}
}

func FuzzString(f *testing.F) {
	f.Add([]byte("a\n\"\\\x00\xff€\u2028"))
	f.Fuzz(func(t *testing.T, s []byte) { checkString(t, s) })
}

func checkString(t *testing.T, s []byte) {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(string(s)); err != nil {
		t.Fatal(err)
	}
	if got, want := string(appendString(nil, s)), strings.TrimSuffix(b.String(), "\n"); got != want {
		t.Errorf("%q: got %s, want %s", s, got, want)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func BenchmarkWrite(b *testing.B) {
	path := filepath.Join(b.TempDir(), "log.json")
	w, err := Open(path, 64<<20, 1, make([]byte, ScratchSize))
	if err != nil {
		b.Fatal(err)
	}
	chunk := bytes.Repeat([]byte("2026-01-02 level=info msg=\"a line as services write them\" n=1\n"), 500)
	b.SetBytes(int64(len(chunk)))
	b.ReportAllocs()
	for b.Loop() {
		w.Write(Stdout, chunk, now)
	}
}
