package payload

import (
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestUnpackOnceAndAgain(t *testing.T) {
	dir := t.TempDir()
	p, err := unpackText(dir, "#!/bin/true\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := filepath.Base(filepath.Dir(p.Path)); "sha256:"+got != p.Digest() {
		t.Errorf("%s lies in %s", p.Digest(), got)
	}
	before, _ := os.Stat(p.Path)
	if before.Mode().Perm() != 0o755 {
		t.Errorf("mode %v", before.Mode())
	}
	if _, err := unpackText(dir, "#!/bin/true\n"); err != nil {
		t.Fatal(err)
	}
	if after, _ := os.Stat(p.Path); !os.SameFile(before, after) {
		t.Error("it was unpacked twice")
	}
	if err := p.Verify(); err != nil {
		t.Error(err)
	}
}

// A file that was damaged, as by a crash or a hand, is replaced.
func TestUnpackMends(t *testing.T) {
	dir := t.TempDir()
	p, err := unpackText(dir, "good")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.Path, []byte("evil"), 0o755); err != nil {
		t.Fatal(err)
	}
	var changed *ChangedError
	if err := p.Verify(); !errors.As(err, &changed) {
		t.Errorf("Verify said %v", err)
	}
	if _, err := unpackText(dir, "good"); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(p.Path); string(b) != "good" {
		t.Errorf("content is %q", b)
	}
	if err := p.Verify(); err != nil { // another file, the same content
		t.Error(err)
	}
}

// Content that changes while size and times are put back does not pass.
func TestVerifySeesThroughFakedTimes(t *testing.T) {
	p, err := unpackText(t.TempDir(), "good")
	if err != nil {
		t.Fatal(err)
	}
	st, _ := os.Stat(p.Path)
	time.Sleep(20 * time.Millisecond) // the clock that stamps files is coarse
	os.WriteFile(p.Path, []byte("evil"), 0o755)
	os.Chtimes(p.Path, st.ModTime(), st.ModTime())
	var changed *ChangedError
	if err := p.Verify(); !errors.As(err, &changed) {
		t.Errorf("Verify said %v", err)
	}
}

func TestOpenRefusesWhatOthersCanChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tool")
	os.WriteFile(path, []byte("x"), 0o755)
	for _, mode := range []os.FileMode{0o775, 0o757, 0o644} {
		os.Chmod(path, mode)
		if _, err := Open(path); err == nil {
			t.Errorf("mode %o was accepted", mode)
		}
	}
	os.Chmod(path, 0o755)
	if _, err := Open(path); err != nil {
		t.Error(err)
	}
	if os.Chown(path, 1, 1) != nil {
		t.Skip("giving a file away needs root")
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "chown root") {
		t.Errorf("another's file: %v", err)
	}
}

func TestMissingProgram(t *testing.T) {
	if _, err := OpenLedger("", "").Unpack(t.TempDir(), "no-such-program"); !errors.Is(err, ErrMissing) {
		t.Errorf("got %v", err)
	}
}

// TestForeign: this version's programs are known by their digests, and all else is another's.
func TestForeign(t *testing.T) {
	dir := t.TempDir()
	old, err := unpackText(dir, "old")
	if err != nil {
		t.Fatal(err)
	}
	if sum, err := digest(Supervisor); err == nil {
		if err := os.Mkdir(home(dir, sum), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Foreign(dir)
	if err != nil || len(got) != 1 || got[0] != filepath.Dir(old.Path) {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := Foreign(dir + "/none"); err != nil || got != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

// TestDigests: what the build wrote down is what it put beside it.
func TestDigests(t *testing.T) {
	for _, name := range []string{Runc, Supervisor, Init, Resolver} {
		content, err := Read(name)
		if err != nil {
			t.Skip(err)
		}
		if sum, err := digest(name); err != nil || sum != sha256.Sum256(content) {
			t.Errorf("%s: the digest written down is %x (%v), that of the content is %x; run make build", name, sum, err, sha256.Sum256(content))
		}
	}
}

// TestUnpackRefusesAnotherContent: a digest is a promise.
func TestUnpackRefusesAnotherContent(t *testing.T) {
	var changed *ChangedError
	if _, err := OpenLedger("", "").unpack(t.TempDir(), "tool", sha256.Sum256([]byte("good")), strings.NewReader("evil")); !errors.As(err, &changed) {
		t.Errorf("got %v", err)
	}
}

func unpackText(dir, text string) (*Program, error) {
	return OpenLedger("", "").unpack(dir, "tool", sha256.Sum256([]byte(text)), strings.NewReader(text))
}
