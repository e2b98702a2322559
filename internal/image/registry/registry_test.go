package registry

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCredentialDoesNotPrint(t *testing.T) {
	c := Credential{username: "user", password: "hunter2", identityToken: "t0ken", registryToken: "b3arer"}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "cred", c, "ptr", &c, "in", struct{ C Credential }{c})
	encoded, err := json.Marshal(map[string]any{"c": c, "p": &c})
	if err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprintf("%v %+v %#v %s %q %x %d %v %#v", c, c, c, c, c, c, c, &c, struct{ C Credential }{c}) + log.String() + string(encoded)
	for _, secret := range []string{"hunter2", "t0ken", "b3arer", "user", fmt.Sprintf("%x", "hunter2")} {
		if strings.Contains(all, secret) {
			t.Errorf("%q shows in %s", secret, all)
		}
	}
}

func TestParseAuth(t *testing.T) {
	enc := func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) }
	for header, want := range map[string]Credential{
		"":        {},
		enc(`{}`): {},
		enc(`{"username":"u","password":"p?>","serveraddress":"https://index.docker.io/v1/"}`): {username: "u", password: "p?>"},
		strings.TrimRight(enc(`{"username":"u","password":"p1"}`), "="):                        {username: "u", password: "p1"},
		enc(`{"auth":"` + base64.StdEncoding.EncodeToString([]byte("u:p:q")) + `"}`):           {username: "u", password: "p:q"},
		enc(`{"identitytoken":"i"}`): {identityToken: "i"},
		enc(`{"registrytoken":"r"}`): {registryToken: "r"},
		enc(`{"username":"","password":"","auth":"","email":"","serveraddress":"","identitytoken":"","other":[1]}`): {},
	} {
		if got, err := ParseAuth(header); err != nil || got != want {
			t.Errorf("%s: %#v %v", header, got == want, err)
		}
	}
	for _, header := range []string{"%%%", enc(`{"password":`), enc(`[]`), enc(`{"auth":"%%"}`), enc(`{"auth":"` + base64.StdEncoding.EncodeToString([]byte("secretwithoutcolon")) + `"}`), strings.Repeat("A", maxAuthHeader+1)} {
		_, err := ParseAuth(header)
		if err == nil || strings.Contains(err.Error(), "secretwithoutcolon") {
			t.Errorf("%.20s: %v", header, err)
		}
	}
}

func FuzzParseAuth(f *testing.F) {
	f.Add(base64.URLEncoding.EncodeToString([]byte(`{"auth":"dTpw","username":"x"}`)))
	f.Fuzz(func(t *testing.T, header string) {
		if c, err := ParseAuth(header); err != nil && !c.Anonymous() {
			t.Error("an error came with a credential")
		}
	})
}

func TestRelated(t *testing.T) {
	for pair, want := range map[[2]string]bool{
		{"auth.docker.io", "registry-1.docker.io"}:          true,
		{"ghcr.io", "ghcr.io"}:                              true,
		{"gitlab.example.org", "registry.example.org:5050"}: true,
		{"GitLab.Example.ORG", "registry.example.org"}:      true,
		{"127.0.0.1:5001", "localhost:5000"}:                true,
		{"evil.org", "registry.example.org"}:                false,
		{"example.org.evil.org", "example.org"}:             false,
		{"evilexample.org", "example.org"}:                  false,
		{"a.co.uk", "b.co.uk"}:                              false,
		{"a.github.io", "b.github.io"}:                      false,
		{"10.0.0.1", "10.0.0.2"}:                            false,
		{"10.0.0.1:1", "10.0.0.1:2"}:                        true,
		{"127.0.0.1", "registry.example.org"}:               false,
		{"auth", "registry"}:                                false,
		{"", "registry.example.org"}:                        false,
	} {
		if got := related(pair[0], pair[1]); got != want {
			t.Errorf("%v: %v", pair, got)
		}
	}
}

func TestCheckAddress(t *testing.T) {
	for address, want := range map[string][2]bool{ // allowed for a stranger's name, for the registry's own
		"93.184.216.34:443":           {true, true},
		"10.1.2.3:443":                {true, true},
		"127.0.0.1:443":               {false, true},
		"[::1]:443":                   {false, true},
		"[::ffff:127.0.0.1]:443":      {false, true},
		"169.254.169.254:80":          {false, false},
		"[::ffff:169.254.169.254]:80": {false, false},
		"[fe80::1%lo]:443":            {false, false},
		"0.0.0.0:443":                 {false, false},
		"[::]:443":                    {false, false},
		"224.0.0.1:443":               {false, false},
		"not an address":              {false, false},
	} {
		for i, own := range []bool{false, true} {
			if err := checkAddress("r.example.org", address, own); (err == nil) != want[i] {
				t.Errorf("%s own=%v: %v", address, own, err)
			}
		}
	}
}

func TestIsLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "localhost:5000": true, "127.0.0.1": true, "127.8.9.1:80": true, "[::1]:5000": true, "::1": true,
		"localhost.evil.org": false, "127.0.0.1.evil.org": false, "0x7f.1": false, "2130706433": false, "0.0.0.0:5000": false, "10.0.0.1": false, "": false,
	} {
		if got := isLoopback(host); got != want {
			t.Errorf("%s: %v", host, got)
		}
	}
}

func TestLoadCertsRefusesWhatIsNone(t *testing.T) {
	dir := t.TempDir()
	if c, err := loadCerts(dir, "r.example.org"); err != nil || c.RootCAs != nil {
		t.Errorf("no directory: %v", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "r.example.org"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ca.crt", "client.cert"} {
		path := filepath.Join(dir, "r.example.org", name)
		if err := os.WriteFile(path, []byte("not a certificate"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := loadCerts(dir, "r.example.org"); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}
