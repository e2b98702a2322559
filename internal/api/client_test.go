package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bailey-run/bailey/internal/engine"
	"github.com/bailey-run/bailey/internal/image"
	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func mustAddr(s string) netip.Addr { return netip.MustParseAddr(s) }

// stock is Docker's own client library, of a version of the API ("" negotiates).
func (n *node) stock(t *testing.T, v string) *client.Client {
	t.Helper()
	opts := []client.Opt{client.WithHost("unix://" + n.path)}
	if v != "" {
		opts = append(opts, client.WithAPIVersion(v))
	}
	c, err := client.New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// TestStockClient drives every endpoint that has a typed answer with Docker's
// own client and looks at what reached the engine.
func TestStockClient(t *testing.T) {
	f := newFake()
	f.archive = "tar"
	f.loaded = []image.Event{{ID: "layer", Status: "Unpacking", Current: 1, Total: 2}, {Status: "Loaded image: debian:12"}}
	c := startNode(t, f).stock(t, "")
	ctx := t.Context()
	three := 3
	read := func(r io.ReadCloser, err error) error {
		if err != nil {
			return err
		}
		defer r.Close()
		_, err = io.ReadAll(r)
		return err
	}
	for _, tc := range []struct {
		want string
		do   func() error
	}{
		{"Version", func() error {
			v, err := c.ServerVersion(ctx, client.ServerVersionOptions{})
			if v.APIVersion != MaxVersion || v.MinAPIVersion != MinVersion || v.Components[0].Details["ApiVersion"] != MaxVersion {
				t.Errorf("version: %+v", v)
			}
			return err
		}},
		{"Info", func() error {
			r, err := c.Info(ctx, client.InfoOptions{})
			if r.Info.Swarm.LocalNodeState != "inactive" {
				t.Errorf("info: %+v", r.Info.Swarm)
			}
			return err
		}},
		{"DiskUsage [image volume]", func() error {
			r, err := c.DiskUsage(ctx, client.DiskUsageOptions{Images: true, Volumes: true, Verbose: true})
			if len(r.Images.Items) != 1 || r.Images.TotalSize != 9 {
				t.Errorf("usage: %+v", r)
			}
			return err
		}},
		{"RegistryLogin me@reg", func() error {
			_, err := c.RegistryLogin(ctx, client.RegistryLoginOptions{Username: "me", Password: "x", ServerAddress: "reg"})
			return err
		}},
		{"List {true 2 true map[label:[a b]]}", func() error {
			r, err := c.ContainerList(ctx, client.ContainerListOptions{All: true, Limit: 2, Size: true, Filters: make(client.Filters).Add("label", "b", "a")})
			if len(r.Items) != 1 || r.Items[0].Names[0] != "/web" {
				t.Errorf("list: %+v", r)
			}
			return err
		}},
		{"Inspect web true", func() error {
			r, err := c.ContainerInspect(ctx, "web", client.ContainerInspectOptions{Size: true})
			if r.Container.Name != "/web" || !strings.Contains(string(r.Raw), `"Control":"user-namespace"`) {
				t.Errorf("inspect: %s", r.Raw)
			}
			return err
		}},
		{"Start web", func() error { _, err := c.ContainerStart(ctx, "web", client.ContainerStartOptions{}); return err }},
		{"Stop", func() error {
			_, err := c.ContainerStop(ctx, "web", client.ContainerStopOptions{Signal: "SIGINT", Timeout: &three})
			if o := f.last("Stop").(engine.StopOptions); o.Signal != "SIGINT" || *o.Timeout != 3 {
				t.Errorf("stop: %+v", o)
			}
			return err
		}},
		{"Restart web { <nil>}", func() error {
			_, err := c.ContainerRestart(ctx, "web", client.ContainerRestartOptions{})
			return err
		}},
		{"Kill web HUP", func() error {
			_, err := c.ContainerKill(ctx, "web", client.ContainerKillOptions{Signal: "HUP"})
			return err
		}},
		{"Pause web", func() error { _, err := c.ContainerPause(ctx, "web", client.ContainerPauseOptions{}); return err }},
		{"Unpause web", func() error {
			_, err := c.ContainerUnpause(ctx, "web", client.ContainerUnpauseOptions{})
			return err
		}},
		{"Rename web new", func() error {
			_, err := c.ContainerRename(ctx, "web", client.ContainerRenameOptions{NewName: "/new"})
			return err
		}},
		{"Update web", func() error {
			_, err := c.ContainerUpdate(ctx, "web", client.ContainerUpdateOptions{Resources: &container.Resources{Memory: 5}})
			if u := f.last("Update").(container.UpdateConfig); u.Memory != 5 {
				t.Errorf("update: %+v", u)
			}
			return err
		}},
		{"Remove web {true true true}", func() error {
			_, err := c.ContainerRemove(ctx, "web", client.ContainerRemoveOptions{Force: true, RemoveVolumes: true, RemoveLinks: true})
			return err
		}},
		{"Resize web 24 80", func() error {
			_, err := c.ContainerResize(ctx, "web", client.ContainerResizeOptions{Height: 24, Width: 80})
			return err
		}},
		{"Top web -o pid", func() error {
			_, err := c.ContainerTop(ctx, "web", client.ContainerTopOptions{Arguments: []string{"-o", "pid"}})
			return err
		}},
		{"Changes web", func() error { _, err := c.ContainerDiff(ctx, "web", client.ContainerDiffOptions{}); return err }},
		{"Prune map[]", func() error {
			r, err := c.ContainerPrune(ctx, client.ContainerPruneOptions{})
			if r.Report.SpaceReclaimed != 5 || len(r.Report.ContainersDeleted) != 1 {
				t.Errorf("prune: %+v", r)
			}
			return err
		}},
		{"StatPath web /etc/hosts", func() error {
			r, err := c.ContainerStatPath(ctx, "web", client.ContainerStatPathOptions{Path: "/etc/hosts"})
			if r.Stat.Name != "hosts" || r.Stat.Size != 3 {
				t.Errorf("stat: %+v", r)
			}
			return err
		}},
		{"CopyFrom web /etc/hosts", func() error {
			r, err := c.CopyFromContainer(ctx, "web", client.CopyFromContainerOptions{SourcePath: "/etc/hosts"})
			return read(r.Content, err)
		}},
		{"CopyTo web /tmp {true true} content", func() error {
			_, err := c.CopyToContainer(ctx, "web", client.CopyToContainerOptions{DestinationPath: "/tmp", Content: strings.NewReader("content"), CopyUIDGID: true})
			return err
		}},
		{"Export web", func() error {
			r, err := c.ContainerExport(ctx, "web", client.ContainerExportOptions{})
			return read(r, err)
		}},
		{"ExecCreate web", func() error {
			r, err := c.ExecCreate(ctx, "web", client.ExecCreateOptions{Cmd: []string{"ls"}, TTY: true, ConsoleSize: client.ConsoleSize{Height: 2, Width: 3}})
			if got := f.last("ExecCreate").(container.ExecCreateRequest); r.ID != "exec1" || *got.ConsoleSize != [2]uint{2, 3} {
				t.Errorf("exec: %+v %+v", r, got)
			}
			return err
		}},
		{"ExecInspect exec1", func() error { _, err := c.ExecInspect(ctx, "exec1", client.ExecInspectOptions{}); return err }},
		{"ExecStart exec1 {true false <nil> }", func() error {
			_, err := c.ExecStart(ctx, "exec1", client.ExecStartOptions{Detach: true})
			return err
		}},
		{"ExecResize exec1 1 65535", func() error {
			_, err := c.ExecResize(ctx, "exec1", client.ExecResizeOptions{Height: 1, Width: 65535})
			return err
		}},
		{"ImageList map[reference:[a]]", func() error {
			r, err := c.ImageList(ctx, client.ImageListOptions{Filters: make(client.Filters).Add("reference", "a")})
			if len(r.Items) != 1 || r.Items[0].Containers != 2 || r.Items[0].RepoTags == nil {
				t.Errorf("images: %+v", r)
			}
			return err
		}},
		{"ImageInspect quay.io/a/b:1", func() error { _, err := c.ImageInspect(ctx, "quay.io/a/b:1"); return err }},
		{"ImageHistory a/b", func() error { _, err := c.ImageHistory(ctx, "a/b"); return err }},
		{"ImageTag a/b docker.io/x/y:2", func() error {
			_, err := c.ImageTag(ctx, client.ImageTagOptions{Source: "a/b", Target: "x/y:2"})
			return err
		}},
		{"ImageRemove a/b/c:1 {true}", func() error {
			_, err := c.ImageRemove(ctx, "a/b/c:1", client.ImageRemoveOptions{Force: true})
			return err
		}},
		{"ImagePrune map[dangling:[true]]", func() error {
			_, err := c.ImagePrune(ctx, client.ImagePruneOptions{Filters: make(client.Filters).Add("dangling", "true")})
			return err
		}},
		{"ImageSave [a b/c:1]", func() error { r, err := c.ImageSave(ctx, []string{"a", "b/c:1"}); return read(r, err) }},
		{"ImageLoad archive", func() error { r, err := c.ImageLoad(ctx, strings.NewReader("archive")); return read(r, err) }},
		{"ImagePull", func() error {
			r, err := c.ImagePull(ctx, "debian:12", client.ImagePullOptions{Platforms: []ocispec.Platform{{OS: "linux", Architecture: "arm64"}}})
			if err != nil {
				return err
			}
			if p := f.last("ImagePull").(*ocispec.Platform); p.Architecture != "arm64" {
				t.Errorf("platform: %+v", p)
			}
			return r.Wait(ctx)
		}},
		{"ImagePush docker.io/library/debian:12", func() error {
			r, err := c.ImagePush(ctx, "debian:12", client.ImagePushOptions{})
			if err != nil {
				return err
			}
			return r.Wait(ctx)
		}},
		{"ImageImport body", func() error {
			return read(c.ImageImport(ctx, client.ImageImportSource{Source: strings.NewReader("body"), SourceName: "-"}, "new:1", client.ImageImportOptions{Message: "m", Changes: []string{"CMD a", "ENV b=c"}}))
		}},
		{"NetworkCreate", func() error {
			r, err := c.NetworkCreate(ctx, "n", client.NetworkCreateOptions{IPAM: &network.IPAM{Config: []network.IPAMConfig{{Subnet: netip.MustParsePrefix("10.1.0.0/24")}}}})
			if got := f.last("NetworkCreate").(network.CreateRequest); r.ID != "net1" || got.Name != "n" || got.IPAM.Config[0].Subnet.Bits() != 24 {
				t.Errorf("network: %+v %+v", r, got)
			}
			return err
		}},
		{"NetworkList map[]", func() error { _, err := c.NetworkList(ctx, client.NetworkListOptions{}); return err }},
		{"NetworkInspect n", func() error { _, err := c.NetworkInspect(ctx, "n", client.NetworkInspectOptions{}); return err }},
		{"NetworkConnect n web", func() error {
			_, err := c.NetworkConnect(ctx, "n", client.NetworkConnectOptions{Container: "web", EndpointConfig: &network.EndpointSettings{Aliases: []string{"x"}}})
			return err
		}},
		{"NetworkDisconnect n {web true}", func() error {
			_, err := c.NetworkDisconnect(ctx, "n", client.NetworkDisconnectOptions{Container: "web", Force: true})
			return err
		}},
		{"NetworkRemove n", func() error { _, err := c.NetworkRemove(ctx, "n", client.NetworkRemoveOptions{}); return err }},
		{"NetworkPrune map[]", func() error { _, err := c.NetworkPrune(ctx, client.NetworkPruneOptions{}); return err }},
		{"VolumeCreate", func() error {
			r, err := c.VolumeCreate(ctx, client.VolumeCreateOptions{Name: "data", Labels: map[string]string{"a": "b"}})
			if r.Volume.Name != "data" {
				t.Errorf("volume: %+v", r)
			}
			return err
		}},
		{"VolumeList map[]", func() error { _, err := c.VolumeList(ctx, client.VolumeListOptions{}); return err }},
		{"VolumeInspect data", func() error { _, err := c.VolumeInspect(ctx, "data", client.VolumeInspectOptions{}); return err }},
		{"VolumeRemove data true", func() error {
			_, err := c.VolumeRemove(ctx, "data", client.VolumeRemoveOptions{Force: true})
			return err
		}},
		{"VolumePrune map[all:[true]]", func() error { _, err := c.VolumePrune(ctx, client.VolumePruneOptions{All: true}); return err }},
	} {
		before := len(f.called())
		if err := tc.do(); err != nil {
			t.Errorf("%s: %v", tc.want, err)
			continue
		}
		if !slices.ContainsFunc(f.called()[before:], func(s string) bool { return strings.HasPrefix(s, tc.want) }) {
			t.Errorf("want a call %q, got %q", tc.want, f.called()[before:])
		}
	}
}

func TestPing(t *testing.T) {
	c := startNode(t, newFake()).stock(t, "")
	p, err := c.Ping(t.Context(), client.PingOptions{NegotiateAPIVersion: true})
	if err != nil {
		t.Fatal(err)
	}
	if p.APIVersion != "1.56" || p.OSType != "linux" || p.Experimental || p.SwarmStatus.NodeState != "inactive" || c.ClientVersion() != "1.56" {
		t.Errorf("ping: %+v, negotiated %s", p, c.ClientVersion())
	}
}

func TestCreate(t *testing.T) {
	f := newFake()
	c := startNode(t, f).stock(t, "")
	made, err := c.ContainerCreate(t.Context(), client.ContainerCreateOptions{
		Name: "web", Image: "debian", Platform: &ocispec.Platform{OS: "linux", Architecture: "amd64"},
		HostConfig: &container.HostConfig{PortBindings: network.PortMap{network.MustParsePort("80"): nil}, Privileged: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	if made.ID != "0123456789ab" || !slices.Equal(made.Warnings, []string{"careful"}) {
		t.Errorf("answer: %+v", made)
	}
	r := f.last("Create").(engine.CreateRequest)
	if r.Name != "web" || r.Config.Image != "debian" || !r.HostConfig.Privileged || r.Platform.Architecture != "amd64" || r.Networking == nil {
		t.Errorf("request: %+v", r)
	}
	if len(r.HostConfig.PortBindings[network.MustParsePort("80/tcp")]) != 1 {
		t.Errorf("a port without a binding was not given one: %+v", r.HostConfig.PortBindings)
	}
	if r.Caller.UID != 0 || r.Caller.User != "root" || !slices.Contains(r.Caller.Groups, "root") {
		t.Errorf("caller: %+v (the tests run as root)", r.Caller)
	}
}

// TestErrors maps each class of error to its status, as the client sees it.
func TestErrors(t *testing.T) {
	for _, tc := range []struct {
		name string
		err  error
		is   func(error) bool
		text string
	}{
		{"not found", fmt.Errorf("no such container: x: %w", errdefs.ErrNotFound), errdefs.IsNotFound, "no such container: x"},
		{"conflict", fmt.Errorf("in use: %w", errdefs.ErrConflict), errdefs.IsConflict, "in use"},
		{"precondition", fmt.Errorf("in use: %w", errdefs.ErrFailedPrecondition), errdefs.IsConflict, "in use"},
		{"exists", fmt.Errorf("name taken: %w", errdefs.ErrAlreadyExists), errdefs.IsConflict, "name taken"},
		{"invalid", fmt.Errorf("bad: %w", errdefs.ErrInvalidArgument), errdefs.IsInvalidArgument, "bad"},
		{"denied", fmt.Errorf("no: %w", errdefs.ErrPermissionDenied), errdefs.IsPermissionDenied, "no"},
		{"not implemented", fmt.Errorf("no: %w", errdefs.ErrNotImplemented), errdefs.IsNotImplemented, "no"},
		{"unavailable", fmt.Errorf("later: %w", errdefs.ErrUnavailable), errdefs.IsUnavailable, "later"},
		{"anything", errors.New("boom"), errdefs.IsInternal, "boom"},
		{"terminal escapes", fmt.Errorf("a\x1b]0;t\x07b\rc\u202ed\ne: %w", errdefs.ErrNotFound), errdefs.IsNotFound, "a\ufffd]0;t\ufffdb\ufffdc\ufffdd\ne"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFake()
			f.err = tc.err
			_, err := startNode(t, f).stock(t, "").ContainerStop(t.Context(), "x", client.ContainerStopOptions{})
			if err == nil || !tc.is(err) || err.Error() != "Error response from daemon: "+tc.text {
				t.Errorf("got %v", err)
			}
		})
	}
}

// sameState is marked as the engine marks what is so already.
type sameState struct{}

func (sameState) Error() string { return "already started" }
func (sameState) NotModified()  {}

func TestNotModifiedIsNoError(t *testing.T) {
	f := newFake()
	f.err = sameState{}
	if _, err := startNode(t, f).stock(t, "").ContainerStart(t.Context(), "x", client.ContainerStartOptions{}); err != nil {
		t.Error(err)
	}
}

// TestWaitRegistersFirst: once the client has the headers, the waiter is in place.
func TestWaitRegistersFirst(t *testing.T) {
	f := newFake()
	c := startNode(t, f).stock(t, "")
	w := c.ContainerWait(t.Context(), "web", client.ContainerWaitOptions{Condition: container.WaitConditionNextExit}) // returns with the headers
	if got := f.called(); !slices.Contains(got, "Wait web next-exit") {
		t.Fatalf("the headers came before the waiter was registered: %q", got)
	}
	f.wait <- engine.WaitResult{ExitCode: 42, Err: errors.New("odd\x1b")}
	r := within(t, "the result", w.Result)
	if r.StatusCode != 42 || r.Error.Message != "odd\ufffd" {
		t.Errorf("got %+v", r)
	}
}

func TestProgressErrors(t *testing.T) {
	f := newFake()
	f.err = fmt.Errorf("tag unknown: %w", errdefs.ErrNotFound)
	n := startNode(t, f)
	if _, err := n.stock(t, "").ImagePull(t.Context(), "debian", client.ImagePullOptions{}); !errdefs.IsNotFound(err) {
		t.Errorf("an error before the first line has a status of its own: %v", err)
	}
	f.loaded = []image.Event{{ID: "l1", Status: "Downloading", Current: 1, Total: 2}}
	r, err := n.stock(t, "").ImagePull(t.Context(), "debian", client.ImagePullOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(t.Context()); err == nil || err.Error() != "tag unknown" || !errdefs.IsNotFound(err) {
		t.Errorf("an error after the first line is the last: %v", err)
	}
}

// TestLoadWhileReading: progress is answered while the archive is still being
// read; net/http would take the first word of the answer for the end of interest.
func TestLoadWhileReading(t *testing.T) {
	small, large := strings.Repeat("0123456789abcdef", 1<<12), strings.Repeat("0123456789abcdef", 1<<16)
	for _, tc := range []struct {
		body io.Reader
		want string
	}{
		{strings.NewReader(small), small}, // with a length
		{strings.NewReader(large), large},
		{io.MultiReader(strings.NewReader(small)), small}, // in chunks
		{io.MultiReader(strings.NewReader(large)), large},
	} {
		f := newFake()
		n := startNode(t, f, func(o *Options) { o.Engine = eagerLoader{f} })
		r, err := n.stock(t, "").ImageLoad(t.Context(), tc.body)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil || !strings.Contains(string(text), "Reading") {
			t.Errorf("answer %.200q, %v", text, err)
		}
		if got, _ := f.last("ImageLoad").(string); got != tc.want {
			t.Errorf("the engine got %d bytes of %d", len(got), len(tc.want))
		}
	}
}

// eagerLoader reports progress before it has read the archive.
type eagerLoader struct{ *fakeEngine }

func (e eagerLoader) ImageLoad(ctx context.Context, archive io.Reader, _ *ocispec.Platform, p image.Progress) error {
	p(image.Event{Status: "Reading"})
	return e.fakeEngine.ImageLoad(ctx, archive, nil, p)
}

func TestLoadQuiet(t *testing.T) {
	f := newFake()
	f.loaded = []image.Event{{ID: "layer", Status: "Unpacking"}, {Status: "Loaded image: debian:12"}}
	r, err := startNode(t, f).stock(t, "").ImageLoad(t.Context(), strings.NewReader("x"), client.ImageLoadWithQuiet(true))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil || string(text) != `{"stream":"Loaded image: debian:12\n"}`+"\n" {
		t.Errorf("got %q, %v", text, err)
	}
}

func TestEvents(t *testing.T) {
	for _, tc := range []struct{ version, want string }{
		{"1.56", `{"Type":"container","Action":"start","Actor":{"ID":"a","Attributes":{"image":"debian"}},"scope":"local","time":5}`},
		{"1.45", `{"Type":"container","Action":"start","Actor":{"ID":"a","Attributes":{"image":"debian"}},"scope":"local","time":5,"status":"start","id":"a","from":"debian"}`},
	} {
		f := newFake()
		f.events = make(chan events.Message, 2)
		n := startNode(t, f)
		ctx, cancel := context.WithCancel(t.Context())
		got := n.stock(t, tc.version).Events(ctx, client.EventsListOptions{Since: "1700000000.5", Filters: make(client.Filters).Add("type", "container")})
		f.events <- events.Message{Type: "image", Action: "create"}
		f.events <- events.Message{Type: "container", Action: "start", Actor: events.Actor{ID: "a", Attributes: map[string]string{"image": "debian"}}, Scope: "local", Time: 5}
		if tc.version == "1.56" {
			within(t, "the first event", got.Messages)
		}
		m := within(t, "the event", got.Messages)
		if m.Action != "start" {
			t.Errorf("%s: got %+v", tc.version, m)
		}
		v, _ := parseVersion(tc.version)
		text, err := json.Marshal(eventFor(v, m))
		if err != nil || string(text) != tc.want {
			t.Errorf("%s: got %s, want %s", tc.version, text, tc.want)
		}
		r := f.last("Events").(engine.EventsRequest)
		if r.Since != time.Unix(1700000000, 5e8) || r.Filters["type"][0] != "container" {
			t.Errorf("request: %+v", r)
		}
		cancel()
	}
}

func TestStats(t *testing.T) {
	f := newFake()
	f.stats = make(chan container.StatsResponse, 2)
	f.stats <- container.StatsResponse{Name: "one"}
	f.stats <- container.StatsResponse{Name: "two"}
	c := startNode(t, f).stock(t, "")
	r, err := c.ContainerStats(t.Context(), "web", client.ContainerStatsOptions{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r.Body)
	if err != nil || strings.Count(string(text), "\n") != 1 {
		t.Errorf("one sample is wanted, got %q, %v", text, err)
	}
	if got := f.called(); !slices.Contains(got, "Stats web false true") {
		t.Errorf("calls: %q", got)
	}
	close(f.stats)
	if r, err = c.ContainerStats(t.Context(), "web", client.ContainerStatsOptions{Stream: true}); err != nil {
		t.Fatal(err)
	}
	if text, err = io.ReadAll(r.Body); err != nil || !strings.Contains(string(text), `"two"`) {
		t.Errorf("got %q, %v", text, err)
	}
}
