package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseSettings(t *testing.T) {
	for _, c := range []struct{ name, text, wrong string }{
		{"empty", "", ""},
		{"all keys", `
			runtime = "/usr/bin/crun"
			policy = "/etc/bailey/policy.toml"
			socket-group = "ops"
			also-listen = ["unix:///var/run/docker.sock", "/run/other.sock"]
			log-level = "debug"
			log-format = "json"
			registry-certificates = "/etc/bailey/certs.d"`, ""},
		{"unknown key", `runtme = "/usr/bin/crun"`, "not known"},
		{"unknown table", "[runtime]\npath = \"x\"", "not valid"},
		{"wrongly cased key", `Runtime = "/usr/bin/crun"`, "lower case"},
		{"duplicate key", "log-level = \"info\"\nlog-level = \"debug\"", "already"},
		{"wrong type", `runtime = 1`, "not valid"},
		{"not TOML", `runtime: /usr/bin/crun`, "not valid"},
		{"relative runtime", `runtime = "crun"`, "absolute"},
		{"relative policy", `policy = "policy.toml"`, "absolute"},
		{"group with a slash", `socket-group = "../x"`, "group's name"},
		{"level", `log-level = "loud"`, "debug, info, warn or error"},
		{"format", `log-format = "xml"`, "text or json"},
		{"TCP", `also-listen = ["tcp://0.0.0.0:2375"]`, "client certificates only"},
		{"TCP without a scheme", `also-listen = ["127.0.0.1:2375"]`, "client certificates only"},
		{"another scheme", `also-listen = ["vsock://2"]`, "only unix sockets"},
		{"relative socket", `also-listen = ["unix://run.sock"]`, "absolute"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseSettings([]byte(c.text))
			if c.wrong == "" && err != nil {
				t.Fatal(err)
			}
			if c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
				t.Errorf("error %v, want one about %q", err, c.wrong)
			}
		})
	}
}

func FuzzParseSettings(f *testing.F) {
	f.Add([]byte(`runtime = "/usr/bin/crun"`))
	f.Add([]byte("also-listen = [\"tcp://[::]:1\", \"unix:///a\"]\nlog-level = \"debug\""))
	f.Add([]byte("[a.b]\nc = {d = [1, 2]}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := ParseSettings(text)
		if err != nil {
			return
		}
		for _, address := range s.AlsoListen {
			path, err := socketPath(address)
			if err != nil || !filepath.IsAbs(path) {
				t.Errorf("%q was let in and is no socket: %q, %v", address, path, err)
			}
		}
		if s.Runtime != "" && !filepath.IsAbs(s.Runtime) {
			t.Errorf("runtime %q was let in", s.Runtime)
		}
		if _, err := s.Level(); err != nil {
			t.Error(err)
		}
	})
}

func TestLoadPlaces(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	one, err := Load(Flags{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	two, err := Load(Flags{Dir: link})
	if err != nil {
		t.Fatal(err)
	}
	if one.Dir != dir || one.RunDir != dir+"/run" || one.Socket != dir+"/bailey.sock" || one.PolicyFile != dir+"/policy.toml" {
		t.Errorf("places: %+v", one)
	}
	if len(one.Node) != 8 || two.Node != one.Node {
		t.Errorf("one directory makes the nodes %q and %q", one.Node, two.Node)
	}
	other, err := Load(Flags{Dir: dir + "/other"})
	if err != nil || other.Node == one.Node {
		t.Errorf("two directories make one node: %v", err)
	}
	standard, err := Load(Flags{})
	if err != nil {
		t.Fatal(err)
	}
	if named, err := Load(Flags{Dir: DefaultDir}); err != nil || named.Socket != DefaultSocket || named.RunDir != standard.RunDir || named.PolicyFile != standard.PolicyFile {
		t.Errorf("the machine's own node, named: %+v, not named: %+v, %v", named, standard, err)
	}
	for _, bad := range []string{"/", "/a:b", "/a,b", `/a\b`} {
		if _, err := Load(Flags{Dir: bad}); err == nil {
			t.Errorf("--dir %s was let in", bad)
		}
	}
}

func TestLoadFiles(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/config.toml", `policy = "/a/policy.toml"`, 0o644)
	c, err := Load(Flags{Dir: dir})
	if err != nil || c.PolicyFile != "/a/policy.toml" || !c.PolicyNamed {
		t.Errorf("the policy of the configuration: %+v, %v", c, err)
	}
	c, err = Load(Flags{Dir: dir, PolicyFile: "/b/policy.toml"})
	if err != nil || c.PolicyFile != "/b/policy.toml" {
		t.Errorf("the policy of the flag: %+v, %v", c, err)
	}
	if _, err := Load(Flags{Dir: dir, ConfigFile: dir + "/missing.toml"}); err == nil {
		t.Error("a missing file that was named is no error")
	}
	write(t, dir+"/open.toml", ``, 0o666)
	_, err = Load(Flags{Dir: dir, ConfigFile: dir + "/open.toml"})
	wants(t, err, "chmod go-w")
	_, err = Load(Flags{Dir: dir, ConfigFile: dir})
	wants(t, err, "not a regular file")
}

func TestReadTrusted(t *testing.T) {
	dir := t.TempDir()
	path := dir + "/foreign.toml"
	write(t, path, "x", 0o644)
	if err := os.Chown(path, 12345, 0); err != nil {
		t.Skip("only root can give a file away")
	}
	_, err := readTrusted(path)
	wants(t, err, "belongs to user 12345")
	write(t, dir+"/large.toml", strings.Repeat("#", maxFile+1), 0o644)
	_, err = readTrusted(dir + "/large.toml")
	wants(t, err, "larger than")
}

func TestLoadPolicy(t *testing.T) {
	dir := t.TempDir()
	c, err := Load(Flags{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := loadPolicy(c); err != nil {
		t.Errorf("without a policy file: %v", err)
	}
	c.PolicyNamed = true
	if _, err := loadPolicy(c); err == nil {
		t.Error("a policy file that was named is missing and nobody says so")
	}
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func wants(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("error %v, want one about %q", err, text)
	}
}
