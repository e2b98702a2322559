package payload

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestUnpackOnceAndAgain(t *testing.T) {
	dir := t.TempDir()
	p, err := unpack(dir, "tool", strings.NewReader("#!/bin/true\n"))
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
	if _, err := unpack(dir, "tool", strings.NewReader("#!/bin/true\n")); err != nil {
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
	p, err := unpack(dir, "tool", strings.NewReader("good"))
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
	if _, err := unpack(dir, "tool", strings.NewReader("good")); err != nil {
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
	p, err := unpack(t.TempDir(), "tool", strings.NewReader("good"))
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
	if _, err := Unpack(t.TempDir(), "no-such-program"); !errors.Is(err, ErrMissing) {
		t.Errorf("got %v", err)
	}
}

func TestPrune(t *testing.T) {
	dir := t.TempDir()
	old, err := unpack(dir, "tool", strings.NewReader("old"))
	if err != nil {
		t.Fatal(err)
	}
	kept, err := unpack(dir, "tool", strings.NewReader("new"))
	if err != nil {
		t.Fatal(err)
	}
	if err := Prune(dir, kept); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old.Path); !os.IsNotExist(err) {
		t.Error("the old one is still there")
	}
	if err := kept.Verify(); err != nil {
		t.Error(err)
	}
}
