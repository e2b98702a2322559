package e2e

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"golang.org/x/sys/unix"

	"github.com/bailey-run/bailey/test/harness"
)

// TestStockRoom: what containers share or keep: volumes, networks, ports, images; and who is refused what.
func TestStockRoom(t *testing.T) {
	withStock(t, harness.Options{}, map[string]func(*testing.T, stock){
		"volumes":         volumes,
		"networks":        networks,
		"published port":  publishedPort,
		"load and save":   loadAndSave,
		"tag and remove":  tagAndRemove,
		"import":          imports,
		"refusals":        refusals,
		"strict decoding": strictDecoding,
	})
}

func volumes(t *testing.T, s stock) {
	volume := s.name(t) + "-v"
	equal(t, "created", s.ok(t, "volume", "create", "--label", "a=b", volume), volume)
	s.ok(t, "run", "--rm", "-v", volume+":/data", harness.Image, "sh", "-c", "echo kept > /data/x")
	equal(t, "kept", s.ok(t, "run", "--rm", "-v", volume+":/data:ro", harness.Image, "cat", "/data/x"), "kept")
	if r := s.do(t, nil, "run", "--rm", "-v", volume+":/data:ro", harness.Image, "touch", "/data/y"); r.Code == 0 {
		t.Error("a read-only volume was written")
	}
	equal(t, "by label", s.ok(t, "volume", "ls", "-q", "--filter", "label=a=b"), volume)
	user := s.run(t, []string{"-v", volume + ":/data", "-v", "/anonymous"}, "sleep 1000")
	s.fails(t, 1, []string{volume, "in use"}, "volume", "rm", volume)
	anonymous := s.field(t, user, `range .Mounts}}{{if eq .Destination "/anonymous"}}{{.Name}}{{end}}{{end`)
	s.ok(t, "rm", "-fv", user)
	s.fails(t, 1, []string{"no such volume"}, "volume", "inspect", anonymous)
	s.ok(t, "volume", "rm", volume)
	s.fails(t, 1, []string{"no such volume"}, "volume", "inspect", volume)
	equal(t, "filled from the image", s.ok(t, "run", "--rm", "-v", "/etc", harness.Image, "sh", "-c", "echo more > /etc/more; head -c 4 /etc/passwd"), "root")
	if s.do(t, nil, "run", "--rm", "--mount", "type=volume,dst=/etc,volume-nocopy", harness.Image, "test", "-e", "/etc/passwd").Code == 0 {
		t.Error("a volume that was not to be filled was")
	}
}

func networks(t *testing.T, s stock) {
	one, two := s.name(t)+"-n", s.name(t)+"-n"
	for _, network := range []string{one, two} {
		s.ok(t, "network", "create", network)
		t.Cleanup(func() {
			if r := s.Docker(context.Background(), "network", "rm", network); r.Code != 0 {
				t.Errorf("removing a network: %+v", r)
			}
		})
	}
	server := func(network string) string {
		return s.run(t, []string{"--network", network, "--tmpfs", "/srv"}, "hostname > /srv/index.html; exec httpd -f -p 8000 -h /srv")
	}
	a, b := server(one), server(two) // removed before their networks
	ask := func(network, name string) harness.Result {
		return s.do(t, nil, "run", "--rm", "--network", network, harness.Image, "sh", "-c",
			"for i in 1 2; do timeout 1 wget -qO- http://"+name+":8000/ && exit; sleep 0.3; done; exit 1")
	}
	address := func(name string) string {
		return s.field(t, name, "range .NetworkSettings.Networks}}{{.IPAddress}}{{end")
	}
	if r := ask(one, a); r.Code != 0 || !strings.HasPrefix(s.field(t, a, ".Id"), strings.TrimSpace(r.Stdout)) {
		t.Errorf("a neighbour by name: %+v", r)
	}
	if r := ask(one, b); r.Code == 0 {
		t.Errorf("one of another network by name: %+v", r)
	}
	if r := ask(one, address(b)); r.Code == 0 {
		t.Errorf("one of another network by address: %+v", r)
	}
	if r := ask("bridge", address(a)); r.Code == 0 {
		t.Errorf("one of another network from the default one: %+v", r)
	}
	s.ok(t, "network", "connect", "--alias", "other", one, b)
	if r := ask(one, "other"); r.Code != 0 {
		t.Errorf("after connecting: %+v", r)
	}
	s.ok(t, "network", "disconnect", one, b)
	if r := ask(one, "other"); r.Code == 0 {
		t.Errorf("after disconnecting: %+v", r)
	}
	s.fails(t, 1, []string{one}, "network", "rm", one)
}

func publishedPort(t *testing.T, s stock) {
	name := s.run(t, []string{"-p", "8000", "--tmpfs", "/srv"}, "echo served > /srv/index.html; exec httpd -f -p 8000 -h /srv")
	address := s.ok(t, "port", name, "8000/tcp")
	host, _, err := net.SplitHostPort(address)
	if err != nil || host != "127.0.0.1" {
		t.Fatalf("published at %q, %v", address, err)
	}
	eventually(t, stockWithin/2, "it answers at "+address, func() bool {
		answer, err := s.HTTP().Get("http://" + address + "/")
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		return err == nil && string(text) == "served\n"
	})
	s.fails(t, 125, []string{"port"}, "run", "--rm", "-p", address+":80", harness.Image, "true")
	s.ok(t, "stop", "-t", "0", name)
	if conn, err := s.Dial(t.Context(), "tcp", address); err == nil {
		conn.Close()
		t.Error("the port of a stopped container is open")
	}
}

func loadAndSave(t *testing.T, s stock) {
	tag := s.name(t) + ":saved"
	s.ok(t, "tag", harness.Image, tag)
	file := filepath.Join(t.TempDir(), "image.tar")
	s.ok(t, "save", "-o", file, tag)
	id := s.ok(t, "image", "inspect", "--format", "{{.Id}}", tag)
	s.ok(t, "rmi", tag)
	if out := s.ok(t, "load", "-i", file); !strings.Contains(out, "Loaded image: "+tag) {
		t.Errorf("load: %q", out)
	}
	equal(t, "id after save and load", s.ok(t, "image", "inspect", "--format", "{{.Id}}", tag), id)
	equal(t, "listed", s.ok(t, "images", "--no-trunc", "--format", "{{.ID}}", tag), id)
	equal(t, "runs", s.ok(t, "run", "--rm", tag, "echo", "yes"), "yes")
	piped := s.do(t, nil, "save", tag)
	if r := s.do(t, strings.NewReader(piped.Stdout), "load"); r.Code != 0 {
		t.Errorf("from standard input: %+v", r)
	}
	if r := s.do(t, strings.NewReader("not a tar archive"), "load"); r.Code == 0 {
		t.Errorf("rubbish was loaded: %+v", r)
	}
}

func tagAndRemove(t *testing.T, s stock) {
	tag := s.name(t) + ":tagged"
	s.ok(t, "tag", harness.Image, tag)
	if out := s.ok(t, "rmi", tag); !strings.Contains(out, "Untagged: "+tag) || strings.Contains(out, "Deleted") {
		t.Errorf("rmi: %q", out)
	}
	s.fails(t, 1, []string{"No such image", tag}, "rmi", tag)
	s.run(t, nil, "sleep 1000")
	s.fails(t, 1, nil, "rmi", s.ok(t, "image", "inspect", "--format", "{{.Id}}", harness.Image))
	if out := s.ok(t, "history", "--format", "{{.ID}}", harness.Image); out == "" {
		t.Error("no history")
	}
	equal(t, "configuration", s.ok(t, "image", "inspect", "--format", "{{json .Config.Cmd}} {{.Os}}", harness.Image), `["sh"] linux`)
}

func imports(t *testing.T, s stock) {
	from := s.run(t, nil, "sleep 1000")
	exported := s.do(t, nil, "export", from)
	tag := s.name(t) + ":imported"
	r := s.do(t, strings.NewReader(exported.Stdout), "import", "--change", "CMD [\"echo\", \"imported\"]", "--change", "ENV PATH=/bin", "-", tag)
	if r.Code != 0 {
		t.Fatalf("%+v", r)
	}
	equal(t, "runs", s.ok(t, "run", "--rm", tag), "imported")
	s.ok(t, "rmi", tag)
}

func refusals(t *testing.T, s stock) {
	for rule, flags := range map[string][]string{
		"privileged":     {"--privileged"},
		"cap-add":        {"--cap-add", "SYS_ADMIN"},
		"host-mount":     {"-v", "/srv:/x"},
		"host-namespace": {"--pid", "host"},
		"security-opt":   {"--security-opt", "seccomp=unconfined"},
		"device":         {"--device", "/dev/null:/dev/other"},
	} {
		s.fails(t, 125, []string{rule}, append(append([]string{"run", "--label", "refused"}, flags...), harness.Image, "true")...)
	}
	for _, path := range []string{"/", "/etc", "/proc", "/var/run"} {
		if r := s.do(t, nil, "run", "--label", "refused", "-v", path+":/x", harness.Image, "true"); r.Code != 125 {
			t.Errorf("%s of the host: %+v", path, r)
		}
	}
	equal(t, "containers left by refusals", s.ok(t, "ps", "-aq", "--filter", "label=refused"), "")
}

// TestStockPolicy: what the policy lists is allowed, and nothing beside it.
func TestStockPolicy(t *testing.T) {
	if err := os.MkdirAll("/srv", 0o755); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("/srv", "bailey-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.WriteFile(dir+"/x", []byte("of the host\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	rule := func(name, values string) string {
		return "[[allow]]\nrule = \"" + name + "\"\n" + values + "callers = [\"root\"]\nreason = \"a test\"\n"
	}
	policy := "[[host-mount]]\npath = \"" + dir + "\"\ncallers = [\"root\"]\nreason = \"a test\"\n" + rule("cap-add", "values = [\"NET_ADMIN\"]\n")
	withStock(t, harness.Options{Policy: policy}, map[string]func(*testing.T, stock){
		"capability": func(t *testing.T, s stock) {
			s.ok(t, "run", "--rm", "--cap-add", "NET_ADMIN", harness.Image, "ip", "link", "set", "lo", "down")
			s.fails(t, 125, []string{"SYS_ADMIN"}, "run", "--rm", "--cap-add", "SYS_ADMIN", harness.Image, "true")
		},
		"host mount": func(t *testing.T, s stock) {
			equal(t, "read", s.ok(t, "run", "--rm", "-v", dir+":/x:ro", harness.Image, "cat", "/x/x"), "of the host")
			s.fails(t, 125, []string{"host-mount"}, "run", "--rm", "-v", "/srv:/x", harness.Image, "true")
			link := filepath.Join(dir, "link")
			if err := os.Symlink("/etc", link); err != nil {
				t.Fatal(err)
			}
			s.fails(t, 125, []string{"host-mount"}, "run", "--rm", "-v", link+":/x", harness.Image, "true")
		},
	})
}

// strictDecoding: what a lenient decoder would guess is refused over the real socket, and nothing is made.
func strictDecoding(t *testing.T, s stock) {
	name := s.name(t)
	whole := `{"Image":"` + harness.Image + `","Cmd":["true"]`
	for what, body := range map[string]string{
		"unknown key":    whole + `,"Nosuch":1}`,
		"duplicate key":  whole + `,"Cmd":["false"]}`,
		"wrong case":     whole + `,"hostconfig":{"Privileged":true}}`,
		"trailing bytes": whole + `} {}`,
		"wrong type":     whole + `,"User":7}`,
		"cut":            whole,
	} {
		conn, err := net.Dial("unix", s.Socket)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(stockWithin))
		request, err := http.NewRequest(http.MethodPost, "http://localhost/v1.47/containers/create?name="+name, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		c := http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil }, DisableKeepAlives: true}}
		answer, err := c.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<16))
		answer.Body.Close()
		if answer.StatusCode != http.StatusBadRequest || !bytes.Contains(text, []byte(`"message"`)) {
			t.Errorf("%s: status %d %s", what, answer.StatusCode, text)
		}
	}
	s.fails(t, 1, []string{"No such"}, "inspect", "--type", "container", name)
}

// smallDisk mounts a file system of a size in memory for a node.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: it mounts a small file system")
	}
	dir := t.TempDir()
	if err := unix.Mount("small", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "size="+size+",mode=0755"); err != nil {
		t.Skipf("no small file system here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	for at := dir; at != "/" && at != os.TempDir(); at = filepath.Dir(at) {
		if err := os.Chmod(at, 0o755); err != nil { // a container's users reach its root through them
			t.Fatal(err)
		}
	}
	return dir
}

// TestDiskFull: a disk that fills up costs log lines, not containers, and what needs room says so.
func TestDiskFull(t *testing.T) {
	dir := smallDisk(t, "64m")
	node := harness.New(t, harness.Options{Dir: dir + "/n"})
	script := "echo up; until [ -e /tmp/go ]; do sleep 0.05; done; yes 0123456789abcdef | head -c 3000000; echo done >&2; sleep 1000"
	id := launch(t, node, shell("full", script))
	eventually(t, 20*time.Second, "it runs", func() bool {
		out, err := logged(t.Context(), node, id)
		return err == nil && out == "up\n"
	})
	fill(t, dir+"/filler")
	if out, code, err := run(t.Context(), node, id, "touch", "/tmp/go"); code != 0 || err != nil {
		t.Fatalf("exec with a full disk: %q %d %v", out, code, err)
	}
	eventually(t, 20*time.Second, "it goes on when its log has no room", func() bool {
		_, code, err := run(t.Context(), node, id, "sh", "-c", "! pidof head yes")
		return code == 0 && err == nil
	})
	if got := inspect(t, node, id); !got.State.Running {
		t.Errorf("it has ended: %+v", got.State)
	}
	if _, err := node.Client.ContainerCreate(t.Context(), shell("more", "true")); err == nil {
		t.Log("a container could be created on a full disk")
	} else if !strings.Contains(err.Error(), "space") {
		t.Errorf("the failure does not tell why: %v", err)
	}
	if err := os.Remove(dir + "/filler"); err != nil {
		t.Fatal(err)
	}
	after := launch(t, node, shell("after", "echo room"))
	eventually(t, 20*time.Second, "a container runs when there is room again", func() bool {
		out, err := logged(t.Context(), node, after)
		return err == nil && out == "room\n"
	})
	if _, err := node.Client.ContainerStop(t.Context(), id, client.ContainerStopOptions{Signal: "KILL"}); err != nil {
		t.Error(err)
	}
}

// fill writes to a file until the disk is full.
func fill(t *testing.T, path string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for size := 1 << 20; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = file.Write(make([]byte, size))
		}
	}
}
