package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/bailey-run/bailey/internal/image/hostile"
)

// amd64 is the machine of the tests.
var amd64 = ocispec.Platform{OS: "linux", Architecture: "amd64"}

// class is the class of a refusal, "" for nil and "?" for other errors.
func class(err error) string {
	var refusal *hostile.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &refusal):
		return refusal.Class
	}
	return "?"
}

// with is a configuration whose "config" object is inner.
func with(inner string) string {
	return `{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]},"config":{` + inner + `}}`
}

func TestImageAcceptsRealConfigurations(t *testing.T) {
	id := digest.FromString("x")
	for name, text := range map[string]string{
		"docker": fmt.Sprintf(`{"architecture":"amd64","os":"linux","created":"2024-01-02T03:04:05.678Z","docker_version":"20.10.24","container_config":{"Cmd":null,"cmd":["x"]},
			"config":{"Hostname":"","AttachStdin":false,"User":"www-data:www-data","ExposedPorts":{"80/tcp":{},"53/udp":{},"8000-8010":{}},
			"Env":["PATH=/bin","EMPTY=","MULTI=a\nb","with.dot-dash=1"],"Entrypoint":["/e"],"Cmd":["sh","-c","echo \t x"],"Healthcheck":{"Test":["CMD-SHELL","true"],"Interval":30000000000,"Timeout":3000000000,"Retries":3},
			"Volumes":{"/var/lib/mysql":{},"/data/":{},"/etc/app":null},"WorkingDir":"/srv/app/","OnBuild":null,"Labels":{"maintainer":"A <a@b>\nline","Case":"1","case":"2","com.docker.compose.project":"p"},"StopSignal":"SIGQUIT"},
			"rootfs":{"type":"layers","diff_ids":["%s"]},"history":[{"created":"2024-01-02T03:04:05Z","created_by":"/bin/sh -c #(nop) ADD file:x in / "},{"created_by":"ENV a=b","empty_layer":true}]}`, id),
		"minimal": with(""),
		"scratch": with(`"User":"0:0","WorkingDir":"/","StopSignal":"9"`),
		"none":    with(`"Healthcheck":{"Test":["NONE"]},"User":"65535"`),
		"rtmin":   with(`"StopSignal":"SIGRTMIN+3","User":"_apt"`),
	} {
		if _, err := Image([]byte(text), amd64); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// absurd is the corpus of configurations; each key is the failure class and what is absurd.
func absurd() map[string]string {
	quote := func(s string) string { b, _ := json.Marshal(s); return string(b) }
	out := map[string]string{
		"json-duplicate-key":              `{"os":"linux","os":"windows"}`,
		"json-duplicate-key deep":         with(`"Labels":{"a":"1","a":"2"}`),
		"json-duplicate-key unknown":      `{"x":{"y":1,"y":2}}`,
		"json-key-case":                   `{"OS":"linux"}`,
		"json-key-case deep":              with(`"user":"root"`),
		"json-key-case fold":              with(`"uſer":"root"`),
		"json-trailing":                   with("") + `{}`,
		"json-malformed":                  `{"os":`,
		"json-malformed empty":            ``,
		"json-malformed comma":            `{"os":"linux",}`,
		"json-type":                       `[]`,
		"json-type array":                 with(`"Env":"PATH=/bin"`),
		"json-not-utf8":                   "{\"os\":\"\xff\"}",
		"json-too-deep":                   strings.Repeat(`{"a":`, 60) + "1" + strings.Repeat("}", 60),
		"json-too-deep list":              with(`"x":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000)),
		"config-platform none":            `{"rootfs":{"type":"layers","diff_ids":[]}}`,
		"config-platform other":           strings.Replace(with(""), "amd64", "arm64", 1),
		"config-platform 386":             strings.Replace(with(""), "amd64", "386", 1),
		"config-platform os":              strings.Replace(with(""), "linux", "windows", 1),
		"config-rootfs type":              strings.Replace(with(""), "layers", "overlay", 1),
		"config-rootfs digest":            strings.Replace(with(""), "[]", `["sha256:../../../etc"]`, 1),
		"config-rootfs sha512":            strings.Replace(with(""), "[]", `["sha512:`+strings.Repeat("0", 128)+`"]`, 1),
		"config-history more than layers": strings.TrimSuffix(with(""), "}") + `,"history":[{}]}`,
		"config-history long":             strings.TrimSuffix(with(""), "}") + `,"history":[{}` + strings.Repeat(`,{"empty_layer":true}`, maxHistory) + `]}`,
		"config-control-character hist":   strings.TrimSuffix(with(""), "}") + `,"history":[{"empty_layer":true,"created_by":"\u001b[2J"}]}`,
		"config-control-character author": strings.TrimSuffix(with(""), "}") + `,"author":"\u009b31m"}`,
		"config-healthcheck fast":         with(`"Healthcheck":{"Test":["CMD","x"],"Interval":1000000}`),
		"config-healthcheck negative":     with(`"Healthcheck":{"Test":["CMD","x"],"Timeout":-1}`),
		"config-healthcheck start":        with(`"Healthcheck":{"StartInterval":1}`),
		"config-healthcheck test":         with(`"Healthcheck":{"Test":["RUN","x"]}`),
		"config-healthcheck empty":        with(`"Healthcheck":{"Test":["CMD"]}`),
		"config-healthcheck retries":      with(`"Healthcheck":{"Retries":-1}`),
		"config-healthcheck long":         with(`"Healthcheck":{"StartPeriod":9223372036854775807}`),
		"config-nul cmd":                  with(`"Cmd":["a\u0000b"]`),
		"config-nul env":                  with(`"Env":["A=\u0000"]`),
		"config-too-long cmd":             with(`"Cmd":[` + quote(strings.Repeat("x", maxString+1)) + `]`),
		"config-too-long many":            with(`"Cmd":[""` + strings.Repeat(`,""`, maxItems) + `]`),
		"config-labels empty":             with(`"Labels":{"":"x"}`),
		"config-labels escape":            with(`"Labels":{"a\u001b[31m":"x"}`),
		"config-labels long key":          with(`"Labels":{` + quote(strings.Repeat("k", maxLabelKey+1)) + `:""}`),
		"config-labels total":             with(`"Labels":{"a":` + quote(strings.Repeat("v", maxTotal+1)) + `}`),
		"config-too-long label":           with(`"Labels":{"a":` + quote(strings.Repeat("v", maxLabelValue+1)) + `}`),
		"config-control-character label":  with(`"Labels":{"a":"\u001b]0;owned\u0007"}`),
		"config-labels logger":            with(`"Labels":{"containerd.io/logger":"binary:///bin/sh"}`),
		"config-labels ours":              with(`"Labels":{"Bailey.posture":"x"}`),
		"config-volumes many":             with(`"Volumes":{"/a0":{}` + many(`,"/a%d":{}`, maxVolumes) + `}`),
	}
	for kind, values := range map[string][]string{
		"User":       {"4294967295", "4294967296", "65536", "-1", "+0", "0x0", "00", "1000abc", "root:4294967295", ":", ":0", "a b", "root\n", "../etc", "ü", "1e3", "99999999999999999999", strings.Repeat("a", 100)},
		"WorkingDir": {"relative", "/proc/self/fd/7", "/proc", "/./proc/1/cwd", "//proc/1", "/sys/fs", "/dev/fd/3", "/a/../proc", "/..", "/a\n", "/a\x00", "/" + strings.Repeat("a/", 2048)},
		"StopSignal": {"0", "-1", "65", "SIGNOPE", "999999999999999999999", "KILL;rm", " "},
		"Env[]":      {"NOEQUALS", "=x", "A B=x", "A\nB=x", "A\x1b=x", "\t=x"},
		"Volumes{}":  {"/", "/proc", "/proc/sys", "..", "/../../../etc", "/etc", "/etc/", "//etc//", "/usr", "relative", "", "/sys/fs/cgroup", "/dev/shm", "/a\x1b", "."},
		"Exposed{}":  {"0/tcp", "65536/tcp", "80/http", "http", "-1", "90-80/tcp", "080/tcp", "+80", "80/tcp/udp", "", "/tcp", "80/", "1-", "80 /tcp", "80/TCP"},
	} {
		key, form, cls := kind, `"%s":%s`, map[string]string{"User": "config-user", "WorkingDir": "config-working-dir", "StopSignal": "config-stop-signal", "Env[]": "config-env", "Volumes{}": "config-volumes", "Exposed{}": "config-ports"}[kind]
		switch kind {
		case "Env[]":
			key, form = "Env", `"%s":[%s]`
		case "Volumes{}":
			key, form = "Volumes", `"%s":{%s:{}}`
		case "Exposed{}":
			key, form = "ExposedPorts", `"%s":{%s:{}}`
		}
		for _, v := range values {
			out[cls+" "+fmt.Sprintf("%.40q", v)] = with(fmt.Sprintf(form, key, quote(v)))
		}
	}
	return out
}

// many repeats a format with 1 to n.
func many(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i+1)
	}
	return b.String()
}

func TestImageRefusesAbsurdConfigurations(t *testing.T) {
	for name, text := range absurd() {
		_, err := Image([]byte(text), amd64)
		want, _, _ := strings.Cut(name, " ")
		if got := class(err); got != want {
			t.Errorf("%s: got class %q (%v)", name, got, err)
		}
	}
}

// TestLongKeysCostNothing decodes a document that would take a terabyte when every path were written out.
func TestLongKeysCostNothing(t *testing.T) {
	text := `{"` + strings.Repeat("k", 1<<20) + `":{` + strings.TrimPrefix(many(`,"%d":1`, 200_000), ",") + `}}`
	var v struct{}
	if err := Decode("config", []byte(text), &v); err != nil {
		t.Fatal(err)
	}
}

func FuzzImage(f *testing.F) {
	for _, text := range absurd() {
		if len(text) < 4096 {
			f.Add([]byte(text))
		}
	}
	f.Add([]byte(with(`"User":"a:b","Env":["A=b"]`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		img, err := Image(data, amd64)
		if err != nil {
			if c := class(err); c == "?" {
				t.Errorf("%v is no refusal", err)
			}
			return
		}
		again, err := json.Marshal(img)
		if err != nil {
			t.Fatalf("what was accepted cannot be written: %v", err)
		}
		if _, err := Image(again, amd64); err != nil {
			t.Errorf("what was accepted is refused the second time: %v\n%s", err, again)
		}
	})
}
