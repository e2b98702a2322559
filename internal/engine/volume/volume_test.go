package volume

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/bailey-run/bailey/internal/engine/store"
	"github.com/bailey-run/bailey/internal/runtime/quota"
	"github.com/containerd/errdefs"
)

func open(t *testing.T, dir string) *Manager {
	t.Helper()
	st, err := store.Open(filepath.Join(dir, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	disk, err := quota.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Open(filepath.Join(dir, "volumes"), disk, st)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestCreateIsIdempotentAndAnonymousNamesDiffer(t *testing.T) {
	m := open(t, t.TempDir())
	v, made, err := m.Create(Request{Name: "data", Labels: map[string]string{"a": "b"}})
	if err != nil || !made {
		t.Fatal(err, made)
	}
	again, made, err := m.Create(Request{Name: "data"})
	if err != nil || made || again.Labels["a"] != "b" || !again.Created.Equal(v.Created) {
		t.Errorf("got %v, %v, %v", again, made, err)
	}
	one, _, _ := m.Create(Request{})
	two, _, _ := m.Create(Request{})
	if one.Name == two.Name || !one.Anonymous {
		t.Errorf("got %v and %v", one, two)
	}
	if info, err := os.Stat(m.Path("data")); err != nil || !info.IsDir() {
		t.Error(err)
	}
}

func TestRefuses(t *testing.T) {
	m := open(t, t.TempDir())
	cases := map[string]struct {
		r    Request
		kind func(error) bool
	}{
		"path":   {Request{Name: "../x"}, errdefs.IsInvalidArgument},
		"dot":    {Request{Name: ".."}, errdefs.IsInvalidArgument},
		"driver": {Request{Name: "a", Driver: "nfs"}, errdefs.IsNotFound},
	}
	for name, c := range cases {
		if _, _, err := m.Create(c.r); err == nil || !c.kind(err) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := m.Remove("nope"); !errdefs.IsNotFound(err) {
		t.Errorf("got %v", err)
	}
}

func TestSweepRemovesOnlyWhatIsNotRecorded(t *testing.T) {
	m := open(t, t.TempDir())
	if _, _, err := m.Create(Request{Name: "kept"}); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(m.Path("orphan"), 0o755); err != nil {
		t.Fatal(err)
	}
	gone, err := m.Sweep()
	if err != nil || len(gone) != 1 || gone[0] != "orphan" {
		t.Errorf("got %v, %v", gone, err)
	}
	if _, err := os.Stat(m.Path("kept")); err != nil {
		t.Error(err)
	}
}

// damagedRecorder has a record that cannot be read.
type damagedRecorder struct{ Recorder }

func (damagedRecorder) Damaged() []store.Damage {
	return []store.Damage{{Bucket: store.VolumeBucket, Key: "unread"}, {Bucket: store.ContainerBucket, Key: "other"}}
}

// What a record that is damaged names is kept: it is data, and nobody has said that it may go.
func TestSweepKeepsWhatADamagedRecordNames(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir)
	for _, name := range []string{"unread", "other"} {
		if err := os.MkdirAll(first.Path(name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	m, err := Open(filepath.Join(dir, "volumes"), first.disk, damagedRecorder{first.rec})
	if err != nil {
		t.Fatal(err)
	}
	gone, err := m.Sweep()
	if err != nil || len(gone) != 1 || gone[0] != "other" {
		t.Errorf("swept %v, %v", gone, err)
	}
	if _, err := os.Stat(m.Path("unread")); err != nil {
		t.Error(err)
	}
}
