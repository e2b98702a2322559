package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// testHost is a host of 8 GiB and 4 CPUs with everything.
func testHost() HostFacts {
	return HostFacts{
		Memory: 8 * gib, CPUs: 4, Architecture: "amd64", Kernel: "6.18.0", CgroupV2: true, SwapAccounting: true,
		KnownControllers: []string{"cpu", "cpuset", "io", "memory", "pids"},
		AppArmor:         true, TimeNS: true, NofileHard: 1 << 20, NoSwapTmpfs: true, MemfdNoexec: true, IdmapOverlay: true,
		Disk:     DiskFacts{Bytes: 400 * gib, Inodes: 25 << 20, Hard: true},
		OwnPaths: []string{"/srv/bailey"},
	}
}

// testPolicy allows the relaxations that the golden files show.
func testPolicy(t testing.TB) Policy {
	t.Helper()
	p, err := ParsePolicy("/etc/bailey/policy.toml", []byte(`
		[[allow]]
		rule = "writable-root"
		callers = ["alice"]
		reason = "the old shop writes beside its code"

		[[allow]]
		rule = "cap-add"
		values = ["NET_ADMIN", "SYS_PTRACE"]
		callers = ["group:ops"]
		reason = "operators debug"

		[[allow]]
		rule = "device"
		values = ["/dev/ttyUSB*"]
		callers = ["*"]
		reason = "meters"

		[[allow]]
		rule = "mount-option"
		values = ["exec"]
		callers = ["alice"]
		reason = "plug-ins"

		[[host-mount]]
		path = "/srv/data"
		readonly = true
		callers = ["alice"]
		reason = "the catalogue"

		[[host-mount]]
		path = "/srv/data/upload"
		callers = ["alice"]
		reason = "uploads"
	`))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var alice = Caller{UID: 1000, GID: 1000, User: "alice", Groups: []string{"users", "ops"}}

func testBinding() Binding {
	return Binding{
		IDBase: 0x70000000, UserNSPath: "/run/bailey/x/ns/user", NetNSPath: "/run/bailey/x/ns/net", RootfsPath: "/run/bailey/x/rootfs",
		CgroupPath: "/bailey-0a1b2c3d/0123456789ab", InitPath: "/var/lib/bailey/bin/bailey-init",
		MemfdHook: []string{"/var/lib/bailey/bin/bailey-supervisor", "memfd-noexec"}, SecretsPath: "/run/bailey/x/secrets", MapMounts: true,
		MountSources: map[string]string{"/data": "/var/lib/bailey/volumes/data/_data", "/catalogue": "/srv/data", "/plugins": "/var/lib/bailey/volumes/plugins/_data"},
	}
}

func request(change func(*Request)) Request {
	r := Request{
		ID: strings.Repeat("0123456789abcdef", 4), Args: []string{"/usr/sbin/server", "--port", "80"},
		Env: []string{"LANG=C.UTF-8"}, WorkingDir: "/srv",
	}
	if change != nil {
		change(&r)
	}
	return r
}

// goldenRequests are representative requests by the name of their file.
var goldenRequests = map[string]Request{
	"default-root":  request(nil),
	"non-root":      request(func(r *Request) { r.Identity = Identity{UID: 1000, GID: 1000, Groups: []uint32{27}} }),
	"writable-root": request(func(r *Request) { r.SecurityOpt = []string{"rootfs=writable"} }),
	"cap-add": request(func(r *Request) {
		r.CapDrop, r.CapAdd = []string{"ALL"}, []string{"net_admin", "CAP_SYS_PTRACE", "CHOWN"}
	}),
	"mounts": request(func(r *Request) {
		r.Mounts = []Mount{
			{Type: MountVolume, Source: "data", Target: "/data"},
			{Type: MountVolume, Source: "plugins", Target: "/plugins", Options: []string{"exec"}},
			{Type: MountBind, Source: "/srv/data", Target: "/catalogue", ReadOnly: true},
			{Type: MountTmpfs, Target: "/tmp", SizeBytes: 256 * mib, Mode: 0o700},
			{Type: MountTmpfs, Target: "/var/cache/nginx"},
		}
		r.Devices = []Device{{HostPath: "/dev/ttyUSB0", Kind: "c", Major: 188, Minor: 0, Permissions: "rw"}}
		r.CopyUp = []string{"/run"}
	}),
	"limits": request(func(r *Request) {
		r.Resources = Resources{
			Memory: 512 * mib, MemoryReservation: 256 * mib, NanoCPUs: 1_500_000_000, CPUShares: 512, PidsLimit: 100,
			CpusetCpus: "0-1", ShmSize: 128 * mib, BlkioWeight: 300,
			BlkioThrottles: []Throttle{{Kind: ThrottleWriteBps, Major: 8, Minor: 0, Rate: 10 * mib}},
		}
		r.Ulimits = []Ulimit{{Name: "nofile", Soft: 256, Hard: 512}, {Name: "nproc", Soft: 50, Hard: 50}}
		r.Log, r.OomScoreAdj = LogLimits{MaxSizeBytes: mib, MaxFiles: 2}, 500
	}),
	"tty": request(func(r *Request) { r.Terminal, r.Init, r.Hostname, r.Args = true, true, "box", []string{"sh"} }),
	"secrets": request(func(r *Request) {
		r.Secrets = []string{"db-password", "tls.key"}
		r.Ports = []Port{{ContainerPort: 80}, {HostIP: netip.MustParseAddr("0.0.0.0"), HostPort: 443, ContainerPort: 443, Proto: "TCP"}}
		r.Network, r.Networks = "shop", []string{"backend"}
	}),
}

func golden(t *testing.T, name string, value any) {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(value); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name+".golden.json")
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (go test -update writes it)", err)
	}
	if !bytes.Equal(want, b.Bytes()) {
		t.Errorf("%s differs; look at it with go test -update && git diff", path)
	}
}

func TestGolden(t *testing.T) {
	for name, r := range goldenRequests {
		t.Run(name, func(t *testing.T) {
			p, err := Compute(r, testPolicy(t), alice, testHost())
			if err != nil {
				t.Fatal(err)
			}
			spec, err := Spec(p, testBinding())
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".spec", spec)
			golden(t, name+".controls", p.Controls())
			roundTrip(t, p)
		})
	}
}

// roundTrip checks that a stored posture is the same posture.
func roundTrip(t *testing.T, p Posture) {
	t.Helper()
	stored, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var back Posture
	if err := json.Unmarshal(stored, &back); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(back)
	if err != nil || !bytes.Equal(stored, again) {
		t.Errorf("a stored posture changes (%v):\n%s\n%s", err, stored, again)
	}
	one, err1 := Spec(p, testBinding())
	two, err2 := Spec(back, testBinding())
	a, _ := json.Marshal(one)
	b, _ := json.Marshal(two)
	if err1 != nil || err2 != nil || !bytes.Equal(a, b) {
		t.Errorf("a stored posture gives another spec (%v, %v)", err1, err2)
	}
}

func TestGoldenRefused(t *testing.T) {
	_, err := Compute(request(func(r *Request) {
		r.Privileged = true
		r.Namespaces = map[string]string{"pid": "host"}
		r.Mounts = []Mount{{Type: MountBind, Source: "/var/run/docker.sock", Target: "/var/run/docker.sock"}}
	}), testPolicy(t), alice, testHost())
	var texts []string
	for _, r := range Refusals(err) {
		texts = append(texts, r.Error())
	}
	golden(t, "refused.errors", map[string]any{"refusals": Refusals(err), "texts": texts})
	var one *RefusalError
	if !errors.As(err, &one) {
		t.Errorf("errors.As does not find the refusal in %v", err)
	}
}
