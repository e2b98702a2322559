package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bailey-run/bailey/test/harness"
	"github.com/moby/moby/client"
)

// buildWithin is how long one build of the tests may take on a busy machine.
const buildWithin = 90 * time.Second

// build runs `bailey build` with further environment.
func (s stock) build(t *testing.T, env []string, args ...string) harness.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), buildWithin)
	defer cancel()
	cmd := s.BaileyCommand(ctx, append([]string{"build", "--progress", "plain"}, args...)...)
	cmd.Env = append(cmd.Env, env...)
	return finish(t, cmd)
}

// buildx runs `docker build` with buildx as its plug-in.
func (s stock) buildx(t *testing.T, args ...string) harness.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute) // it may have to be compiled
	defer cancel()
	cmd, err := s.Buildx(ctx, append([]string{"build", "--progress", "plain"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	return finish(t, cmd)
}

func finish(t *testing.T, cmd *exec.Cmd) harness.Result {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &errs, time.Second
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return harness.Result{Stdout: out.String(), Stderr: errs.String(), Code: cmd.ProcessState.ExitCode()}
}

// built is build that must succeed.
func (s stock) built(t *testing.T, args ...string) harness.Result {
	t.Helper()
	r := s.build(t, nil, args...)
	if r.Code != 0 {
		t.Fatalf("bailey build %v: exit status %d\n%s%s", args, r.Code, r.Stdout, r.Stderr)
	}
	return r
}

// prints compares what an image prints.
func (s stock) prints(t *testing.T, want, image string, args ...string) {
	t.Helper()
	equal(t, image, s.ok(t, append([]string{"run", "--rm", image}, args...)...), want)
}

func TestBuild(t *testing.T) {
	withStock(t, harness.Options{}, map[string]func(*testing.T, stock){
		"ignored files":           buildIgnore,
		"heredocs":                buildHeredoc,
		"secrets":                 buildSecret,
		"ssh":                     buildSSH,
		"cache mounts":            buildCacheMount,
		"binds and temporary":     buildBinds,
		"outputs":                 buildOutputs,
		"several platforms":       buildPlatforms,
		"a failing step":          buildFailure,
		"files and their owners":  buildOwners,
		"standard input":          buildStdin,
		"the built-in reader":     buildSyntax,
		"buildx":                  buildBuildx,
		"nothing is copied twice": buildShared,
		"merged layers":           buildLink,
	})
}

// TestBuildUsage and TestBuildCaches have nodes of their own: they remove the cache that other builds rely on.
func TestBuildUsage(t *testing.T) {
	withStock(t, harness.Options{}, map[string]func(*testing.T, stock){"what the cache takes": buildUsage})
}

func TestBuildCaches(t *testing.T) {
	withStock(t, harness.Options{}, map[string]func(*testing.T, stock){"caches of others": buildCaches})
}

func buildIgnore(t *testing.T, s stock) {
	dir := directory(t, map[string]string{
		"Dockerfile": "FROM " + harness.Image + "\nCOPY . /ctx\nCMD [\"find\", \"/ctx\", \"-type\", \"f\"]\n",
		"kept":       "1", "secret.key": "2", "sub/also.key": "3", "sub/kept": "4", ".dockerignore": "**/*.key\nDockerfile\n.dockerignore\n",
	})
	s.built(t, "-t", "ignore", dir)
	got := strings.Fields(s.ok(t, "run", "--rm", "ignore", "sh", "-c", "find /ctx -type f | sort"))
	equal(t, "files", strings.Join(got, " "), "/ctx/kept /ctx/sub/kept")
}

func buildHeredoc(t *testing.T, s stock) {
	dir := directory(t, map[string]string{"Dockerfile": "FROM " + harness.Image + `
RUN <<EOT
set -e
echo one > /one
echo two >> /one
EOT
COPY <<file /two
written here
file
CMD ["cat", "/one", "/two"]
`})
	s.built(t, "-t", "heredoc", dir)
	s.prints(t, "one\ntwo\nwritten here", "heredoc")
}

func buildSecret(t *testing.T, s stock) {
	const value = "s3cr3t-0f-the-build"
	dir := directory(t, map[string]string{"Dockerfile": "FROM " + harness.Image + `
RUN --mount=type=secret,id=one cat /run/secrets/one | tr a-z A-Z | cut -c1-3 > /seen && stat -c %a /run/secrets/one >> /seen
RUN --mount=type=secret,id=two,env=TWO echo $TWO | wc -c >> /seen
RUN test ! -e /run/secrets && test -z "$TWO"
RUN --mount=type=secret,id=own,uid=7,mode=0440,target=/etc/own stat -c '%u %a' /etc/own >> /seen
RUN test ! -e /etc/own
CMD ["cat", "/seen"]
`, "value": value})
	file := "src=" + filepath.Join(dir, "value")
	r := s.build(t, []string{"TWO=" + value}, "-t", "secret", "--secret", "id=one,"+file, "--secret", "id=two,env=TWO", "--secret", "id=own,"+file, dir)
	if r.Code != 0 {
		t.Fatalf("%+v", r)
	}
	s.prints(t, "S3C\n400\n20\n7 440", "secret")
	// Neither in a layer, nor in the history, the provenance or the node's files.
	archive := s.ok(t, "save", "secret")
	if strings.Contains(archive, value) || strings.Contains(s.ok(t, "history", "--no-trunc", "secret"), value) {
		t.Error("the secret is in the image")
	}
	out, err := exec.CommandContext(t.Context(), "grep", "-rlF", value, s.Dir).Output()
	if err == nil {
		t.Errorf("the secret is in the node's files: %s", out)
	}
	missing := s.build(t, nil, "--secret", "id=two,env=NONE", "--no-cache", dir)
	if missing.Code == 0 || !strings.Contains(missing.Stderr, "secret") {
		t.Errorf("without its secrets: %+v", missing)
	}
}

// buildSSH hands an agent's socket into a step.
func buildSSH(t *testing.T, s stock) {
	dir := directory(t, map[string]string{"Dockerfile": "FROM " + harness.Image + `
RUN --mount=type=ssh,uid=12 test -S "$SSH_AUTH_SOCK" && stat -c '%u %a' "$SSH_AUTH_SOCK" > /seen
RUN --mount=type=ssh test -S "$SSH_AUTH_SOCK" && echo ${SSH_AUTH_SOCK%/*} >> /seen
RUN test -z "$SSH_AUTH_SOCK" && test ! -e /run/buildkit
CMD ["cat", "/seen"]
`})
	socket := filepath.Join(t.TempDir(), "agent")
	agent, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer agent.Close()
	s.built(t, "-t", "ssh", "--ssh", "default="+socket, dir)
	s.prints(t, "12 600\n/run/buildkit", "ssh")
}

func buildCacheMount(t *testing.T, s stock) {
	text := "FROM " + harness.Image + `
ARG N
RUN --mount=type=cache,target=/cache,id=counted echo $N >> /cache/runs && wc -l < /cache/runs > /count
RUN test ! -e /cache
CMD ["cat", "/count"]
`
	dir := directory(t, map[string]string{"Dockerfile": text})
	s.built(t, "-t", "cached", "--build-arg", "N=1", dir)
	s.built(t, "-t", "cached", "--build-arg", "N=2", dir)
	s.prints(t, "2", "cached")
}

func buildBinds(t *testing.T, s stock) {
	dir := directory(t, map[string]string{"Dockerfile": "FROM " + harness.Image + ` AS other
RUN mkdir -p /d/e && echo deep > /d/e/f && ln -s /etc /d/out
FROM ` + harness.Image + `
RUN --mount=type=bind,target=/ctx --mount=type=bind,from=other,source=/d/e,target=/e --mount=type=tmpfs,target=/t \
    cat /ctx/file /e/f > /got && echo x > /t/x && ! touch /e/new && ! touch /ctx/new
RUN --mount=type=bind,from=other,source=/d,target=/d,rw touch /d/e/new && ls /d/e > /listed
RUN --mount=type=bind,from=other,source=/d/e/f,target=/one cat /one >> /got
RUN test ! -e /e && test ! -e /t && test ! -e /ctx && test ! -e /one
CMD ["cat", "/got", "/listed"]
`, "file": "context\n"})
	s.built(t, "-t", "binds", dir)
	s.prints(t, "context\ndeep\ndeep\nf\nnew", "binds")
}

func buildCaches(t *testing.T, s stock) {
	dir := directory(t, map[string]string{"Dockerfile": "FROM " + harness.Image + "\nRUN head -c 16 /dev/urandom | md5sum > /when\nRUN cat /when > /again\n"})
	store := t.TempDir()
	s.built(t, "-t", "remote", "--cache-to", "type=local,mode=max,dest="+store, dir)
	want := s.ok(t, "run", "--rm", "remote", "cat", "/again")
	s.ok(t, "rmi", "remote")
	s.forget(t)
	r := s.built(t, "-t", "remote", "--cache-from", "type=local,src="+store, dir)
	if strings.Count(r.Stderr, "CACHED") < 2 {
		t.Errorf("the cache was not used: %s", r.Stderr)
	}
	s.prints(t, want, "remote", "cat", "/again")
}

// forget empties the build cache.
func (s stock) forget(t *testing.T) {
	t.Helper()
	if _, err := s.Node.Client.BuildCachePrune(t.Context(), client.BuildCachePruneOptions{All: true}); err != nil {
		t.Fatal(err)
	}
}

func buildOutputs(t *testing.T, s stock) {
	dir := directory(t, map[string]string{"Dockerfile": "FROM " + harness.Image + " AS b\nRUN echo result > /r && chown 5:6 /r\nFROM scratch\nCOPY --from=b /r /sub/\n"})
	out := t.TempDir()
	s.built(t, "-o", out, dir)
	equal(t, "a directory", read(t, filepath.Join(out, "sub/r")), "result")
	for kind, wants := range map[string]string{"tar": "sub/r", "oci": "index.json", "docker": "manifest.json"} {
		file := filepath.Join(t.TempDir(), kind)
		s.built(t, "-t", "exported", "-o", "type="+kind+",dest="+file, dir)
		list, err := exec.CommandContext(t.Context(), "tar", "tf", file).Output()
		if err != nil || !strings.Contains(string(list), wants) {
			t.Errorf("type=%s: %v %s", kind, err, list)
		}
		if kind != "tar" {
			s.ok(t, "load", "-q", "-i", file)
		}
	}
	id, meta := filepath.Join(t.TempDir(), "id"), filepath.Join(t.TempDir(), "meta")
	s.built(t, "-t", "named:1", "--iidfile", id, "--metadata-file", meta, dir)
	var m map[string]any
	if err := json.Unmarshal([]byte(read(t, meta)), &m); err != nil || m["containerimage.digest"] != read(t, id) {
		t.Errorf("%v: %v", err, m)
	}
	equal(t, "the image's id", s.ok(t, "image", "inspect", "-f", "{{.Id}}", "named:1"), read(t, id))
}

func buildPlatforms(t *testing.T, s stock) {
	dir := directory(t, map[string]string{"Dockerfile": "FROM scratch\nARG TARGETARCH\nCOPY f-$TARGETARCH /f\nCOPY f-amd64 /same\n", "f-amd64": "a", "f-arm64": "b"})
	s.built(t, "-t", "platforms", "--platform", "linux/amd64,linux/arm64", dir)
	file := filepath.Join(t.TempDir(), "oci")
	s.built(t, "--platform", "linux/amd64,linux/arm64", "-o", "type=oci,dest="+file, dir)
	s.ok(t, "image", "inspect", "platforms")
	run := directory(t, map[string]string{"Dockerfile": "FROM --platform=linux/arm64 scratch\nCOPY f /f\nRUN [\"/f\"]\n", "f": "x"})
	if r := s.build(t, nil, "--platform", "linux/arm64", run); r.Code == 0 {
		t.Error("a foreign program ran")
	}
}

func buildFailure(t *testing.T, s stock) {
	dir := directory(t, map[string]string{"Dockerfile": "FROM " + harness.Image + "\n\nRUN echo the last words && exit 42\n"})
	r := s.build(t, nil, "-t", "failing", dir)
	if r.Code == 0 {
		t.Fatal("it succeeded")
	}
	for _, want := range []string{"the last words", "exit code: 42", "Dockerfile:3", ">>> RUN echo the last words"} {
		if !strings.Contains(r.Stderr, want) {
			t.Errorf("it does not say %q: %s", want, r.Stderr)
		}
	}
	if strings.Contains(r.Stderr, "build-network") {
		t.Errorf("it speaks of a network that nobody looked for: %s", r.Stderr)
	}
	unknown := directory(t, map[string]string{"Dockerfile": "FROM " + harness.Image + "\nRUM true\n"})
	if r := s.build(t, nil, unknown); r.Code == 0 || !strings.Contains(r.Stderr, "Dockerfile:2") {
		t.Errorf("an unknown instruction: %+v", r)
	}
}

func buildOwners(t *testing.T, s stock) {
	dir := directory(t, map[string]string{"Dockerfile": "FROM " + harness.Image + `
COPY f /root-owned
COPY --chown=12:34 f /given
RUN touch /made && adduser -D -u 1234 somebody 2>/dev/null || echo 'somebody:x:1234:1234::/:/bin/sh' >> /etc/passwd
RUN mkdir /home1 && chown somebody /home1
USER somebody
RUN id -u > /home1/id && touch /home1/mine
USER 0
CMD ["stat", "-c", "%n %u %g", "/root-owned", "/given", "/made", "/home1/mine"]
`, "f": "x"})
	s.built(t, "-t", "owners", dir)
	s.prints(t, "/root-owned 0 0\n/given 12 34\n/made 0 0\n/home1/mine 1234 "+gid(s.ok(t, "run", "--rm", "owners", "stat", "-c", "%g", "/home1/mine")), "owners")
	// On disk as well, so that any range of ids can be put over it.
	out, err := exec.CommandContext(t.Context(), "find", filepath.Join(s.Dir, "image", "snapshots"), "-uid", "+65535").Output()
	if err != nil || len(out) > 0 {
		t.Errorf("%v: files with ids of the host: %s", err, out)
	}
}

func gid(s string) string { return strings.TrimSpace(s) }

func buildStdin(t *testing.T, s stock) {
	cmd := s.BaileyCommand(t.Context(), "build", "-q", "-t", "stdin", "-")
	cmd.Stdin = strings.NewReader("FROM " + harness.Image + "\nRUN echo from stdin > /x\nCMD [\"cat\", \"/x\"]\n")
	if r := finish(t, cmd); r.Code != 0 {
		t.Fatalf("%+v", r)
	}
	s.prints(t, "from stdin", "stdin")
	dir := directory(t, map[string]string{"f": "by tar", "Dockerfile": "FROM " + harness.Image + "\nCOPY f /f\nCMD [\"cat\", \"/f\"]\n"})
	pack := exec.CommandContext(t.Context(), "tar", "c", "-C", dir, ".")
	archive, err := pack.Output()
	if err != nil {
		t.Fatal(err)
	}
	cmd = s.BaileyCommand(t.Context(), "build", "-q", "-t", "stdin", "-")
	cmd.Stdin = bytes.NewReader(archive)
	if r := finish(t, cmd); r.Code != 0 {
		t.Fatalf("%+v", r)
	}
	s.prints(t, "by tar", "stdin")
}

func buildSyntax(t *testing.T, s stock) {
	for _, line := range []string{"docker/dockerfile:1", "docker.io/docker/dockerfile:1.7", "docker/dockerfile"} {
		dir := directory(t, map[string]string{"Dockerfile": "# syntax=" + line + "\nFROM " + harness.Image + "\nRUN --mount=type=tmpfs,target=/x true\n"})
		s.built(t, dir)
	}
}

func buildBuildx(t *testing.T, s stock) {
	dir := directory(t, map[string]string{"Dockerfile": "FROM " + harness.Image + "\nRUN --mount=type=secret,id=x cat /run/secrets/x > /dev/null && echo by buildx > /x\nCMD [\"cat\", \"/x\"]\n", "s": "v"})
	meta := filepath.Join(t.TempDir(), "meta")
	r := s.buildx(t, "-t", "by-buildx", "--secret", "id=x,src="+filepath.Join(dir, "s"), "--metadata-file", meta, dir)
	if r.Code != 0 {
		t.Fatalf("%+v", r)
	}
	s.prints(t, "by buildx", "by-buildx")
	if !strings.Contains(read(t, meta), "containerimage.digest") {
		t.Errorf("metadata: %s", read(t, meta))
	}
	out := t.TempDir()
	if r := s.buildx(t, "--secret", "id=x,src="+filepath.Join(dir, "s"), "-o", out, dir); r.Code != 0 || read(t, filepath.Join(out, "x")) != "by buildx" {
		t.Errorf("%+v", r)
	}
	failing := directory(t, map[string]string{"Dockerfile": "FROM " + harness.Image + "\nRUN echo oh no; false\n"})
	if r := s.buildx(t, failing); r.Code == 0 || !strings.Contains(r.Stderr, "oh no") || !strings.Contains(r.Stderr, ">>> RUN echo oh no") {
		t.Errorf("%+v", r)
	}
	if r := s.buildx(t, "-t", "loaded", "--load", "--secret", "id=x,src="+filepath.Join(dir, "s"), dir); r.Code != 0 {
		t.Errorf("--load: %+v", r)
	}
	s.prints(t, "by buildx", "loaded")
}

// buildShared: the files of a built image and those of the build's cache are the same files.
func buildShared(t *testing.T, s stock) {
	dir := directory(t, map[string]string{"Dockerfile": "FROM scratch\nCOPY unique-name-of-a-file /\n", "unique-name-of-a-file": "x"})
	s.built(t, "-t", "shared", dir)
	out, err := exec.CommandContext(t.Context(), "find", filepath.Join(s.Dir, "image", "snapshots"), "-name", "unique-name-of-a-file", "-printf", "%i\n").Output()
	if err != nil {
		t.Fatal(err)
	}
	inodes := map[string]bool{}
	for _, line := range strings.Fields(string(out)) {
		inodes[line] = true
	}
	// One for the context that was sent, one for the layer.
	if len(inodes) > 2 {
		t.Errorf("the file is there %d times", len(inodes))
	}
}

func buildLink(t *testing.T, s stock) {
	dir := directory(t, map[string]string{"Dockerfile": "FROM " + harness.Image + "\nRUN mkdir /d && echo one > /d/one\nCOPY --link f /d/\nCMD [\"ls\", \"/d\"]\n", "f": "x"})
	s.built(t, "-t", "linked", dir)
	s.prints(t, "f\none", "linked")
}

func buildUsage(t *testing.T, s stock) {
	dir := directory(t, map[string]string{"Dockerfile": "FROM " + harness.Image + "\nRUN head -c 300000 /dev/zero > /zero\n"})
	s.built(t, "-t", "used", dir)
	if out := s.ok(t, "system", "df"); !strings.Contains(out, "Build Cache") {
		t.Errorf("%s", out)
	}
	s.ok(t, "run", "--rm", "used", "true")
	if r := s.do(t, nil, "builder", "prune", "-af"); r.Code != 0 && !strings.Contains(r.Stderr, "buildx") {
		t.Errorf("%+v", r)
	}
	s.ok(t, "run", "--rm", "used", "true")
}
