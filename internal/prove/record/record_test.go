package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bailey-run/bailey/internal/prove"
)

func report() prove.Report {
	return prove.Report{Engine: "Bailey 1", Began: time.Unix(1000, 0).UTC(), Results: []prove.Result{{Probe: "a/b", Verdict: prove.Blocked}}}
}

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestKeepAndFindAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "prove")
	s := open(t, dir)
	if _, _, err := s.Latest(t.Context()); !errors.Is(err, ErrNone) {
		t.Errorf("before the first proof: %v", err)
	}
	if err := s.Keep(t.Context(), report()); err != nil {
		t.Fatal(err)
	}
	got, envelope, err := open(t, dir).Latest(t.Context()) // after a restart, with the key that was kept
	if err != nil || got.Count(prove.Blocked) != 1 || !json.Valid(envelope) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, name := range []string{keyFile, recordFile} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

// TestForgeriesAreRefused: nothing but what this node signed is a proof.
func TestForgeriesAreRefused(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := s.Keep(t.Context(), report()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, recordFile)
	genuine, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other := open(t, t.TempDir())
	if err := other.Keep(t.Context(), report()); err != nil {
		t.Fatal(err)
	}
	foreign, err := os.ReadFile(filepath.Join(other.dir, recordFile))
	if err != nil {
		t.Fatal(err)
	}
	payload := bytes.Index(genuine, []byte(`"payload":"`)) + len(`"payload":"`) + 40
	changed := bytes.Clone(genuine)
	changed[payload] ^= 1
	for name, data := range map[string][]byte{
		"another node's": foreign, "one letter changed": changed, "cut off": genuine[:len(genuine)/2], "empty": {},
		"another type": bytes.Replace(genuine, []byte("bailey.proof"), []byte("bailey.other"), 1),
		"no signature": []byte(`{"payloadType":"` + PayloadType + `","payload":"e30=","signatures":[]}`),
	} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Latest(t.Context()); err == nil || errors.Is(err, ErrNone) {
			t.Errorf("%s: accepted (%v)", name, err)
		}
	}
}

func TestKeyDoesNotPrint(t *testing.T) {
	s := open(t, t.TempDir())
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(format, signer{s.key}); !strings.Contains(text, "the node's key") {
			t.Errorf("%s prints %s", format, text)
		}
	}
}
