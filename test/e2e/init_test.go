package e2e

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/bailey-run/bailey/internal/image/imagetest"
	"github.com/bailey-run/bailey/test/harness"
	"github.com/bailey-run/bailey/test/harness/debian"
)

// TestInit writes Dockerfiles, builds them without a network and runs what comes out in the default posture. The base
// images have the names that the Dockerfiles use and are made here, of the machine's own Go and of Debian's packages: what
// is tried is the Dockerfile, not what the vendors put into theirs.
func TestInit(t *testing.T) {
	withStock(t, harness.Options{}, map[string]func(*testing.T, stock){"go": initGo, "static": initStatic})
}

// initialise writes the Dockerfile of a directory, which must pass the linter, and builds it.
func initialise(t *testing.T, s stock, name string, files map[string]string) {
	t.Helper()
	dir := directory(t, files)
	s.MustBailey(t, "init", dir)
	s.MustBailey(t, "build", "--lint", dir)
	if r := s.classic(t, "-t", name, dir); r.Code != 0 {
		t.Fatalf("building what init wrote: %s%s", r.Stdout, r.Stderr)
	}
}

func initGo(t *testing.T, s stock) {
	if err := s.Load(t.Context(), imagetest.DockerArchive(golang(t))); err != nil {
		t.Fatal(err)
	}
	initialise(t, s, "init-go", map[string]string{
		"go.mod": "module example.com/hello\n\ngo " + strings.TrimPrefix(runtime.Version(), "go") + "\n",
		"main.go": `package main

import "os"

func main() {
	println("user", os.Getuid(), os.Getgid())
	println("root", os.WriteFile("/x", nil, 0o600).Error())
	println("tmp", os.WriteFile("/tmp/x", nil, 0o600) == nil)
	_, shell := os.Stat("/bin/sh")
	println("shell", shell == nil)
	certificates, _ := os.ReadFile("/etc/ssl/certs/ca-certificates.crt")
	println("certificates", len(certificates) > 1000)
}
`, ".env": "SECRET=hunter2",
	})
	r := s.do(t, nil, "run", "--rm", "init-go")
	equal(t, "what the program sees", r.Stderr, "user 65532 65532\nroot open /x: read-only file system\ntmp true\nshell false\ncertificates true\n")
	if r.Code != 0 {
		t.Errorf("exit status %d", r.Code)
	}
}

// golang is the machine's Go under the name of the official image.
func golang(t *testing.T) imagetest.Image {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Skip("the go command is not installed here")
	}
	root := strings.TrimSpace(string(out))
	base := imagetest.Busybox(t, "golang:"+strings.TrimPrefix(runtime.Version(), "go"))
	files := []imagetest.File{imagetest.Dir("usr/local"), imagetest.Dir("etc/ssl"), imagetest.Dir("etc/ssl/certs")}
	certificates, err := os.ReadFile("/etc/ssl/certs/ca-certificates.crt")
	if err != nil {
		t.Skip("this machine has no ca-certificates (Debian: apt install ca-certificates)")
	}
	files = append(files, imagetest.Reg("etc/ssl/certs/ca-certificates.crt", string(certificates)))
	err = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		switch inside := filepath.Join("usr/local/go", name); {
		case e.IsDir() && needless[name] || e.Name() == "testdata":
			return fs.SkipDir
		case e.IsDir():
			files = append(files, imagetest.Dir(inside))
		case e.Type().IsRegular() && !strings.HasSuffix(name, "_test.go"):
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			files = append(files, imagetest.Exec(inside, data))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	base.Layers = append(base.Layers, imagetest.Layer{Files: files})
	base.Config.Config.Env = []string{"PATH=/go/bin:/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "GOTOOLCHAIN=local", "GOPATH=/go"}
	return base
}

// needless is what a build does not read of Go's own tree.
var needless = map[string]bool{"src/cmd": true, "test": true, "api": true, "doc": true, "misc": true, "lib": true}

func initStatic(t *testing.T, s stock) {
	web := debian.Image{Tag: "nginx:1.28-alpine-slim", Packages: []string{"nginx-light", "busybox-static"}, Files: []imagetest.File{imagetest.Symlink("usr/bin/wget", "/bin/busybox")}}
	web.Config.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	var archive bytes.Buffer
	err := web.Write(t.Context(), &archive)
	if lack := (*debian.LackError)(nil); errors.As(err, &lack) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Load(t.Context(), archive.Bytes()); err != nil {
		t.Fatal(err)
	}
	initialise(t, s, "init-static", map[string]string{"index.html": "<p>a page</p>", "sub/index.html": "another", ".secret": "hunter2", ".env": "hunter2"})
	s.ok(t, "run", "-d", "--name", "page", "init-static")
	defer s.ok(t, "rm", "-f", "page")
	fetch := func(path string) harness.Result {
		return s.do(t, nil, "exec", "page", "busybox", "wget", "-q", "-O-", "http://127.0.0.1:8080"+path)
	}
	deadline := time.Now().Add(20 * time.Second)
	for fetch("/").Code != 0 && time.Now().Before(deadline) {
		time.Sleep(100 * time.Millisecond)
	}
	for path, want := range map[string]string{"/": "<p>a page</p>", "/sub/": "another"} {
		if r := fetch(path); r.Stdout != want {
			t.Errorf("%s: %+v\n%s", path, r, s.do(t, nil, "logs", "page").Stderr)
		}
	}
	// The classic client sends the Dockerfile itself as part of the context, whatever .dockerignore says.
	for _, path := range []string{"/.secret", "/.env", "/sub/none"} {
		if r := fetch(path); !strings.Contains(r.Stderr, "404") {
			t.Errorf("%s is served: %+v", path, r)
		}
	}
	if logs := s.ok(t, "logs", "page"); !strings.Contains(logs, `"GET /sub/ HTTP/1.1" 200`) {
		t.Errorf("the log has no requests: %q", logs)
	}
	equal(t, "user", s.ok(t, "exec", "page", "id", "-u"), "101")
}
