package api

import (
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bailey-run/bailey/internal/engine"
	"github.com/bailey-run/bailey/internal/image"
	"github.com/bailey-run/bailey/internal/sandbox"
	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/build"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	apiimage "github.com/moby/moby/api/types/image"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/api/types/registry"
	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/api/types/volume"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// fakeEngine notes what it is asked and answers with what a test set.
type fakeEngine struct {
	mu    sync.Mutex
	calls []string // "Stop web {SIGTERM 3}"
	args  map[string]any
	err   error // what every call fails with
	fails map[string]error

	wait    chan engine.WaitResult
	events  chan events.Message
	stats   chan container.StatsResponse
	logs    *fakeLog
	stream  *fakeStream
	tty     bool
	exec    container.ExecInspectResponse
	archive string
	loaded  []image.Event
	copying chan struct{} // when not nil: closed as CopyTo begins
}

func newFake() *fakeEngine {
	return &fakeEngine{args: make(map[string]any), fails: make(map[string]error), wait: make(chan engine.WaitResult, 1)}
}

// note records a call and returns what it is to fail with.
func (f *fakeEngine) note(name string, args ...any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	line := name
	for _, a := range args {
		line += fmt.Sprintf(" %v", a)
	}
	f.calls = append(f.calls, line)
	if len(args) > 0 {
		f.args[name] = args[len(args)-1]
	}
	if err := f.fails[name]; err != nil {
		return err
	}
	return f.err
}

// last returns the last argument of the last call of a name.
func (f *fakeEngine) last(name string) any {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.args[name]
}

// called returns the calls so far.
func (f *fakeEngine) called() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.calls...)
}

func (f *fakeEngine) Create(_ context.Context, r engine.CreateRequest) (engine.CreateResult, error) {
	return engine.CreateResult{ID: "0123456789ab", Warnings: []string{"careful"}}, f.note("Create", r.Name, r)
}
func (f *fakeEngine) Plan(_ context.Context, r engine.CreateRequest) (engine.Plan, error) {
	return engine.Plan{Controls: []sandbox.Control{{Control: "user-namespace", Default: "own", Actual: "own"}}}, f.note("Plan", r.Name, r)
}
func (f *fakeEngine) ImageAttestations(_ context.Context, ref string, _ *ocispec.Platform) ([]image.Attestation, error) {
	return nil, f.note("ImageAttestations", ref)
}
func (f *fakeEngine) CheckAttempts(caller sandbox.Caller, refs ...string) error {
	if !caller.Inside() && slices.Contains(refs, "twin") {
		return fmt.Errorf("it belongs to the prover: %w", errdefs.ErrPermissionDenied)
	}
	return nil
}
func (f *fakeEngine) Commit(_ context.Context, ref string, r engine.CommitRequest) (string, error) {
	return "sha256:" + strings.Repeat("c", 64), f.note("Commit", ref, r)
}
func (f *fakeEngine) Distribution(_ context.Context, ref string, o image.PullOptions) (registry.DistributionInspect, error) {
	return registry.DistributionInspect{}, f.note("Distribution", ref, o)
}
func (f *fakeEngine) Start(_ context.Context, ref string) error { return f.note("Start", ref) }
func (f *fakeEngine) Stop(_ context.Context, ref string, o engine.StopOptions) error {
	return f.note("Stop", ref, o)
}
func (f *fakeEngine) Restart(_ context.Context, ref string, o engine.StopOptions) error {
	return f.note("Restart", ref, o)
}
func (f *fakeEngine) Kill(_ context.Context, ref, signal string) error {
	return f.note("Kill", ref, signal)
}
func (f *fakeEngine) Pause(_ context.Context, ref string) error   { return f.note("Pause", ref) }
func (f *fakeEngine) Unpause(_ context.Context, ref string) error { return f.note("Unpause", ref) }
func (f *fakeEngine) Rename(_ context.Context, ref, name string) error {
	return f.note("Rename", ref, name)
}
func (f *fakeEngine) Update(_ context.Context, ref string, u container.UpdateConfig, c sandbox.Caller) ([]string, error) {
	return nil, f.note("Update", ref, c.UID, u)
}
func (f *fakeEngine) Remove(_ context.Context, ref string, o engine.RemoveOptions) error {
	return f.note("Remove", ref, o)
}
func (f *fakeEngine) Wait(_ context.Context, ref string, condition container.WaitCondition) (<-chan engine.WaitResult, error) {
	return f.wait, f.note("Wait", ref, condition)
}
func (f *fakeEngine) List(_ context.Context, o engine.ListOptions) ([]container.Summary, error) {
	return []container.Summary{{
		ID: strings.Repeat("a", 64), Names: []string{"/web"}, Image: "debian:12", Command: "sleep", State: "running", Status: "Up 1 second",
		NetworkSettings: &container.NetworkSettingsSummary{},
	}}, f.note("List", o)
}
func (f *fakeEngine) Inspect(_ context.Context, ref string, size bool) (engine.Inspection, error) {
	return engine.Inspection{
		InspectResponse: container.InspectResponse{
			ID: strings.Repeat("a", 64), Name: "/" + ref, State: &container.State{Status: "exited", ExitCode: 7},
			Config: &container.Config{Tty: f.tty, OpenStdin: true}, HostConfig: &container.HostConfig{},
			NetworkSettings: &container.NetworkSettings{Networks: map[string]*network.EndpointSettings{
				"bridge": {IPAddress: mustAddr("10.90.0.2"), IPPrefixLen: 32},
			}},
		},
		Controls: []sandbox.Control{{Control: "user-namespace", Default: "own", Actual: "own"}},
	}, f.note("Inspect", ref, size)
}
func (f *fakeEngine) Top(_ context.Context, ref, args string) (container.TopResponse, error) {
	return container.TopResponse{Titles: []string{"PID", "CMD"}, Processes: [][]string{{"1", "sleep"}}}, f.note("Top", ref, args)
}
func (f *fakeEngine) Stats(_ context.Context, ref string, stream, oneShot bool) (<-chan container.StatsResponse, error) {
	return f.stats, f.note("Stats", ref, stream, oneShot)
}
func (f *fakeEngine) Prune(_ context.Context, fl engine.Filters) (engine.PruneReport, error) {
	return engine.PruneReport{Deleted: []string{"a"}, SpaceReclaimed: 5}, f.note("Prune", fl)
}

func (f *fakeEngine) Attach(ctx context.Context, ref string, r engine.AttachRequest) (engine.Attached, error) {
	return engine.Attached{Stream: f.stream, TTY: f.tty}, f.note("Attach", ref, r)
}
func (f *fakeEngine) Logs(_ context.Context, ref string, r engine.LogsRequest) (engine.LogReader, bool, error) {
	return f.logs, f.tty, f.note("Logs", ref, r)
}
func (f *fakeEngine) ExecCreate(_ context.Context, ref string, r container.ExecCreateRequest) (string, error) {
	return "exec1", f.note("ExecCreate", ref, r)
}
func (f *fakeEngine) ExecStart(_ context.Context, id string, r engine.ExecStartRequest) (engine.Stream, error) {
	err := f.note("ExecStart", id, r)
	if r.Detach || err != nil {
		return nil, err
	}
	return f.stream, nil
}
func (f *fakeEngine) ExecInspect(_ context.Context, id string) (container.ExecInspectResponse, error) {
	return f.exec, f.note("ExecInspect", id)
}
func (f *fakeEngine) ExecResize(_ context.Context, id string, rows, cols uint16) error {
	return f.note("ExecResize", id, rows, cols)
}
func (f *fakeEngine) Resize(_ context.Context, ref string, rows, cols uint16) error {
	return f.note("Resize", ref, rows, cols)
}

func (f *fakeEngine) StatPath(_ context.Context, ref, path string) (container.PathStat, error) {
	return container.PathStat{Name: "hosts", Size: 3, Mode: 0o644}, f.note("StatPath", ref, path)
}
func (f *fakeEngine) CopyFrom(_ context.Context, ref, path string) (io.ReadCloser, container.PathStat, error) {
	return io.NopCloser(strings.NewReader(f.archive)), container.PathStat{Name: "hosts"}, f.note("CopyFrom", ref, path)
}
func (f *fakeEngine) CopyTo(_ context.Context, ref, path string, archive io.Reader, o engine.CopyOptions) error {
	if f.copying != nil {
		close(f.copying)
	}
	content, err := io.ReadAll(archive)
	if err != nil {
		return err
	}
	return f.note("CopyTo", ref, path, o, string(content))
}
func (f *fakeEngine) Changes(_ context.Context, ref string) ([]container.FilesystemChange, error) {
	return []container.FilesystemChange{{Kind: container.ChangeAdd, Path: "/a"}}, f.note("Changes", ref)
}
func (f *fakeEngine) Export(_ context.Context, ref string) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(f.archive)), f.note("Export", ref)
}

func (f *fakeEngine) ImageList(_ context.Context, o engine.ImageListOptions) ([]apiimage.Summary, error) {
	return []apiimage.Summary{{ID: "sha256:" + strings.Repeat("b", 64), Size: 9, Containers: 2}}, f.note("ImageList", o.Filters)
}
func (f *fakeEngine) ImageInspect(_ context.Context, ref string, _ engine.ImageInspectOptions) (apiimage.InspectResponse, error) {
	return apiimage.InspectResponse{ID: "sha256:" + strings.Repeat("b", 64), Size: 9}, f.note("ImageInspect", ref)
}
func (f *fakeEngine) ImageHistory(_ context.Context, ref string, _ *ocispec.Platform) ([]apiimage.HistoryResponseItem, error) {
	return nil, f.note("ImageHistory", ref)
}
func (f *fakeEngine) ImagePull(_ context.Context, ref string, o image.PullOptions, p image.Progress) error {
	err := f.note("ImagePull", ref, o.Platform)
	f.report(p)
	return err
}
func (f *fakeEngine) ImagePush(_ context.Context, ref string, _ image.PushOptions, p image.Progress) error {
	err := f.note("ImagePush", ref)
	f.report(p)
	return err
}
func (f *fakeEngine) ImageLoad(_ context.Context, archive io.Reader, _ *ocispec.Platform, p image.Progress) error {
	content, err := io.ReadAll(archive)
	if err != nil {
		return err
	}
	err = f.note("ImageLoad", string(content))
	f.report(p)
	return err
}
func (f *fakeEngine) report(p image.Progress) {
	for _, e := range f.loaded {
		p(e)
	}
}
func (f *fakeEngine) ImageSave(_ context.Context, refs []string, _ *ocispec.Platform, w io.Writer) error {
	if err := f.note("ImageSave", refs); err != nil {
		return err
	}
	_, err := io.WriteString(w, f.archive)
	return err
}
func (f *fakeEngine) ImageImport(_ context.Context, archive io.Reader, o image.ImportOptions, _ image.Progress) (string, error) {
	content, err := io.ReadAll(archive)
	if err != nil {
		return "", err
	}
	return "sha256:cc", f.note("ImageImport", string(content), o)
}
func (f *fakeEngine) ImageTag(_ context.Context, ref, name string) error {
	return f.note("ImageTag", ref, name)
}
func (f *fakeEngine) ImageRemove(_ context.Context, ref string, o image.RemoveOptions) ([]apiimage.DeleteResponse, error) {
	return []apiimage.DeleteResponse{{Untagged: ref}}, f.note("ImageRemove", ref, o)
}
func (f *fakeEngine) ImagePrune(_ context.Context, fl engine.Filters) (apiimage.PruneReport, error) {
	return apiimage.PruneReport{}, f.note("ImagePrune", fl)
}

func (f *fakeEngine) NetworkCreate(_ context.Context, r network.CreateRequest) (network.CreateResponse, error) {
	return network.CreateResponse{ID: "net1"}, f.note("NetworkCreate", r)
}
func (f *fakeEngine) NetworkList(_ context.Context, fl engine.Filters) ([]network.Summary, error) {
	return []network.Summary{{Network: network.Network{Name: "bridge", ID: "net0"}}}, f.note("NetworkList", fl)
}
func (f *fakeEngine) NetworkInspect(_ context.Context, ref string) (network.Inspect, error) {
	return network.Inspect{Network: network.Network{Name: ref, ID: "net0"}}, f.note("NetworkInspect", ref)
}
func (f *fakeEngine) NetworkRemove(_ context.Context, ref string) error {
	return f.note("NetworkRemove", ref)
}
func (f *fakeEngine) NetworkPrune(_ context.Context, fl engine.Filters) (network.PruneReport, error) {
	return network.PruneReport{}, f.note("NetworkPrune", fl)
}
func (f *fakeEngine) NetworkConnect(_ context.Context, ref string, r network.ConnectRequest) error {
	return f.note("NetworkConnect", ref, r.Container)
}
func (f *fakeEngine) NetworkDisconnect(_ context.Context, ref string, r network.DisconnectRequest) error {
	return f.note("NetworkDisconnect", ref, r)
}

func (f *fakeEngine) VolumeCreate(_ context.Context, r volume.CreateRequest, _ sandbox.Caller) (volume.Volume, error) {
	return volume.Volume{Name: r.Name, Driver: "local"}, f.note("VolumeCreate", r)
}
func (f *fakeEngine) VolumeList(_ context.Context, fl engine.Filters) (volume.ListResponse, error) {
	return volume.ListResponse{Volumes: []volume.Volume{{Name: "data"}}}, f.note("VolumeList", fl)
}
func (f *fakeEngine) VolumeInspect(_ context.Context, name string) (volume.Volume, error) {
	return volume.Volume{Name: name}, f.note("VolumeInspect", name)
}
func (f *fakeEngine) VolumeRemove(_ context.Context, name string, force bool) error {
	return f.note("VolumeRemove", name, force)
}
func (f *fakeEngine) VolumePrune(_ context.Context, fl engine.Filters) (volume.PruneReport, error) {
	return volume.PruneReport{}, f.note("VolumePrune", fl)
}

func (f *fakeEngine) Info(context.Context) (system.Info, error) {
	return system.Info{ID: "node", Name: "host", ServerVersion: "1.2.3", DefaultRuntime: "runc", NCPU: 2, OSType: "linux"}, f.note("Info")
}
func (f *fakeEngine) Version(context.Context) (system.VersionResponse, error) {
	return system.VersionResponse{
		Version: "1.2.3", Os: "linux", Arch: "amd64",
		Components: []system.ComponentVersion{{Name: "Engine", Version: "1.2.3", Details: map[string]string{"Os": "linux"}}, {Name: "runc"}},
	}, f.note("Version")
}
func (f *fakeEngine) DiskUsage(_ context.Context, objects []system.DiskUsageObject) (system.DiskUsage, error) {
	return system.DiskUsage{
		ImageUsage:      &apiimage.DiskUsage{TotalCount: 1, TotalSize: 9, Items: []apiimage.Summary{{ID: "i", Size: 9}}},
		ContainerUsage:  &container.DiskUsage{TotalCount: 1, Items: []container.Summary{{ID: "c"}}},
		VolumeUsage:     &volume.DiskUsage{TotalCount: 1, Items: []volume.Volume{{Name: "v"}}},
		BuildCacheUsage: &build.DiskUsage{},
	}, f.note("DiskUsage", objects)
}
func (f *fakeEngine) Events(_ context.Context, r engine.EventsRequest) (<-chan events.Message, error) {
	return f.events, f.note("Events", r)
}
func (f *fakeEngine) RegistryLogin(_ context.Context, a registry.AuthConfig) (registry.AuthResponse, error) {
	return registry.AuthResponse{Status: "Login Succeeded"}, f.note("RegistryLogin", a.Username+"@"+a.ServerAddress)
}

// fakeStream is a container's side of a session.
type fakeStream struct {
	out    chan frame // closed: the output has ended
	in     chan []byte
	inEnd  chan struct{} // closed: the client has closed the input
	closed chan struct{}
	endIn  sync.Once
	end    sync.Once
}

type frame struct {
	stream  byte
	payload string
}

func newStream() *fakeStream {
	return &fakeStream{out: make(chan frame, 16), in: make(chan []byte, 1024), inEnd: make(chan struct{}), closed: make(chan struct{})}
}

func (s *fakeStream) ReadFrame() (byte, []byte, error) {
	select {
	case f, ok := <-s.out:
		if !ok {
			return 0, nil, io.EOF
		}
		return f.stream, []byte(f.payload), nil
	case <-s.closed:
		return 0, nil, io.ErrClosedPipe
	}
}

func (s *fakeStream) Write(p []byte) (int, error) {
	select {
	case s.in <- append([]byte(nil), p...):
		return len(p), nil
	case <-s.closed:
		return 0, io.ErrClosedPipe
	}
}

func (s *fakeStream) CloseWrite() error { s.endIn.Do(func() { close(s.inEnd) }); return nil }
func (s *fakeStream) Close() error      { s.end.Do(func() { close(s.closed) }); return nil }

// fakeLog yields lines, then waits for more until it is closed or ends.
type fakeLog struct {
	lines  chan engine.LogLine // closed: the log has ended
	closed chan struct{}
	end    sync.Once
}

func newLog(lines ...engine.LogLine) *fakeLog {
	l := &fakeLog{lines: make(chan engine.LogLine, 1000), closed: make(chan struct{})}
	for _, line := range lines {
		l.lines <- line
	}
	return l
}

func (l *fakeLog) Next() (engine.LogLine, error) {
	select {
	case line, ok := <-l.lines:
		if !ok {
			return line, io.EOF
		}
		return line, nil
	case <-l.closed:
		return engine.LogLine{}, io.ErrClosedPipe
	}
}

func (l *fakeLog) Close() error { l.end.Do(func() { close(l.closed) }); return nil }

// node is a server on a socket of its own.
type node struct {
	*Server
	path   string
	cancel context.CancelFunc
	done   chan error
}

// startNode serves a fake engine until the test ends.
func startNode(t *testing.T, f *fakeEngine, change ...func(*Options)) *node {
	t.Helper()
	o := Options{Engine: f, Version: "1.2.3", Grace: 2 * time.Second}
	for _, c := range change {
		c(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, s)
}

// serve runs a server until the test ends.
func serve(t *testing.T, s *Server) *node {
	t.Helper()
	n := &node{Server: s, path: filepath.Join(t.TempDir(), "b.sock"), done: make(chan error, 1)}
	ln, err := Listen(n.path, "")
	if err != nil {
		t.Fatal(err)
	}
	var ctx context.Context
	ctx, n.cancel = context.WithCancel(t.Context())
	go func() { n.done <- s.Serve(ctx, ln) }()
	t.Cleanup(func() {
		n.cancel()
		if err := <-n.done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return n
}

// dial opens a raw connection.
func (n *node) dial(t *testing.T) *net.UnixConn {
	t.Helper()
	conn, err := net.Dial("unix", n.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn.(*net.UnixConn)
}

// within fails the test when ch is not closed, or does not yield, in time.
func within[T any](t *testing.T, what string, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(10 * time.Second):
		t.Fatalf("%s: nothing after 10 s", what)
		panic("unreachable")
	}
}
