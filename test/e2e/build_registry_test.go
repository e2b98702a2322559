package e2e

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bailey-run/bailey/internal/image/imagetest"
)

// TestBuildRegistry: what a build sends to a registry, other clients of registries find there whole, and a node that has
// forgotten the build gets its results from there.
func TestBuildRegistry(t *testing.T) {
	tools := newRegistry(t)
	s := stock{tools.node}
	base := imagetest.Busybox(t, "base:1")
	base.Layers[0].Compression = "gzip" // as crane expects it
	if err := s.Load(t.Context(), imagetest.OCIArchive(base)); err != nil {
		t.Fatal(err)
	}
	t.Run("push", func(t *testing.T) { buildPush(t, s, tools) })
	t.Run("pushed nowhere", func(t *testing.T) { buildPushNowhere(t, s) })
	t.Run("a closed registry", func(t *testing.T) { buildPushClosed(t, s, tools) })
	own, inline := registryAt+"/cached/cache:1", registryAt+"/cached/app:inline"
	t.Run("a cache of its own", func(t *testing.T) {
		buildCacheIn(t, s, registryAt+"/cached/app:own", "type=registry,mode=max,ref="+own, "type=registry,ref="+own)
	})
	t.Run("a cache in the image", func(t *testing.T) { buildCacheIn(t, s, inline, "type=inline", inline) })
	for _, ref := range []string{registryAt + "/cached/app:own", inline} {
		tools.run(t, "crane", "validate", "--remote", ref)
	}
}

func buildPush(t *testing.T, s stock, tools *registryTools) {
	ref := registryAt + "/built/app:1"
	dir := directory(t, map[string]string{"Dockerfile": "FROM base:1\nRUN echo pushed > /x\nCMD [\"cat\", \"/x\"]\n"})
	s.built(t, "-t", ref, "--push", dir)
	tools.run(t, "crane", "validate", "--remote", ref) // reads every blob and compares it with its digests
	equal(t, "the image in the registry", tools.run(t, "crane", "digest", ref), s.ok(t, "inspect", "-f", "{{.Id}}", ref))
	s.ok(t, "rmi", ref)
	pull(t, s.Node, ref)
	s.prints(t, "pushed", ref)
}

// buildPushNowhere: the message is about the registry, and the image is not lost for it.
func buildPushNowhere(t *testing.T, s stock) {
	nowhere := "127.0.0.1:1/built/app"
	dir := directory(t, map[string]string{"Dockerfile": "FROM base:1\nRUN echo nowhere > /x\n"})
	r := s.build(t, nil, "-t", nowhere, "--push", dir)
	if r.Code == 0 || !strings.Contains(r.Stderr, nowhere) || !strings.Contains(r.Stderr, "connection refused") {
		t.Errorf("got exit status %d and %s", r.Code, r.Stderr)
	}
	s.ok(t, "inspect", nowhere)
}

// closedRegistryAt is where a registry listens that asks for a name and a password.
const closedRegistryAt = "127.0.0.1:5444"

// buildPushClosed pushes, and builds from what was pushed, with what the user has for the registry, and not without it.
func buildPushClosed(t *testing.T, s stock, tools *registryTools) {
	// bcrypt, as the registry wants it, of the password below.
	passwords := filepath.Join(tools.dir, "htpasswd")
	if err := os.WriteFile(passwords, []byte("somebody:$2b$04$JY0qM2/Xq3C/EqqraU6Zo.teBp3IfNy37ZevHMZBiENDYsz.wZ2E2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tools.serve(t, closedRegistryAt, fmt.Sprintf("auth: {htpasswd: {realm: test, path: %q}}\n", passwords))
	config := directory(t, map[string]string{"config.json": fmt.Sprintf(`{"auths": {%q: {"auth": %q}}}`,
		closedRegistryAt, base64.StdEncoding.EncodeToString([]byte("somebody:pass-of-the-test")))})
	known := []string{"BAILEY_CONFIG=" + config}
	ref := closedRegistryAt + "/closed/app:1"
	dir := directory(t, map[string]string{"Dockerfile": "FROM base:1\nRUN echo closed > /x\nCMD [\"cat\", \"/x\"]\n"})
	from := directory(t, map[string]string{"Dockerfile": "FROM " + ref + "\nRUN cat /x > /y\n"})
	for _, c := range []struct {
		what string
		args []string
	}{{"push", []string{"-t", ref, "--push", dir}}, {"pull", []string{"--pull", "-t", "from-closed", from}}} {
		refused := func(when string) {
			if r := s.build(t, nil, c.args...); r.Code == 0 || !strings.Contains(r.Stderr, "bailey login "+closedRegistryAt) {
				t.Errorf("%s without a password, %s: exit status %d and %s", c.what, when, r.Code, r.Stderr)
			}
		}
		refused("before")
		if r := s.build(t, known, c.args...); r.Code != 0 {
			t.Errorf("%s with the password: exit status %d and %s", c.what, r.Code, r.Stderr)
		}
		refused("after somebody who has it")
	}
	s.prints(t, "closed", "from-closed")
}

// buildCacheIn builds with a cache that goes to the registry, forgets everything, and builds once more. The steps tell
// which time they ran.
func buildCacheIn(t *testing.T, s stock, ref, to, from string) {
	dir := directory(t, map[string]string{"Dockerfile": `FROM base:1 AS first
RUN head -c 16 /dev/urandom | md5sum > /when
FROM base:1
COPY --from=first /when /
RUN head -c 16 /dev/urandom | md5sum >> /when
CMD ["cat", "/when"]
`})
	s.built(t, "-t", ref, "--push", "--cache-to", to, dir)
	want := s.ok(t, "run", "--rm", ref)
	s.ok(t, "rmi", ref)
	s.forget(t)
	r := s.built(t, "-t", "again", "--cache-from", from, dir)
	s.prints(t, want, "again")
	if t.Failed() {
		t.Log(r.Stderr)
	}
	s.ok(t, "rmi", "again")
	s.forget(t)
	s.built(t, "-t", "again", dir)
	if s.ok(t, "run", "--rm", "again") == want {
		t.Error("the node had not forgotten the build: this shows nothing")
	}
	s.forget(t)
}
