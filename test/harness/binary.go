package harness

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
)

// Binary returns the path of the bailey to test: $BAILEY_BIN when it is set, else one that is built from the
// tree at the first call. The payload (OCI runtime, supervisor, init) is what `make build` left in the tree.
var Binary = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("BAILEY_BIN"); path != "" {
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("BAILEY_BIN: %w", err)
		}
		return filepath.Abs(path)
	}
	top, err := Top()
	if err != nil {
		return "", err
	}
	for _, name := range []string{"bailey-runc", "bailey-supervisor", "bailey-init"} {
		if _, err := os.Stat(filepath.Join(top, "internal/runtime/payload/bin", name)); err != nil {
			return "", fmt.Errorf("%s was not built: run `make build` first", name)
		}
	}
	// One path for all test programs of this user, replaced in one step: they may run at the same time.
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("bailey-test-bin-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	fresh := filepath.Join(dir, fmt.Sprintf("bailey.%d", os.Getpid()))
	build := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-o", fresh, "./cmd/bailey")
	build.Dir = top
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building bailey: %w\n%s", err, out)
	}
	path := filepath.Join(dir, "bailey")
	return path, os.Rename(fresh, path)
})

// Top is the top of the source tree that this package was compiled from.
func Top() (string, error) {
	_, file, _, ok := runtime.Caller(0)
	if ok && filepath.IsAbs(file) {
		return filepath.Join(filepath.Dir(file), "../.."), nil
	}
	// Compiled with -trimpath: look upwards from where we are.
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("not inside Bailey's source tree")
		}
		dir = filepath.Dir(dir)
	}
	return "", err
}
