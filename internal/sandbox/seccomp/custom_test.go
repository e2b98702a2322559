package seccomp

import (
	"strings"
	"testing"
)

const docker = `{
 "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1,
 "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]}],
 "syscalls": [
  {"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"},
  {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}},
  {"names": ["bpf"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_BPF"]}},
  {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}], "excludes": {"caps": ["CAP_SYS_ADMIN"], "arches": ["s390"]}}
 ]}`

func TestCustom(t *testing.T) {
	p, err := Custom([]byte(docker), "amd64", []string{"CAP_BPF"})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Architectures) != 1 {
		t.Errorf("architectures are %v: the others are a way past the filter", p.Architectures)
	}
	if decide(p, "bpf") != 0 || decide(p, "read") != 0 || decide(p, "clone", 17) != 0 || decide(p, "mount") == 0 {
		t.Errorf("rules are %+v", p.Syscalls)
	}
	p, err = Custom([]byte(docker), "amd64", []string{"CAP_SYS_ADMIN"})
	if err != nil {
		t.Fatal(err)
	}
	if decide(p, "bpf") == 0 || decide(p, "clone", 17) == 0 {
		t.Errorf("rules whose conditions do not hold apply: %+v", p.Syscalls)
	}
}

func TestCustomRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"not JSON":        `unconfined`,
		"unknown key":     `{"defaultAction": "SCMP_ACT_ERRNO", "defaultaction2": 1}`,
		"trailing":        `{"defaultAction": "SCMP_ACT_ERRNO"} {}`,
		"no action":       `{}`,
		"notify":          `{"defaultAction": "SCMP_ACT_NOTIFY"}`,
		"trace":           `{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_TRACE"}]}`,
		"listener":        `{"defaultAction": "SCMP_ACT_ERRNO", "listenerPath": "/run/x.sock"}`,
		"nameless":        `{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"action": "SCMP_ACT_ALLOW"}]}`,
		"seventh":         `{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 6, "op": "SCMP_CMP_EQ"}]}]}`,
		"operator":        `{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "op": "EQ"}]}]}`,
		"far too long":    `{"defaultAction": "SCMP_ACT_ERRNO"` + strings.Repeat(" ", MaxCustom) + `}`,
		"a bare true":     `true`,
		"nothing at all":  ``,
		"half of a value": `{"defaultAction": "SCMP_`,
	} {
		if _, err := Custom([]byte(text), "amd64", nil); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := Custom([]byte(docker), "mips", nil); err == nil {
		t.Error("a filter for an unknown architecture")
	}
}

func FuzzCustom(f *testing.F) {
	f.Add([]byte(docker))
	f.Add([]byte(`{"defaultAction": "SCMP_ACT_ALLOW"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := Custom(text, "amd64", nil)
		if err == nil && (len(p.Architectures) != 1 || p.ListenerPath != "") {
			t.Errorf("%q gives %+v", text, p)
		}
	})
}
