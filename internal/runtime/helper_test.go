package runtime

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bailey-run/bailey/internal/runtime/nspool"
	"github.com/bailey-run/bailey/internal/runtime/payload"
	"github.com/bailey-run/bailey/internal/runtime/rootfs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

const busybox = "/bin/busybox"

// node is a runtime with directories of its own.
type node struct {
	*Runtime
	t     testing.TB
	dir   string
	layer string // a read-only layer with busybox in it
}

// newNode opens a runtime for one test, or skips the test and says what the
// machine lacks.
func newNode(t testing.TB) *node {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("running containers needs root")
	}
	if _, err := os.Stat(busybox); err != nil {
		t.Skip("needs " + busybox + ", a static one (package busybox-static)")
	}
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	n := &node{t: t, dir: dir, layer: filepath.Join(dir, "layer")}
	n.makeLayer()
	n.open(programs(t), randomHex(4))
	return n
}

// programs is a state directory with the shipped programs in it. Unpacking
// them waits for the disk, so that the tests share one.
func programs(t testing.TB) string {
	t.Helper()
	shared.Do(func() {
		shared.dir, shared.err = os.MkdirTemp("", "bailey-runtime-test-")
		if shared.err == nil {
			shared.err = os.Chmod(shared.dir, 0o711)
		}
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.dir
}

var shared struct {
	sync.Once
	dir string
	err error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.dir != "" {
		os.RemoveAll(shared.dir)
	}
	os.Exit(code)
}

func (n *node) open(state, name string) {
	n.t.Helper()
	r, err := Open(context.Background(), Options{
		StateDir: state, RunDir: filepath.Join(n.dir, "run"), Node: name,
		Log: slog.New(slog.NewTextHandler(testWriter{n.t}, nil)),
	})
	if err == nil {
		err = r.Programs()
	}
	var unbuilt *NotBuiltError
	if errors.As(err, &unbuilt) {
		n.t.Skip(err)
	}
	if err != nil {
		n.t.Fatal(err)
	}
	n.Runtime = r
	n.t.Cleanup(func() {
		if err := r.cgroups.Destroy(context.Background()); err != nil {
			n.t.Error(err)
		}
	})
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

func (n *node) makeLayer() {
	n.t.Helper()
	for _, d := range []string{"bin", "proc", "sys", "dev", "etc", "tmp", "run/secrets"} {
		if err := os.MkdirAll(filepath.Join(n.layer, d), 0o755); err != nil {
			n.t.Fatal(err)
		}
	}
	b, err := os.ReadFile(busybox)
	if err != nil {
		n.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(n.layer, "bin/busybox"), b, 0o755); err != nil {
		n.t.Fatal(err)
	}
	for _, name := range strings.Fields("sh cat ls true false sleep echo id stty head tail dd kill nc httpd yes seq readlink grep sort tr stat") {
		if err := os.Symlink("busybox", filepath.Join(n.layer, "bin", name)); err != nil {
			n.t.Fatal(err)
		}
	}
}

// box is one container of a test.
type box struct {
	*Container
	n    *node
	id   string
	home string
	pair *nspool.Pair
	prep PrepareRequest
	req  StartRequest
}

// box describes a container that runs args; the test may change prep and req
// before it calls run, prepare or start.
func (n *node) box(args ...string) *box {
	n.t.Helper()
	id := randomHex(32)
	base := uint32(0x7f000000) + 65536*uint32(id[0])
	pair, err := nspool.New(base)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { pair.Close() })
	b := &box{n: n, id: id, pair: pair, home: filepath.Join(n.dir, "containers", id)}
	if err := os.MkdirAll(b.home, 0o755); err != nil {
		n.t.Fatal(err)
	}
	run := filepath.Join(n.dir, "run", id)
	b.prep = PrepareRequest{
		ID: id, RunDir: run, ContainerDir: b.home, Pair: pair,
		Log: LogOptions{Path: filepath.Join(b.home, "log.json"), MaxSize: 10 << 20, MaxFiles: 3},
	}
	b.req = StartRequest{
		Spec: n.spec(b, args),
		Rootfs: rootfs.Config{
			Lower: []string{n.layer}, Target: PathsIn(run).Rootfs, IDBase: base, Memory: true,
		},
	}
	return b
}

func (n *node) spec(b *box, args []string) *specs.Spec {
	p := PathsIn(b.prep.RunDir)
	caps := []string{"CAP_KILL", "CAP_SETUID", "CAP_SETGID", "CAP_DAC_OVERRIDE", "CAP_CHOWN", "CAP_NET_BIND_SERVICE"}
	maps := []specs.LinuxIDMapping{{ContainerID: 0, HostID: b.pair.IDBase, Size: 65536}}
	return &specs.Spec{
		Version: "1.0.2",
		Process: &specs.Process{
			Args: args, Cwd: "/", Env: []string{"PATH=/bin"}, NoNewPrivileges: true,
			Capabilities: &specs.LinuxCapabilities{Bounding: caps, Effective: caps, Permitted: caps},
		},
		Root: &specs.Root{Path: p.Rootfs},
		Mounts: []specs.Mount{
			{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
			{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "strictatime", "mode=755", "size=65536k"}},
			{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
			{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", "ro"}},
		},
		Linux: &specs.Linux{
			UIDMappings: maps, GIDMappings: maps,
			CgroupsPath: n.cgroups.Path(b.id),
			Namespaces: []specs.LinuxNamespace{
				{Type: specs.PIDNamespace}, {Type: specs.IPCNamespace}, {Type: specs.UTSNamespace},
				{Type: specs.MountNamespace}, {Type: specs.CgroupNamespace},
				{Type: specs.UserNamespace, Path: p.UserNS}, {Type: specs.NetworkNamespace, Path: p.NetNS},
			},
			Resources: &specs.LinuxResources{},
		},
	}
}

// prepare spawns the supervisor and sees to it that everything goes.
func (b *box) prepare() *box {
	b.n.t.Helper()
	c, err := b.n.Prepare(b.ctx(), b.prep)
	if err != nil {
		b.n.t.Fatal(err)
	}
	b.Container = c
	b.n.t.Cleanup(func() {
		if err := b.Container.Delete(context.Background()); err != nil {
			b.n.t.Errorf("delete: %v", err)
		}
	})
	return b
}

// start prepares, unless that was done, and starts.
func (b *box) start() Started {
	b.n.t.Helper()
	if b.Container == nil {
		b.prepare()
	}
	s, err := b.Start(b.ctx(), b.req)
	if err != nil {
		b.n.t.Fatalf("start: %v", err)
	}
	return s
}

// wait returns how the container ended.
func (b *box) wait() Exit {
	b.n.t.Helper()
	e, err := b.Wait(b.ctx())
	if err != nil {
		b.n.t.Fatalf("wait: %v", err)
	}
	return e
}

// run runs the container to its end and returns that and the output.
func (b *box) run() (Exit, string) {
	b.n.t.Helper()
	b.start()
	e := b.wait()
	return e, b.logged()
}

func (b *box) ctx() context.Context { return testContext(b.n.t) }

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// logged is the text of the log.
func (b *box) logged() string {
	b.n.t.Helper()
	f, err := os.Open(b.prep.Log.Path)
	if err != nil {
		b.n.t.Fatal(err)
	}
	defer f.Close()
	var text strings.Builder
	for dec := json.NewDecoder(f); ; {
		var e struct{ Log string }
		if err := dec.Decode(&e); err == io.EOF {
			return text.String()
		} else if err != nil {
			b.n.t.Fatalf("the log is damaged: %v", err)
		}
		text.WriteString(e.Log)
	}
}

// readAll reads a stream to its end.
func readAll(s *Stream) (out, errs string, err error) {
	var text [3]strings.Builder
	for {
		stream, p, err := s.ReadFrame()
		if err != nil {
			if err == io.EOF {
				err = nil
			}
			return text[1].String(), text[2].String(), err
		}
		text[stream].Write(p)
	}
}

func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// useCrun makes the node use the machine's crun, whatever its version.
func (n *node) useCrun() {
	n.t.Helper()
	path, err := exec.LookPath("crun")
	if err != nil {
		n.t.Skip("needs crun")
	}
	if n.oci, err = payload.Open(path); err != nil {
		n.t.Fatal(err)
	}
	n.info.Name = "crun"
}
