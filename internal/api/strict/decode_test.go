package strict

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
)

var testLegacy = Legacy{
	reflect.TypeFor[container.HostConfig](): {"KernelMemory": {Accept: Empty, Why: "the kernel has no such limit"}},
}

func decodeCreate(body string) (container.CreateRequest, error) {
	return Decode[container.CreateRequest](strings.NewReader(body), Options{Legacy: testLegacy})
}

func TestDecodeRefuses(t *testing.T) {
	deep := strings.Repeat(`[`, 40)
	for _, tc := range []struct{ name, body, path, reason string }{
		{"empty", ``, "", "empty"},
		{"blank", " \n", "", "empty"},
		{"not json", `privileged`, "", "not JSON"},
		{"byte order mark", "\ufeff{}", "", "not JSON"},
		{"trailing value", `{} {}`, "", "more after the end"},
		{"trailing brace", `{}}`, "", "more after the end"},
		{"no end", `{"Image":"a"`, "", "too early"},
		{"comma at the end", `{"Image":"a",}`, "", "comma"},
		{"comma at the end of an array", `{"Cmd":["a",]}`, "Cmd", "comma"},
		{"single quotes", `{'Image':'a'}`, "", "expected"},
		{"unknown key", `{"Imagine":"a"}`, "Imagine", "unknown"},
		{"lower case", `{"hostconfig":{"Privileged":true}}`, "hostconfig", `write it "HostConfig"`},
		{"lower case, nested", `{"HostConfig":{"privileged":true}}`, "HostConfig.privileged", `write it "Privileged"`},
		{"folded long s", `{"HostConfig":{"Tmpf` + "ſ" + `":{}}}`, `HostConfig["Tmpf\u017f"]`, `write it "Tmpfs"`},
		{"embedded struct", `{"HostConfig":{"memory":1}}`, "HostConfig.memory", `write it "Memory"`},
		{"embedded type's name", `{"Config":{"Image":"a"}}`, "Config", "unknown"},
		{"duplicate object", `{"HostConfig":{},"HostConfig":{"Privileged":true}}`, "HostConfig", "twice"},
		{"duplicate, escaped", `{"HostConfig":{"Privileged":false,"Pr\u0069vileged":true}}`, "HostConfig.Privileged", "twice"},
		{"duplicate map key", `{"Labels":{"a":"1","a":"2"}}`, "Labels.a", "twice"},
		{"duplicate port, other spelling", `{"ExposedPorts":{"80":{},"80/tcp":{}}}`, `ExposedPorts["80/tcp"]`, "twice"},
		{"duplicate port, other case", `{"HostConfig":{"PortBindings":{"80/tcp":[],"80/TCP":[]}}}`, `HostConfig.PortBindings["80/TCP"]`, "twice"},
		{"duplicate of a null", `{"HostConfig":null,"HostConfig":{}}`, "HostConfig", "twice"},
		{"invalid UTF-8", "{\"Image\":\"a\xff\"}", "Image", "UTF-8"},
		{"invalid UTF-8 in a key", "{\"\xc3\x28\":1}", "", "UTF-8"},
		{"invalid UTF-8 after an escape", "{\"Image\":\"\\n\xff\"}", "Image", "UTF-8"},
		{"half a surrogate pair", `{"Image":"\ud800"}`, "Image", "surrogate"},
		{"two high surrogates", `{"Image":"\ud800\ud800"}`, "Image", "surrogate"},
		{"NUL", `{"Image":"a\u0000b"}`, "Image", "NUL"},
		{"raw control character", "{\"Image\":\"a\x01\"}", "Image", "control"},
		{"unknown escape", `{"Image":"\x41"}`, "Image", "escape"},
		{"overflow", `{"HostConfig":{"Memory":9223372036854775808}}`, "HostConfig.Memory", "64 bits"},
		{"fraction", `{"HostConfig":{"Memory":1.5}}`, "HostConfig.Memory", "whole number"},
		{"exponent", `{"HostConfig":{"Memory":1e3}}`, "HostConfig.Memory", "whole number"},
		{"leading zero", `{"HostConfig":{"Memory":01}}`, "HostConfig", "expected"},
		{"negative unsigned", `{"HostConfig":{"BlkioWeight":-1}}`, "HostConfig.BlkioWeight", "0 or more"},
		{"16 bits", `{"HostConfig":{"BlkioWeight":65536}}`, "HostConfig.BlkioWeight", "16 bits"},
		{"string for a bool", `{"HostConfig":{"Privileged":"true"}}`, "HostConfig.Privileged", "true or false is expected"},
		{"number for a bool", `{"HostConfig":{"Privileged":1}}`, "HostConfig.Privileged", "true or false is expected"},
		{"string for a list", `{"Cmd":"ls"}`, "Cmd", "an array is expected"},
		{"object for a list", `{"Env":{}}`, "Env", "an array is expected"},
		{"path in a list", `{"HostConfig":{"Mounts":[{},{},{"Source":"a","target":"b"}]}}`, "HostConfig.Mounts[2].target", `write it "Target"`},
		{"array too short", `{"HostConfig":{"ConsoleSize":[1]}}`, "HostConfig.ConsoleSize", "exactly 2"},
		{"array too long", `{"HostConfig":{"ConsoleSize":[1,2,3]}}`, "HostConfig.ConsoleSize", "exactly 2"},
		{"bad address", `{"HostConfig":{"Dns":["evil\u001b[2J"]}}`, "HostConfig.Dns[0]", `\\x1b`},
		{"bad port", `{"ExposedPorts":{"70000":{}}}`, "ExposedPorts.70000", "not valid"},
		{"key in an empty struct", `{"Volumes":{"/a":{"x":1}}}`, `Volumes["/a"].x`, "unknown"},
		{"legacy key with a value", `{"HostConfig":{"KernelMemory":4096}}`, "HostConfig.KernelMemory", "no such limit"},
		{"legacy key elsewhere", `{"KernelMemory":0}`, "KernelMemory", "unknown"},
		{"wrong nesting", `{"Cmd":` + deep, "Cmd[0]", "a string is expected"},
		{"control characters in a key", "{\"\\u001b]0;x\\u0007\":1}", `["\x1b]0;x\a"]`, "unknown"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := decodeCreate(tc.body)
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v and %+v, want an *Error", err, got)
			}
			if e.Path != tc.path || !strings.Contains(e.Reason, tc.reason) {
				t.Errorf("got path %q reason %q,\nwant path %q reason with %q", e.Path, e.Reason, tc.path, tc.reason)
			}
			if !errdefs.IsInvalidArgument(err) {
				t.Error("the error is not an invalid argument")
			}
			if got.Config != nil || got.HostConfig != nil {
				t.Error("a refused body left a value behind")
			}
		})
	}
}

func TestDecodeAccepts(t *testing.T) {
	mem := int64(20)
	for _, tc := range []struct {
		name, body string
		want       container.CreateRequest
	}{
		{"null", "null", container.CreateRequest{}},
		{"empty object", "{}\n", container.CreateRequest{}},
		{"spaces", " {\t\"Image\" :\n\"a\" }\r\n", container.CreateRequest{Config: &container.Config{Image: "a"}}},
		{"escapes", `{"Image":"\u00e9\ud83d\ude00\"\\\/\b\f\n\r\t"}`, container.CreateRequest{Config: &container.Config{Image: "é😀\"\\/\b\f\n\r\t"}}},
		{"null fields", `{"Cmd":null,"HostConfig":null,"Healthcheck":null}`, container.CreateRequest{Config: &container.Config{}}},
		{"empty is not null", `{"HostConfig":{"MaskedPaths":[],"Binds":null}}`, container.CreateRequest{HostConfig: &container.HostConfig{MaskedPaths: []string{}}}},
		{"promoted fields", `{"HostConfig":{"Memory":7,"CpuShares":2,"MemorySwappiness":20}}`, container.CreateRequest{
			HostConfig: &container.HostConfig{Resources: container.Resources{Memory: 7, CPUShares: 2, MemorySwappiness: &mem}}}},
		{"legacy key, empty", `{"HostConfig":{"KernelMemory":0,"Privileged":true}}`, container.CreateRequest{HostConfig: &container.HostConfig{Privileged: true}}},
		{"ports", `{"ExposedPorts":{"80":{},"53/udp":{}}}`, container.CreateRequest{Config: &container.Config{
			ExposedPorts: network.PortSet{network.MustParsePort("80/tcp"): {}, network.MustParsePort("53/udp"): {}}}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := decodeCreate(tc.body)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, tc.want) {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestDecodeLimits(t *testing.T) {
	big := `{"Image":"` + strings.Repeat("a", 2000) + `"}`
	if _, err := Decode[container.CreateRequest](strings.NewReader(big), Options{MaxBytes: 1000}); !IsTooLarge(err) || !errdefs.IsInvalidArgument(err) {
		t.Errorf("2000 bytes with a limit of 1000: %v", err)
	}
	if _, err := Decode[container.CreateRequest](strings.NewReader(big), Options{MaxBytes: int64(len(big))}); err != nil {
		t.Errorf("exactly as large as allowed: %v", err)
	}
	huge := `{"Image":"a","HostConfig":{"Privileged":true}}` + strings.Repeat(" ", DefaultMaxBytes)
	if _, err := decodeCreate(huge); !IsTooLarge(err) {
		t.Errorf("white space over the limit: %v", err)
	}
	many := `{"Cmd":[` + strings.Repeat(`"",`, DefaultMaxValues) + `""]}`
	if _, err := decodeCreate(many); err == nil || !strings.Contains(err.Error(), "more than 100000 values") {
		t.Errorf("too many values: %v", err)
	}
	nested := strings.Repeat(`{"a":`, 33) + "1" + strings.Repeat("}", 33)
	if _, err := Decode[any](strings.NewReader(nested), Options{}); err == nil || !strings.Contains(err.Error(), "deeper than 32") {
		t.Errorf("too deep: %v", err)
	}
}

func TestDecodeReadError(t *testing.T) {
	want := errors.New("gone")
	if _, err := Decode[any](errReader{want}, Options{}); !errors.Is(err, want) {
		t.Errorf("got %v", err)
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

func TestEmptyAndBoolean(t *testing.T) {
	for _, v := range []any{nil, false, 0.0, "", []any{}, map[string]any{}} {
		if !Empty(v) {
			t.Errorf("%#v is not taken as empty", v)
		}
	}
	for _, v := range []any{true, 1.0, "0", []any{nil}, map[string]any{"a": nil}} {
		if Empty(v) {
			t.Errorf("%#v is taken as empty", v)
		}
	}
	if !Boolean(nil) || !Boolean(true) || Boolean("true") {
		t.Error("Boolean is wrong")
	}
}

func TestUnsupportedTypes(t *testing.T) {
	type Left struct{ X int }
	type Right struct{ X int }
	type clash struct {
		Left
		Right
	}
	type quoted struct {
		A int `json:",string"`
	}
	if _, err := Decode[clash](strings.NewReader("{}"), Options{}); err == nil {
		t.Error("two fields of one name were accepted")
	}
	if _, err := Decode[quoted](strings.NewReader("{}"), Options{}); err == nil {
		t.Error("the option string was accepted")
	}
	if _, err := Decode[map[int]string](strings.NewReader(`{"1":"a"}`), Options{}); err == nil {
		t.Error("a map with number keys was accepted")
	}
}

func BenchmarkDecode(b *testing.B) {
	body := `{"Hostname":"a","Env":["A=1","B=2"],"Cmd":["true"],"Image":"debian","HostConfig":{"Binds":null,"Memory":0,"NetworkMode":"default",` +
		`"PortBindings":{"80/tcp":[{"HostIp":"","HostPort":"8080"}]},"RestartPolicy":{"Name":"no","MaximumRetryCount":0}},"NetworkingConfig":{"EndpointsConfig":{}}}`
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeCreate(body); err != nil {
			b.Fatal(err)
		}
	}
}
