package e2e

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bailey-run/bailey/test/harness"
)

// TestBuildAttacked: builds that were made to harm the node.
func TestBuildAttacked(t *testing.T) {
	withStock(t, harness.Options{}, map[string]func(*testing.T, stock){
		"a context that leads out":       attackContext,
		"a step that looks for the host": attackHost,
		"mounts that lead out":           attackMounts,
		"requests":                       attackRequests,
		"sessions of others":             attackSession,
	})
}

// entry is one entry of a hostile archive.
type entry struct {
	tar.Header
	text string
}

func archiveOf(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		e.Size = int64(len(e.text))
		if e.Mode == 0 {
			e.Mode = 0o644
		}
		if err := w.WriteHeader(&e.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// overSocket is an HTTP client of a unix socket.
func overSocket(path string) *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
}

// post sends a context to POST /build and returns the answer.
func (s stock) post(t *testing.T, query string, archive []byte) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://docker/build?"+query, bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-tar")
	resp, err := overSocket(s.Socket).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// attackContext: names, links and devices of the archive that holds a build's files.
func attackContext(t *testing.T, s stock) {
	victim := filepath.Join(s.Dir, "victim")
	if err := os.WriteFile(victim, []byte("untouched"), 0o600); err != nil {
		t.Fatal(err)
	}
	up := strings.Repeat("../", 20) + strings.TrimPrefix(victim, "/")
	file := func(name, text string) entry { return entry{tar.Header{Name: name, Typeflag: tar.TypeReg}, text} }
	dockerfile := file("Dockerfile", "FROM "+harness.Image+"\nCOPY . /ctx\nRUN cat /ctx/link /ctx/link/* 2>&1 | head -c 100; true\n")
	for name, entries := range map[string][]entry{
		"dots":                  {dockerfile, file(up, "overwritten")},
		"absolute":              {dockerfile, file(victim, "overwritten")},
		"through a link":        {dockerfile, {tar.Header{Name: "link", Typeflag: tar.TypeSymlink, Linkname: s.Dir}, ""}, file("link/victim", "overwritten")},
		"a hard link out":       {dockerfile, {tar.Header{Name: "link", Typeflag: tar.TypeLink, Linkname: up}, ""}},
		"a link to read by":     {dockerfile, {tar.Header{Name: "link", Typeflag: tar.TypeSymlink, Linkname: victim}, ""}},
		"a device":              {dockerfile, {tar.Header{Name: "disk", Typeflag: tar.TypeBlock, Devmajor: 8, Mode: 0o666}, ""}},
		"the Dockerfile a link": {{tar.Header{Name: "Dockerfile", Typeflag: tar.TypeSymlink, Linkname: victim}, ""}},
		"no archive":            nil,
	} {
		archive := []byte("no archive at all")
		if entries != nil {
			archive = archiveOf(t, entries...)
		}
		_, answer := s.post(t, "t=attack", archive)
		if strings.Contains(answer, "untouched") {
			t.Errorf("%s: the build read the host: %s", name, answer)
		}
		if text, err := os.ReadFile(victim); err != nil || string(text) != "untouched" {
			t.Fatalf("%s: the build wrote to the host: %s %v", name, text, err)
		}
		if name == "a device" && strings.Contains(answer, "Successfully built") {
			t.Errorf("an image with a device was made: %s", answer)
		}
	}
}

// attackHost: a step that tries what a container must not be able to do.
func attackHost(t *testing.T, s stock) {
	dir := directory(t, map[string]string{"Dockerfile": "FROM " + harness.Image + `
RUN ! mount -t tmpfs none /mnt 2>/dev/null && ! mknod /disk b 8 0 2>/dev/null && ! unshare -U true 2>/dev/null \
 && ! chroot / true 2>/dev/null && ! cat /proc/1/root/etc/shadow 2>/dev/null && ! echo x > /proc/sys/kernel/core_pattern \
 && ! dmesg 2>/dev/null && test $(cat /proc/self/oom_score_adj) -ge 0 && test $(ls /sys/class/net) = lo \
 && test "$(cat /proc/self/cgroup | grep -v ':/$' | wc -l)" = 0 && echo contained
`})
	r := s.build(t, nil, "--no-cache", dir)
	if r.Code != 0 || !strings.Contains(r.Stderr, "contained") {
		t.Errorf("%+v", r)
	}
}

// attackMounts: what is mounted into a step is resolved inside of what it is from (CVE-2024-23651), and what is taken
// away after them is of the step's own (CVE-2024-23652).
func attackMounts(t *testing.T, s stock) {
	if err := os.WriteFile("/tmp/bailey-build-attack", []byte("of the host"), 0o644); err != nil {
		t.Fatal(err)
	}
	defer os.Remove("/tmp/bailey-build-attack")
	dir := directory(t, map[string]string{"Dockerfile": "FROM " + harness.Image + ` AS evil
RUN mkdir /d && ln -s / /d/root && ln -s ../../../../../../../../.. /d/up && ln -s /tmp /d/abs
FROM ` + harness.Image + `
RUN --mount=type=bind,from=evil,source=/d/root,target=/a --mount=type=bind,from=evil,source=/d/up,target=/b \
    --mount=type=bind,from=evil,source=/d/abs,target=/c test ! -e /a/tmp/bailey-build-attack && test ! -e /b/tmp/bailey-build-attack \
    && test ! -e /c/bailey-build-attack && test -e /a/d/root
RUN --mount=type=cache,target=/k,id=evil ln -s / /k/link
RUN --mount=type=cache,target=/k,id=evil,source=link test ! -e /k/tmp/bailey-build-attack
COPY --from=evil /d/abs/bailey-build-attac[k] /got/
RUN test ! -e /got/bailey-build-attack
`})
	r := s.build(t, nil, dir)
	if r.Code != 0 && !strings.Contains(r.Stderr, "not found") && !strings.Contains(r.Stderr, "no such file") {
		t.Errorf("%+v", r)
	}
	for _, target := range []string{"/proc/sys", "/dev/kmsg", "/sys/fs/cgroup"} {
		dir := directory(t, map[string]string{"Dockerfile": "FROM " + harness.Image + "\nRUN --mount=type=tmpfs,target=" + target + " true\n"})
		s.refuses(t, dir, nil, "sandbox's own")
	}
}

// attackRequests: parameters that two readers could take for different ones, and limits that would silently be left out.
func attackRequests(t *testing.T, s stock) {
	archive := archiveOf(t, entry{tar.Header{Name: "Dockerfile", Typeflag: tar.TypeReg}, "FROM scratch\n"})
	for query, want := range map[string]int{
		"target=a&target=b":                    http.StatusBadRequest,
		`buildargs={"A":"1","A":"2"}`:          http.StatusBadRequest,
		`buildargs={"A":"1"}x`:                 http.StatusBadRequest,
		"networkmode=container:x":              http.StatusBadRequest,
		"networkmode=host":                     http.StatusForbidden,
		"squash=1":                             http.StatusNotImplemented,
		"memory=1000000":                       http.StatusNotImplemented,
		"cgroupparent=/x":                      http.StatusNotImplemented,
		"version=3":                            http.StatusBadRequest,
		`outputs=[{"Type":"local"}]`:           http.StatusNotImplemented,
		"extrahosts=x":                         http.StatusBadRequest,
		"remote=https://host.example/r.git":    http.StatusForbidden,
		"remote=http://169.254.169.254/latest": http.StatusForbidden,
	} {
		status, answer := s.post(t, query, archive)
		if status != want && !(status == http.StatusOK && strings.Contains(answer, "refused by rule")) {
			t.Errorf("%s: %d %s, want %d", query, status, answer, want)
		}
	}
	for _, path := range []string{"/grpc", "/session"} {
		for _, header := range []map[string]string{{}, {"Connection": "Upgrade", "Upgrade": "websocket"}, {"Connection": "Upgrade", "Upgrade": "h2c", "Origin": "http://evil.example"}} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://docker"+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			for k, v := range header {
				req.Header.Set(k, v)
			}
			resp, err := overSocket(s.Socket).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode < 400 {
				t.Errorf("%s with %v: %d", path, header, resp.StatusCode)
			}
		}
	}
}

// attackSession: a build cannot speak by a session that does not exist.
func attackSession(t *testing.T, s stock) {
	status, answer := s.post(t, "version=2&session=somebodyelse&remote=client-session", nil)
	if status == http.StatusOK && !strings.Contains(answer, "error") {
		t.Errorf("%d %s", status, answer)
	}
}
