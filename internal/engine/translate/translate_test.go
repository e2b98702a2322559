package translate

import (
	"reflect"
	"slices"
	"testing"

	"github.com/bailey-run/bailey/internal/sandbox"
	"github.com/containerd/errdefs"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func imageWith(c ocispec.ImageConfig) dockerspec.DockerOCIImageConfig {
	return dockerspec.DockerOCIImageConfig{ImageConfig: c}
}

func TestMergeCommands(t *testing.T) {
	img := imageWith(ocispec.ImageConfig{Entrypoint: []string{"/entry"}, Cmd: []string{"serve"}})
	cases := map[string]struct {
		cfg  container.Config
		want []string
	}{
		"nothing asked": {container.Config{}, []string{"/entry", "serve"}},
		"a command":     {container.Config{Cmd: []string{"x"}}, []string{"/entry", "x"}},
		"an entry point drops the image's command": {container.Config{Entrypoint: []string{"/other"}}, []string{"/other"}},
		"both":                  {container.Config{Entrypoint: []string{"/other"}, Cmd: []string{"x"}}, []string{"/other", "x"}},
		"a cleared entry point": {container.Config{Entrypoint: []string{""}, Cmd: []string{"x"}}, []string{"x"}},
	}
	for name, c := range cases {
		got, err := Merge(&c.cfg, img)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if args := slices.Concat(got.Entrypoint, got.Cmd); !slices.Equal(args, c.want) {
			t.Errorf("%s: got %v, want %v", name, args, c.want)
		}
	}
	if _, err := Merge(&container.Config{}, imageWith(ocispec.ImageConfig{})); !errdefs.IsInvalidArgument(err) {
		t.Errorf("no command at all: %v", err)
	}
}

func TestMergeLeavesTheRequestAlone(t *testing.T) {
	cfg := container.Config{Env: []string{"A=1"}, Labels: map[string]string{"a": "1"}, Cmd: []string{"x"}}
	img := imageWith(ocispec.ImageConfig{Env: []string{"A=0", "B=2", "C=3"}, Labels: map[string]string{"a": "0", "b": "2"}, User: "app", WorkingDir: "/srv", ExposedPorts: map[string]struct{}{"80/tcp": {}}})
	cfg.Env = append(cfg.Env, "C")
	got, err := Merge(&cfg, img)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"A=1", "B=2"}; !slices.Equal(got.Env, want) {
		t.Errorf("environment %v, want %v", got.Env, want)
	}
	if got.Labels["a"] != "1" || got.Labels["b"] != "2" || got.User != "app" || got.WorkingDir != "/srv" || len(got.ExposedPorts) != 1 {
		t.Errorf("got %+v", got)
	}
	if len(cfg.Labels) != 1 || img.Labels["a"] != "0" || cfg.User != "" {
		t.Error("merging changed its inputs")
	}
}

func TestMounts(t *testing.T) {
	c := &container.Config{Volumes: map[string]struct{}{"/var/lib/db": {}, "/srv": {}}}
	h := &container.HostConfig{
		Binds:  []string{"data:/srv:ro,nocopy", "/host/dir:/mnt/host:exec", "/anon"},
		Mounts: []mount.Mount{{Type: mount.TypeTmpfs, Target: "/scratch", TmpfsOptions: &mount.TmpfsOptions{SizeBytes: 1 << 20, Mode: 0o700}}},
		Tmpfs:  map[string]string{"/run/x": "size=64k,mode=755,noexec"},
	}
	got, err := Mounts(c, h)
	if err != nil {
		t.Fatal(err)
	}
	byTarget := make(map[string]MountWish)
	var order []string
	for _, w := range got {
		byTarget[w.Target] = w
		order = append(order, w.Target)
	}
	if !slices.IsSorted(order) || len(got) != 6 {
		t.Errorf("targets %v", order)
	}
	if w := byTarget["/srv"]; w.Type != sandbox.MountVolume || w.Source != "data" || !w.ReadOnly || !w.NoCopy {
		t.Errorf("named volume: %+v", w)
	}
	if w := byTarget["/mnt/host"]; w.Type != sandbox.MountBind || !reflect.DeepEqual(w.Options, []string{"exec"}) {
		t.Errorf("bind: %+v", w)
	}
	if w := byTarget["/var/lib/db"]; w.Type != sandbox.MountVolume || w.Source != "" {
		t.Errorf("declared volume: %+v", w)
	}
	if w := byTarget["/run/x"]; w.SizeBytes != 64<<10 || w.Mount.Mode != 0o755 || !slices.Equal(w.Options, []string{"noexec"}) {
		t.Errorf("tmpfs: %+v", w)
	}
	if w := byTarget["/scratch"]; w.SizeBytes != 1<<20 || w.Mount.Mode != 0o700 {
		t.Errorf("tmpfs mount: %+v", w)
	}
}

func TestMountsRefuse(t *testing.T) {
	cases := map[string]container.HostConfig{
		"relative target": {Binds: []string{"data:srv"}},
		"too many parts":  {Binds: []string{"a:/b:ro:x"}},
		"twice":           {Binds: []string{"a:/b", "c:/b"}},
		"relative source": {Mounts: []mount.Mount{{Type: mount.TypeBind, Source: "x", Target: "/x"}}},
		"unknown type":    {Mounts: []mount.Mount{{Type: "npipe", Target: "/x"}}},
		"tmpfs size":      {Tmpfs: map[string]string{"/x": "size=lots"}},
	}
	for name, h := range cases {
		if got, err := Mounts(&container.Config{}, &h); !errdefs.IsInvalidArgument(err) {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
}

func FuzzBind(f *testing.F) {
	for _, s := range []string{"a:/b", "/a:/b:ro", ":::", "/x", "a:/b:z,ro,exec", "/../..:/../../x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		w, err := bind(s)
		if err != nil {
			return
		}
		if w.Target == "" || w.Target[0] != '/' || w.Type == sandbox.MountBind && w.Source[0] != '/' {
			t.Errorf("%q became %+v", s, w)
		}
	})
}

func TestRequest(t *testing.T) {
	port := network.MustParsePort("80/tcp")
	h := &container.HostConfig{
		PortBindings: network.PortMap{port: {{HostPort: "8080"}}},
		LogConfig:    container.LogConfig{Config: map[string]string{"max-size": "1m", "max-file": "2"}},
		Annotations:  map[string]string{SecretAnnotation: "a, b"},
		NetworkMode:  "app",
	}
	n := &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{"app": {}, "db": {}}}
	id := "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	r, err := Request(Input{ID: id, Config: &container.Config{Cmd: []string{"x"}}, Host: h, Networking: n})
	if err != nil {
		t.Fatal(err)
	}
	if r.Network != "app" || !slices.Equal(r.Networks, []string{"db"}) || r.Hostname != "" {
		t.Errorf("network %s %v, host name %s", r.Network, r.Networks, r.Hostname)
	}
	if len(r.Ports) != 1 || r.Ports[0].HostPort != 8080 || r.Ports[0].HostIP.IsValid() {
		t.Errorf("ports %v", r.Ports)
	}
	if r.Log.MaxSizeBytes != 1<<20 || r.Log.MaxFiles != 2 {
		t.Errorf("log %+v", r.Log)
	}
	if !slices.Equal(r.Secrets, []string{"a", "b"}) || len(r.Annotations) != 0 {
		t.Errorf("secrets %v, annotations %v", r.Secrets, r.Annotations)
	}
}

func TestRequestRefuses(t *testing.T) {
	id := "0123456789abcdef"
	cases := map[string]container.HostConfig{
		"links":       {Links: []string{"a"}},
		"log driver":  {LogConfig: container.LogConfig{Type: "syslog"}},
		"log option":  {LogConfig: container.LogConfig{Config: map[string]string{"mode": "blocking"}}},
		"rm, restart": {AutoRemove: true, RestartPolicy: container.RestartPolicy{Name: "always"}},
		"policy":      {RestartPolicy: container.RestartPolicy{Name: "sometimes"}},
		"host port":   {PortBindings: network.PortMap{network.MustParsePort("80/tcp"): {{HostPort: "70000"}}}},
	}
	for name, h := range cases {
		if _, err := Request(Input{ID: id, Config: &container.Config{}, Host: &h}); err == nil {
			t.Errorf("%s was let through", name)
		}
	}
}
