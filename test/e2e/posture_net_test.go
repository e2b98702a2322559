package e2e

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/network"
	"github.com/vishvananda/netlink"

	"github.com/bailey-run/bailey/test/harness"
)

// metadata is where clouds tell their machines secrets; other is a second address of the host.
const metadata, other = "169.254.169.254", "198.51.100.7"

// hostService listens on every address of a node's host and answers, until the test ends. It returns the port.
func hostService(t *testing.T, node *harness.Node) string {
	t.Helper()
	err := node.Do(func() error {
		lo, err := netlink.LinkByName("lo")
		if err != nil {
			return err
		}
		for _, address := range []string{metadata, other} {
			if err := netlink.AddrAdd(lo, &netlink.Addr{IPNet: &net.IPNet{IP: net.ParseIP(address), Mask: net.CIDRMask(32, 32)}}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := node.Room.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// TestPostureNetwork: a container reaches no other container, no service of its host and no metadata; it has names. What is
// published is on the loopback address alone.
func TestPostureNetwork(t *testing.T) {
	node := probing(t)
	port := hostService(t, node)
	options := probed("server")
	options.Config.Cmd = []string{"probe", "serve", "0.0.0.0:8080"}
	options.Config.ExposedPorts = network.PortSet{network.MustParsePort("8080/tcp"): {}}
	options.HostConfig.PortBindings = network.PortMap{network.MustParsePort("8080/tcp"): {{}}}
	server := launch(t, node, options)
	eventually(t, 10*time.Second, "the server serves", func() bool {
		text, _ := logged(t.Context(), node, server)
		return strings.Contains(text, "serving")
	})
	address := strings.TrimSpace(mustRun(t, node, server, "sh", "-c", "ip -4 addr | awk '$1==\"inet\" && $2!~/^127/ {sub(\"/.*\",\"\",$2); print $2}'"))
	client := launch(t, node, probed("client"))
	resolver := fields(strings.ReplaceAll(mustRun(t, node, client, "cat", "/etc/resolv.conf"), " ", ":"))["nameserver"]
	if net.ParseIP(address) == nil || net.ParseIP(resolver) == nil {
		t.Fatalf("the server's address is %q and the resolver %q", address, resolver)
	}

	// The host itself reaches all that the container must not, so that a refusal says something.
	for _, target := range []string{metadata + ":" + port, other + ":" + port, resolver + ":" + port} {
		conn, err := node.Dial(t.Context(), "tcp4", target)
		if err != nil {
			t.Fatalf("the host cannot reach its own %s: %v", target, err)
		}
		conn.Close()
	}
	if out := mustRun(t, node, server, "probe", "dial", "127.0.0.1:8080", address+":8080"); strings.Count(out, ": ok") != 2 {
		t.Errorf("the server cannot reach itself: %s", out)
	}
	published := inspect(t, node, server).NetworkSettings.Ports[network.MustParsePort("8080/tcp")]
	if len(published) != 1 || published[0].HostIP.String() != "127.0.0.1" {
		t.Fatalf("published as %v", published)
	}
	outside := ":" + published[0].HostPort
	tries := mustRun(t, node, client, "probe", "dial", address+":8080", metadata+":"+port, other+":"+port, resolver+":"+port,
		other+outside, resolver+outside)
	if strings.Contains(tries, ": ok") || strings.Count(tries, "\n") != 6 {
		t.Errorf("a container reaches:\n%s", tries)
	}
	if out := mustRun(t, node, client, "probe", "dns", resolver+":53"); out != "dns: ok\n" {
		t.Errorf("names: %s", out)
	}
	if text, err := dialRead(t, node, "127.0.0.1"+outside); err != nil || text != "hello\n" {
		t.Errorf("the published port says %q, %v", text, err)
	}
	if _, err := dialRead(t, node, other+outside); err == nil {
		t.Error("the port is published on every address")
	}
}

// mustRun is the output of an exec that must succeed.
func mustRun(t *testing.T, node *harness.Node, id string, command ...string) string {
	t.Helper()
	out, code, err := run(t.Context(), node, id, command...)
	if err != nil || code != 0 {
		t.Fatalf("exec %v: %d, %v\n%s", command, code, err, out)
	}
	return out
}

// dialRead is what is said at an address of the node's host.
func dialRead(t *testing.T, node *harness.Node, address string) (string, error) {
	t.Helper()
	conn, err := node.Dial(t.Context(), "tcp4", address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	text, err := io.ReadAll(io.LimitReader(conn, 100))
	return string(text), err
}

// TestPostureSecret: a secret is a file for the container's user alone, in memory that is not swapped, and nowhere on disk.
func TestPostureSecret(t *testing.T) {
	node := probing(t)
	value := fmt.Sprintf("hush-%d-%d", os.Getpid(), time.Now().UnixNano())
	source := filepath.Join(t.TempDir(), "source")
	if err := os.WriteFile(source, []byte(value), 0o600); err != nil {
		t.Fatal(err)
	}
	node.MustBailey(t, "secret", "create", "token", source)
	for _, user := range []string{"root", "nobody"} {
		name := "keeper-" + user
		node.MustBailey(t, "run", "-d", "--name", name, "--user", user, "--secret", "token", probeImage, "sleep", "1000")
		if out := mustRun(t, node, name, "cat", "/run/secrets/token"); out != value {
			t.Errorf("the secret of %s reads %q", user, out)
		}
		if out := mustRun(t, node, name, "stat", "-c", "%a %U", "/run/secrets/token"); out != "400 "+user+"\n" {
			t.Errorf("the secret's mode and owner are %q, want 400 %s", out, user)
		}
		table := mustRun(t, node, name, "grep", " /run/secrets ", "/proc/self/mountinfo")
		for _, want := range []string{"tmpfs", "noswap", "noexec", "ro,"} {
			if !strings.Contains(table, want) {
				t.Errorf("the secret lies in %q, which lacks %s", table, want)
			}
		}
		if out := mustRun(t, node, name, "env"); strings.Contains(out, value) {
			t.Errorf("the environment has the secret: %s", out)
		}
	}
	if found := holding(t, node.Dir, "keeper-root"); len(found) == 0 {
		t.Error("the search does not find what is there")
	}
	if found := holding(t, node.Dir, value); len(found) > 0 {
		t.Errorf("the secret is on disk: %v", found)
	}
}

// holding lists the files below dir whose bytes hold text.
func holding(t *testing.T, dir, text string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil // what went away meanwhile
		}
		content, err := os.ReadFile(path)
		if err == nil && bytes.Contains(content, []byte(text)) {
			found = append(found, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
