package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bailey-run/bailey/test/harness"
)

// directory writes files into a directory of their own, by path.
func directory(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// classic runs `docker build` with the builder that was before BuildKit: a tar over POST /build.
func (s stock) classic(t *testing.T, args ...string) harness.Result {
	t.Helper()
	cmd := s.DockerCommand(t.Context(), append([]string{"build"}, args...)...)
	cmd.Env = append(cmd.Env, "DOCKER_BUILDKIT=0")
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run() // its exit status says it
	return harness.Result{Stdout: out.String(), Stderr: errs.String(), Code: cmd.ProcessState.ExitCode()}
}

func TestBuildClassic(t *testing.T) {
	withStock(t, harness.Options{}, map[string]func(*testing.T, stock){
		"stages, arguments and labels": classicStages,
		"a failing step":               classicFailure,
		"quiet and iidfile":            classicQuiet,
		"inside a step":                classicInside,
	})
}

func classicStages(t *testing.T, s stock) {
	dir := directory(t, map[string]string{
		"Dockerfile": "FROM " + harness.Image + ` AS one
ARG WORD=none
RUN echo $WORD > /word
FROM scratch AS two
COPY --from=one /bin /bin
COPY --from=one /word /
COPY sub/file /
LABEL kind=test
CMD ["cat", "/word", "/file"]
FROM two AS three
RUN false
`, "sub/file": "text\n", "ignored": "x", ".dockerignore": "ignored\n",
	})
	r := s.classic(t, "-t", "stages:1", "--build-arg", "WORD=hello", "--label", "more=yes", "--target", "two", dir)
	if r.Code != 0 || !strings.Contains(r.Stdout, "Successfully tagged stages:1") {
		t.Fatalf("%+v", r)
	}
	equal(t, "what was built", s.ok(t, "run", "--rm", "stages:1"), "hello\ntext")
	equal(t, "labels", s.ok(t, "image", "inspect", "-f", "{{.Config.Labels.kind}} {{.Config.Labels.more}}", "stages:1"), "test yes")
}

func classicFailure(t *testing.T, s stock) {
	dir := directory(t, map[string]string{"Dockerfile": "FROM " + harness.Image + "\nRUN echo before\nRUN echo why >&2; exit 3\n"})
	r := s.classic(t, "-t", "failed:1", dir)
	if r.Code == 0 {
		t.Fatal("a failing build succeeded")
	}
	for _, want := range []string{"why", "exit code: 3", "Dockerfile:3", ">>> RUN echo why"} {
		if !strings.Contains(r.Stdout+r.Stderr, want) {
			t.Errorf("it does not say %q: %s%s", want, r.Stdout, r.Stderr)
		}
	}
	if s.do(t, nil, "image", "inspect", "failed:1").Code == 0 {
		t.Error("a failed build left an image")
	}
}

func classicQuiet(t *testing.T, s stock) {
	dir := directory(t, map[string]string{"Dockerfile": "FROM " + harness.Image + "\nRUN echo quiet > /q\n"})
	file := filepath.Join(t.TempDir(), "id")
	r := s.classic(t, "-q", "--iidfile", file, dir)
	id := strings.TrimSpace(r.Stdout)
	if r.Code != 0 || !strings.HasPrefix(id, "sha256:") {
		t.Fatalf("%+v", r)
	}
	equal(t, "the id in the file", read(t, file), id)
	equal(t, "the image", s.ok(t, "run", "--rm", id, "cat", "/q"), "quiet")
}

// classicInside looks at the sandbox from a step.
func classicInside(t *testing.T, s stock) {
	dir := directory(t, map[string]string{"Dockerfile": "FROM " + harness.Image + `
RUN cat /proc/self/uid_map /proc/self/status && ip link && ls /sys/class/net && head -c1 /proc/kcore | wc -c
`})
	r := s.classic(t, "--no-cache", dir)
	if r.Code != 0 {
		t.Fatalf("%+v", r)
	}
	for _, want := range []string{"NoNewPrivs:\t1", "Seccomp:\t2", "CapEff:\t00000000000004fb", "      65536\n"} {
		if !strings.Contains(r.Stdout, want) {
			t.Errorf("inside of a step there is no %q: %s", want, r.Stdout)
		}
	}
	if strings.Contains(r.Stdout, "eth0") || strings.Contains(r.Stdout, "         0          0 4294967295") {
		t.Errorf("a step has more than its sandbox: %s", r.Stdout)
	}
}

// read is a file as text.
func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(data))
}
