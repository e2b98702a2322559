package daemon

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestDestroy(t *testing.T) {
	s := start(t)
	removed := 0
	wiring := Wiring{Remove: func(context.Context, Config, *slog.Logger) error { removed++; return nil }}
	destroy := func(data bool) error {
		return Destroy(context.Background(), s.config, wiring, data, newLines(), newLines())
	}
	var busy *BusyError
	if err := destroy(true); !errors.As(err, &busy) || removed != 0 {
		t.Fatalf("a running node: %v", err)
	}
	s.signal(syscall.SIGTERM)
	if err := s.wait(); err != nil {
		t.Fatal(err)
	}
	if err := destroy(false); err != nil || removed != 1 || !exists(s.config.Dir) {
		t.Errorf("without data: %v, removed %d times", err, removed)
	}
	if err := destroy(true); err != nil || removed != 2 || exists(s.config.Dir) {
		t.Errorf("with data: %v, removed %d times", err, removed)
	}
}

func TestDestroyKeepsFilesWhenTheKernelKeepsTraces(t *testing.T) {
	needRoot(t)
	c := node(t)
	wiring := Wiring{Remove: func(context.Context, Config, *slog.Logger) error { return errors.New("busy") }}
	err := Destroy(context.Background(), c, wiring, true, newLines(), newLines())
	wants(t, err, "files were kept")
	if !exists(c.Dir) {
		t.Error("the files are gone")
	}
}

func TestDestroyRefuses(t *testing.T) {
	needRoot(t)
	wiring := Wiring{Remove: func(context.Context, Config, *slog.Logger) error { return nil }}
	dir := t.TempDir()
	write(t, dir+"/thesis.txt", "years of work", 0o644)
	c, err := Load(Flags{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	wants(t, Destroy(context.Background(), c, wiring, true, newLines(), newLines()), "not the directory of a node")

	c = node(t)
	point := filepath.Join(c.Dir, "with space")
	if err := os.Mkdir(point, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("none", point, "tmpfs", 0, ""); err != nil {
		t.Skipf("no tmpfs can be mounted here: %v", err)
	}
	defer func() { _ = syscall.Unmount(point, 0) }()
	wants(t, Destroy(context.Background(), c, wiring, true, newLines(), newLines()), "umount "+point)
	if !exists(point) {
		t.Error("files were removed below a mount")
	}
}

// node makes the directory of a node that does not run.
func node(t *testing.T) Config {
	t.Helper()
	c, err := Load(Flags{Dir: filepath.Join(shallow(t), "node")})
	if err != nil {
		t.Fatal(err)
	}
	if err := prepare(c); err != nil {
		t.Fatal(err)
	}
	return c
}
