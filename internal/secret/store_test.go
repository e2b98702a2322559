package secret

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

const password = "correct horse battery staple"

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRoundTripAcrossOpens(t *testing.T) {
	dir := t.TempDir()
	if err := open(t, dir).Put("db", NewValue([]byte(password))); err != nil {
		t.Fatal(err)
	}
	v, err := open(t, dir).Get("db")
	if err != nil {
		t.Fatal(err)
	}
	if string(v.Reveal()) != password {
		t.Errorf("got %q", v.Reveal())
	}
}

func TestFilesRevealNothing(t *testing.T) {
	dir := t.TempDir()
	if err := open(t, dir).Put("db", NewValue([]byte(password))); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte(password)) {
			t.Errorf("%s holds the secret in the clear", e.Name())
		}
		if info, _ := e.Info(); info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o", e.Name(), info.Mode().Perm())
		}
	}
}

func TestAnotherNodeCannotRead(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	if err := open(t, one).Put("db", NewValue([]byte(password))); err != nil {
		t.Fatal(err)
	}
	thief := open(t, two)
	data, err := os.ReadFile(filepath.Join(one, "db.age"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(two, "db.age"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := thief.Get("db"); err == nil {
		t.Error("a copied secret was decrypted with another key")
	}
}

func TestRefuses(t *testing.T) {
	s := open(t, t.TempDir())
	if err := s.Put("taken", NewValue([]byte("x"))); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		err  error
		kind func(error) bool
	}{
		"overwrite":  {s.Put("taken", NewValue([]byte("y"))), errdefs.IsConflict},
		"empty":      {s.Put("a", NewValue(nil)), errdefs.IsInvalidArgument},
		"too large":  {s.Put("a", NewValue(make([]byte, MaxSize+1))), errdefs.IsInvalidArgument},
		"path":       {s.Put("../a", NewValue([]byte("x"))), errdefs.IsInvalidArgument},
		"the key":    {s.Check("node.key"), errdefs.IsNotFound},
		"missing":    {s.Remove("nope"), errdefs.IsNotFound},
		"empty name": {s.Check(""), errdefs.IsInvalidArgument},
	}
	for name, c := range cases {
		if c.err == nil || !c.kind(c.err) {
			t.Errorf("%s: got %v", name, c.err)
		}
	}
}

func TestValueDoesNotShow(t *testing.T) {
	v := NewValue([]byte(password))
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v, "in", struct{ V Value }{v})
	shown := fmt.Sprintf("%v %+v %#v %s %q %x %v", v, v, v, v, v, v, struct{ V Value }{v}) + log.String()
	if strings.Contains(shown, password) || strings.Contains(shown, fmt.Sprintf("%x", password)) {
		t.Errorf("shown: %s", shown)
	}
	if _, err := json.Marshal(v); err == nil {
		t.Error("it was written as JSON")
	}
}
