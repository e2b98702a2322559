package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/bailey-run/bailey/internal/cli/daemon"
	"github.com/bailey-run/bailey/internal/sandbox"
)

// example is a line of configuration that is switched off: no blank follows the sign.
var example = regexp.MustCompile(`(?m)^#([^ \n])`)

// read returns a default file as it is, and with its examples switched on.
func read(t *testing.T, name string) (off, on []byte) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../packaging", name))
	if err != nil {
		t.Fatal(err)
	}
	on = example.ReplaceAll(text, []byte("$1"))
	if string(on) == string(text) {
		t.Fatalf("%s shows no example", name)
	}
	return text, on
}

// TestDefaultConfig: the file changes nothing, and every example in it is accepted.
func TestDefaultConfig(t *testing.T) {
	off, on := read(t, "config.toml")
	settings, err := daemon.ParseSettings(off)
	if err != nil {
		t.Fatal(err)
	}
	if settings.Runtime != "" || settings.SocketGroup != "" || len(settings.AlsoListen) > 0 {
		t.Errorf("the default configuration changes something: %+v", settings)
	}
	if settings, err = daemon.ParseSettings(on); err != nil {
		t.Errorf("with the examples switched on: %v", err)
	}
	if settings.SocketGroup != daemon.DefaultGroup {
		t.Errorf("the file shows %q as the default group; it is %q", settings.SocketGroup, daemon.DefaultGroup)
	}
}

// TestDefaultPolicy: the file allows nothing, and every example in it is accepted.
func TestDefaultPolicy(t *testing.T) {
	off, on := read(t, "policy.toml")
	policy, err := sandbox.ParsePolicy("policy.toml", off)
	if err != nil {
		t.Fatal(err)
	}
	if len(policy.Allow)+len(policy.HostMounts) > 0 {
		t.Errorf("the default policy allows something: %+v", policy)
	}
	if policy, err = sandbox.ParsePolicy("policy.toml", on); err != nil {
		t.Errorf("with the examples switched on: %v", err)
	}
	if len(policy.Allow) == 0 || len(policy.HostMounts) == 0 {
		t.Error("the examples show only one kind of entry")
	}
}

// TestUnits has systemd look at the units where it is installed.
func TestUnits(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed here")
	}
	dir := t.TempDir()
	service, err := os.ReadFile("../../packaging/bailey.service.in")
	if err != nil {
		t.Fatal(err)
	}
	socket, err := os.ReadFile("../../packaging/bailey.socket")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"bailey.service": strings.ReplaceAll(string(service), "@BINDIR@/bailey", "/bin/true"),
		"bailey.socket":  string(socket),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", filepath.Join(dir, "bailey.service"), filepath.Join(dir, "bailey.socket")).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		// It also speaks of units that this machine has or lacks.
		if strings.Contains(line, dir) || strings.HasPrefix(line, "bailey.") {
			t.Errorf("systemd-analyze verify: %s", line)
		}
	}
	if err != nil && len(out) == 0 {
		t.Error(err)
	}
}
