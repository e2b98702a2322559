package unpack

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/bailey-run/bailey/internal/image/hostile"
	"github.com/bailey-run/bailey/internal/image/imagetest"
)

// stack applies layers, lowest first, and lets the last one inherit from the others.
func stack(t *testing.T, layers ...[]imagetest.File) (string, error) {
	t.Helper()
	var lowers []*os.File
	for i, files := range layers {
		path, res := apply(t, files...)
		dir, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = dir.Close() })
		if i == len(layers)-1 {
			return path, Inherit(context.Background(), dir, res.Implied, lowers)
		}
		lowers = append([]*os.File{dir}, lowers...)
	}
	return "", nil
}

func TestInheritTakesAttributesFromBelow(t *testing.T) {
	root(t)
	top, err := stack(t,
		[]imagetest.File{{Name: "./", Mode: 0o711, UID: 7}, {Name: "d/", Mode: 0o700, UID: 1}, {Name: "d/e/", Mode: 0o750, GID: 2}, {Name: "gone/", Mode: 0o700}, {Name: "o/x/", Mode: 0o700}},
		[]imagetest.File{{Name: "d/", Mode: 0o3755, UID: 3}, imagetest.Reg(".wh.gone", ""), imagetest.Dir("o"), imagetest.Reg("o/.wh..wh..opq", "")},
		[]imagetest.File{imagetest.Reg("d/e/f", ""), imagetest.Reg("gone/f", ""), imagetest.Reg("o/x/f", ""), imagetest.Reg("new/f", "")},
	)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]struct {
		mode     uint32
		uid, gid uint32
	}{
		".": {0o755, 0, 0}, "d": {0o3755, 3, 0}, "d/e": {0o750, 0, 2}, "gone": {0o755, 0, 0}, "o/x": {0o755, 0, 0}, "new": {0o755, 0, 0},
	} {
		if st := stat(t, top, path); st.Mode&0o7777 != want.mode || st.Uid != want.uid || st.Gid != want.gid {
			t.Errorf("%s is %o %d:%d, want %o %d:%d", path, st.Mode&0o7777, st.Uid, st.Gid, want.mode, want.uid, want.gid)
		}
	}
}

func TestInheritRefusesLinksOfEarlierLayers(t *testing.T) {
	root(t)
	for class, below := range map[string][]imagetest.File{
		"symlink-earlier-layer": {imagetest.Symlink("a", "/etc")},
		"file-earlier-layer":    {imagetest.Reg("a", "")},
	} {
		_, err := stack(t, below, []imagetest.File{imagetest.Reg("other", "")}, []imagetest.File{imagetest.Reg("a/passwd", "")})
		var refusal *hostile.Error
		if !errors.As(err, &refusal) || refusal.Class != class || refusal.Entry != "a" {
			t.Errorf("%s: got %v", class, err)
		}
		if _, err := stack(t, below, []imagetest.File{imagetest.Dir("a"), imagetest.Reg("a/passwd", "")}); err != nil {
			t.Errorf("a layer that replaces %s by a directory of its own was refused: %v", class, err)
		}
	}
}
