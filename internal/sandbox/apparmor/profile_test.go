package apparmor

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestProfile(t *testing.T) {
	rules := Rules{Masked: []string{"/proc/kcore", "/sys/firmware"}, ReadOnly: []string{"/proc/sys"}}
	name, text := Profile(rules)
	for _, want := range []string{
		"profile " + name + " flags=", "peer=" + name + ",", "deny mount,",
		`deny "/proc/kcore" rwklx,`, `deny "/sys/firmware/**" rwklx,`, `deny "/proc/sys/**" wkl,`, "deny /sys/** wkl,",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the profile lacks %q:\n%s", want, text)
		}
	}
	for _, not := range []string{self, "include", "network packet", "trace,"} {
		if strings.Contains(text, not) {
			t.Errorf("the profile has %q:\n%s", not, text)
		}
	}
	if again, _ := Profile(rules); again != name {
		t.Errorf("the name changes: %s, %s", name, again)
	}
	rules.Ptrace = true
	other, text := Profile(rules)
	if other == name || !strings.Contains(text, "tracedby") {
		t.Errorf("another text has the name %s", other)
	}
	if _, text = Profile(Rules{Mount: true, Packet: true, WritableCgroup: true}); strings.Contains(text, "deny mount") ||
		!strings.Contains(text, "  network,") || strings.Contains(text, "deny /sys/** ") {
		t.Errorf("relaxed rules are not in the profile:\n%s", text)
	}
}

func TestQuotedPathsStayPaths(t *testing.T) {
	_, text := Profile(Rules{Masked: []string{"/proc/x\" rw,\n  capability sys_admin,\n  deny \"/y"}})
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "capability sys_admin") {
			t.Errorf("a path became a rule:\n%s", text)
		}
	}
}

func TestParserAccepts(t *testing.T) {
	parser, err := exec.LookPath("apparmor_parser")
	if err != nil {
		t.Skip("apparmor_parser is not installed: the text is not checked by its parser")
	}
	for _, rules := range []Rules{
		{Masked: []string{"/proc/kcore", "/sys/devices/system/cpu/cpu*/thermal_throttle"}, ReadOnly: []string{"/proc/sys"}},
		{Mount: true, Ptrace: true, Packet: true, WritableCgroup: true},
		{Masked: []string{"/proc/[odd] {name}, with \"quotes\"\n"}},
	} {
		_, text := Profile(rules)
		cmd := exec.Command(parser, "--skip-cache", "--skip-read-cache", "--ofile", os.DevNull)
		cmd.Stdin = strings.NewReader(text)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %s\n%s", err, out, text)
		}
	}
}
