package api

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bailey-run/bailey/internal/api/strict"
	"github.com/bailey-run/bailey/internal/engine"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/api/types/registry"
	"github.com/moby/moby/api/types/volume"
)

// TestBodiesOfStockClients: what stock clients send is accepted, and read as
// encoding/json reads it. The bodies of docker are recorded from the command
// lines of those versions; the others are written after the sources of docker-py
// 7, dockerode 4 and docker-java 3.
func TestBodiesOfStockClients(t *testing.T) {
	files, err := filepath.Glob("testdata/clients/*/*.json")
	if err != nil || len(files) < 20 {
		t.Fatalf("found %d bodies, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimPrefix(file, "testdata/clients/"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			switch kind, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".json"), "-every"); kind {
			case "create":
				agrees[createBody](t, text, legacyCreate)
			case "update":
				agrees[container.UpdateConfig](t, text, legacyUpdate)
			case "exec-create":
				agrees[execCreateBody](t, text, nil)
			case "exec-start":
				agrees[container.ExecStartRequest](t, text, legacyExecStart)
			case "network-create":
				agrees[network.CreateRequest](t, text, legacyNetwork)
			case "network-connect":
				agrees[network.ConnectRequest](t, text, nil)
			case "network-disconnect":
				agrees[network.DisconnectRequest](t, text, nil)
			case "volume-create":
				agrees[volume.CreateRequest](t, text, nil)
			case "auth":
				agrees[registry.AuthConfig](t, text, legacyAuth)
			default:
				t.Fatalf("nobody reads a %s", kind)
			}
		})
	}
}

func agrees[T any](t *testing.T, text []byte, legacy strict.Legacy) {
	t.Helper()
	got, err := strict.Decode[T](bytes.NewReader(text), strict.Options{Legacy: legacy})
	if err != nil {
		t.Fatal(err)
	}
	var want T
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v, want %+v", got, want)
	}
}

func decodeCreateOf(t *testing.T, v version, query, text string) (createRequest, error) {
	t.Helper()
	s, err := New(Options{Engine: newFake()})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPost, "/containers/create?"+query, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json; charset=UTF-8")
	return decodeCreate(&call{s: s, w: &reply{ResponseWriter: discard{}}, r: r, q: parseQuery(r.URL.RawQuery), version: v})
}

// TestMACAddress: the container's own address moves to its main network.
func TestMACAddress(t *testing.T) {
	const mac = `"MacAddress":"02:42:ac:11:00:02"`
	for _, tc := range []struct{ version, body, network, fails string }{
		{"1.41", `{"Image":"a",` + mac + `}`, "default", ""},
		{"1.43", `{"Image":"a",` + mac + `,"HostConfig":{"NetworkMode":"n"},"NetworkingConfig":{"EndpointsConfig":{"n":{"Aliases":["x"]}}}}`, "n", ""},
		{"1.44", `{"Image":"a",` + mac + `,"HostConfig":{"NetworkMode":"n"}}`, "n", ""},
		{"1.51", `{"Image":"a",` + mac + `,"HostConfig":{"NetworkMode":"n"},"NetworkingConfig":{"EndpointsConfig":{"n":{"MacAddress":"02:00:00:00:00:01"}}}}`, "", "must match"},
		{"1.52", `{"Image":"a",` + mac + `}`, "", "no longer supported"},
		{"1.41", `{"Image":"a",` + mac + `,"HostConfig":{"NetworkMode":"host"}}`, "", "conflicting"},
		{"1.41", `{"Image":"a",` + mac + `,"HostConfig":{"NetworkMode":"container:b"}}`, "", "conflicting"},
	} {
		v, _ := parseVersion(tc.version)
		r, err := decodeCreateOf(t, v, "", tc.body)
		if tc.fails != "" {
			if err == nil || !strings.Contains(err.Error(), tc.fails) {
				t.Errorf("%s %s: got %v", tc.version, tc.body, err)
			}
			continue
		}
		if err != nil || r.Networking.EndpointsConfig[tc.network].MacAddress.String() != "02:42:ac:11:00:02" || (v >= mkVersion(1, 44)) != (len(r.warnings) == 1) {
			t.Errorf("%s %s: got %+v, %v", tc.version, tc.body, r.Networking, err)
		}
	}
}

func TestUnsetLimits(t *testing.T) {
	r, err := decodeCreateOf(t, maxVersion, "name=/x&platform=linux/aarch64/v8", `{"Image":"a","HostConfig":{"PidsLimit":0,"MemorySwappiness":-1}}`)
	if err != nil || r.HostConfig.PidsLimit != nil || r.HostConfig.MemorySwappiness != nil {
		t.Errorf("what the command line sends for nothing is taken for something: %+v, %v", r.HostConfig, err)
	}
	if r.Name != "x" || r.Platform.Architecture != "arm64" || r.Platform.Variant != "v8" {
		t.Errorf("got %q %+v", r.Name, r.Platform)
	}
	if r, err = decodeCreateOf(t, maxVersion, "", `{"Image":"a","HostConfig":{"PidsLimit":-1,"MemorySwappiness":0}}`); err != nil || *r.HostConfig.PidsLimit != -1 || *r.HostConfig.MemorySwappiness != 0 {
		t.Errorf("what was asked for is lost: %+v, %v", r.HostConfig, err)
	}
}

// docker points a stock docker at a fake engine. What the engine is to answer
// is set before.
func docker(t *testing.T, f *fakeEngine) func(stdin io.Reader, args ...string) (string, int) {
	t.Helper()
	path, err := exec.LookPath("docker")
	if err != nil {
		t.Skip("no docker command line on this machine")
	}
	n := startNode(t, f)
	env := append(os.Environ(), "DOCKER_HOST=unix://"+n.path, "DOCKER_CONFIG="+t.TempDir(), "DOCKER_CLI_HINTS=false")
	return func(stdin io.Reader, args ...string) (string, int) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), path, args...)
		cmd.Env, cmd.Stdin, cmd.WaitDelay = env, stdin, 10*time.Second
		out, err := cmd.CombinedOutput()
		if err != nil && cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
}

func TestDockerVerbs(t *testing.T) {
	f := newFake()
	f.archive = "tar"
	run := docker(t, f)
	for _, tc := range []struct {
		args string
		want string
		code int
	}{
		{"version", "API version:      1.56 (minimum version 1.40)", 0},
		{"info", "Server Version: 1.2.3", 0},
		{"ps -a --no-trunc", "debian:12", 0},
		{"stop -t 1 web", "web", 0},
		{"rm -f web", "web", 0},
		{"inspect -f {{.State.ExitCode}}{{.NetworkSettings.IPAddress}} web", "710.90.0.2", 0},
		{"top web", "PID", 0},
		{"diff web", "A /a", 0},
		{"images", "bbbbbbbbbbbb", 0},
		{"network ls", "bridge", 0},
		{"volume ls -q", "data", 0},
		{"volume create data", "data", 0},
		{"system df", "Images", 0},
		{"update -m 64m web", "web", 0},
		{"rename web other", "", 0},
		{"exec -d web ls", "", 0},
		{"node ls", "This node is not a swarm manager", 1},
		{"plugin ls", "ID", 0},
		{"commit -c CMD=[\"a\"] -m why web x:1", "sha256:cccc", 0},
		{"search x", "searching a registry is not supported", 1},
		{"pull --platform linux/arm64 a/b:1", "", 0},
	} {
		if out, code := run(nil, strings.Fields(tc.args)...); code != tc.code || !strings.Contains(out, tc.want) {
			t.Errorf("docker %s: exit code %d, want %d\n%s", tc.args, code, tc.code, out)
		}
	}
}

func TestDockerLogs(t *testing.T) {
	f := newFake()
	f.logs = newLog(engine.LogLine{Stream: 1, Text: []byte("one\n")}, engine.LogLine{Stream: 2, Text: []byte("two\n")})
	close(f.logs.lines)
	if out, code := docker(t, f)(nil, "logs", "-f", "web"); code != 0 || out != "one\ntwo\n" {
		t.Errorf("docker logs: %d %q", code, out)
	}
}

func TestDockerRun(t *testing.T) {
	f := newFake()
	f.stream = newStream()
	f.stream.out <- frame{1, "hello\n"}
	close(f.stream.out)
	f.wait <- engine.WaitResult{ExitCode: 7}
	if out, code := docker(t, f)(nil, "run", "--name", "web", "debian", "echo", "hello"); code != 7 || out != "WARNING: careful\nhello\n" {
		t.Errorf("docker run: %d %q", code, out)
	}
}

func TestDockerExec(t *testing.T) {
	f := newFake()
	f.stream = newStream()
	f.exec = container.ExecInspectResponse{ExitCode: ptr(3), OpenStdin: true}
	go func() { // a container that repeats what it is told
		for {
			select {
			case p := <-f.stream.in:
				f.stream.out <- frame{1, strings.ToUpper(string(p))}
			case <-f.stream.inEnd:
				for len(f.stream.in) > 0 {
					f.stream.out <- frame{1, strings.ToUpper(string(<-f.stream.in))}
				}
				close(f.stream.out)
				return
			case <-f.stream.closed:
				return
			}
		}
	}()
	if out, code := docker(t, f)(strings.NewReader("typed"), "exec", "-i", "web", "cat"); code != 3 || out != "TYPED" {
		t.Errorf("docker exec: %d %q", code, out)
	}
}

func ptr[T any](v T) *T { return &v }
