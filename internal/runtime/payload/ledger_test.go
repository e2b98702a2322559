package payload

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// ledgerWorld is a program, and a ledger of it in which its digest is wrong: whoever returns that has not read the file.
type ledgerWorld struct {
	tool, path string
	wrong      string
}

func newLedgerWorld(t *testing.T) ledgerWorld {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("programs and ledgers must be root's")
	}
	dir := t.TempDir()
	w := ledgerWorld{filepath.Join(dir, "tool"), filepath.Join(dir, "ledger"), "sha256:" + strings.Repeat("0", 64)}
	if err := os.WriteFile(w.tool, []byte("good"), 0o755); err != nil {
		t.Fatal(err)
	}
	l := w.ledger("boot")
	l.settled = 0
	time.Sleep(20 * time.Millisecond) // the clock that stamps files is coarse
	p, err := l.Open(w.tool)
	if err != nil {
		t.Fatal(err)
	}
	l.Say(p, "tool version 1")
	if err := l.Save(); err != nil {
		t.Fatal(err)
	}
	w.rewrite(t, func(f *ledgerFile) {
		e := f.Files[w.tool]
		e.Sum = strings.Repeat("0", 64)
		f.Files[w.tool] = e
	})
	return w
}

func (w ledgerWorld) ledger(boot string) *Ledger { return OpenLedger(w.path, boot) }

func (w ledgerWorld) rewrite(t *testing.T, change func(*ledgerFile)) {
	t.Helper()
	b, err := os.ReadFile(w.path)
	if err != nil {
		t.Fatal(err)
	}
	var f ledgerFile
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	change(&f)
	b, _ = json.Marshal(f)
	if err := os.WriteFile(w.path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// trusted tells whether the ledger was believed, and fails when the program is neither what it says nor what the file is.
func (w ledgerWorld) trusted(t *testing.T, boot string) bool {
	t.Helper()
	l := w.ledger(boot)
	p, err := l.Open(w.tool)
	if err != nil {
		t.Fatal(err)
	}
	if p.Digest() == w.wrong && l.Said(p) != "tool version 1" || p.Digest() != w.wrong && l.Said(p) != "" {
		t.Errorf("%s says %q", p.Digest(), l.Said(p))
	}
	return p.Digest() == w.wrong
}

func TestLedgerSparesReading(t *testing.T) {
	w := newLedgerWorld(t)
	if !w.trusted(t, "boot") {
		t.Error("a file that nobody touched was read again")
	}
	before, _ := os.Stat(w.path)
	l := w.ledger("boot")
	p, err := l.Open(w.tool)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Save(); err != nil {
		t.Fatal(err)
	}
	if after, _ := os.Stat(w.path); !os.SameFile(before, after) {
		t.Error("a ledger without news was written")
	}
	if err := p.Verify(); err != nil {
		t.Error(err)
	}
}

// What was changed since, in content or only in who may change it, is read, and refused as ever.
func TestLedgerSeesChanges(t *testing.T) {
	for name, change := range map[string]func(w ledgerWorld) error{
		"content with the times put back": func(w ledgerWorld) error {
			st, _ := os.Stat(w.tool)
			if err := os.WriteFile(w.tool, []byte("evil"), 0o755); err != nil {
				return err
			}
			return os.Chtimes(w.tool, st.ModTime(), st.ModTime())
		},
		"another file": func(w ledgerWorld) error {
			if err := os.WriteFile(w.tool+".new", []byte("good"), 0o755); err != nil {
				return err
			}
			return os.Rename(w.tool+".new", w.tool)
		},
		"another boot":        func(w ledgerWorld) error { return nil },
		"a ledger for others": func(w ledgerWorld) error { return os.Chmod(w.path, 0o666) },
		"a ledger of another": func(w ledgerWorld) error { return os.Chown(w.path, 1, 1) },
		"a link to the ledger": func(w ledgerWorld) error {
			return errors.Join(os.Rename(w.path, w.path+"2"), os.Symlink(w.path+"2", w.path))
		},
		"not a ledger": func(w ledgerWorld) error { return os.WriteFile(w.path, []byte("{"), 0o600) },
		"too long":     func(w ledgerWorld) error { return os.Truncate(w.path, ledgerMax+1) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newLedgerWorld(t)
			if err := change(w); err != nil {
				t.Fatal(err)
			}
			boot := "boot"
			if name == "another boot" {
				boot = "another"
			}
			if w.trusted(t, boot) {
				t.Error("the ledger was believed")
			}
		})
	}
	w := newLedgerWorld(t)
	if err := os.Chmod(w.tool, 0o757); err != nil {
		t.Fatal(err)
	}
	if _, err := w.ledger("boot").Open(w.tool); err == nil {
		t.Error("a program that everybody can change was accepted")
	}
}

// A machine that cannot tell one boot from another remembers nothing, and neither is what was just made remembered.
func TestLedgerForgets(t *testing.T) {
	w := newLedgerWorld(t)
	w.rewrite(t, func(f *ledgerFile) { f.Boot = "" })
	if w.trusted(t, "") {
		t.Error("a ledger of no boot was believed")
	}
	os.Remove(w.path)
	l := w.ledger("boot")
	l.settled = time.Hour
	if _, err := l.Open(w.tool); err != nil {
		t.Fatal(err)
	}
	if err := l.Save(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(w.path); err == nil {
		t.Error("a file that was just made was remembered")
	}
}
