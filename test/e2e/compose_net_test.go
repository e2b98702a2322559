package e2e

import (
	"strings"
	"testing"

	"github.com/bailey-run/bailey/internal/image/imagetest"
	"github.com/bailey-run/bailey/test/harness"
)

const netProject = `
services:
  web:
    image: probe:test
    command: probe serve 0.0.0.0:8080
    networks:
      front: {aliases: [www], ipv4_address: 172.31.77.10, mac_address: "02:42:ac:1f:4d:0a"}
    ports: ["127.0.0.1::8080"]
  middle:
    image: probe:test
    command: sleep 1000
    links: ["web:store"]
    networks: [front, back]
    stop_grace_period: 0s
  db:
    image: probe:test
    command: probe serve 0.0.0.0:8080
    scale: 2
    networks: [back]
networks:
  front: {ipam: {config: [{subnet: 172.31.77.0/24, gateway: 172.31.77.1}]}}
  back: {internal: true}
`

// TestComposeNetworks: names, aliases, links and addresses are those of the file, and resolve where they belong and nowhere else.
func TestComposeNetworks(t *testing.T) {
	program, err := probe()
	if err != nil {
		t.Fatal(err)
	}
	image := imagetest.Busybox(t, probeImage)
	image.Layers[0].Files = append(image.Layers[0].Files, imagetest.Exec("bin/probe", program))
	node := harness.NewEmpty(t, harness.Options{})
	if err := node.Load(t.Context(), imagetest.DockerArchive(image)); err != nil {
		t.Fatal(err)
	}
	p := composed(t, node, "bailey-compose", "nets", map[string]string{"compose.yaml": netProject})
	p.ok(t, "up", "-d")
	asks := func(service string, names ...string) string {
		t.Helper()
		return p.ok(t, append([]string{"exec", "-T", service, "probe", "resolve"}, names...)...)
	}
	const web = "[172.31.77.10] ok"
	id := p.ok(t, "ps", "-q", "web")
	contains(t, "names on front", asks("middle", "web", "www", "nets-web-1", id[:12], "store"),
		"web: "+web, "www: "+web, "nets-web-1: "+web, id[:12]+": "+web, "store: "+web)
	if text := asks("middle", "db"); strings.Count(strings.Split(text, "]")[0], ".") != 6 {
		t.Errorf("db has two containers: %s", text)
	}
	for service, names := range map[string][]string{"web": {"db", "store"}, "db": {"web", "www", "store"}} {
		if text := asks(service, names...); strings.Contains(text, " ok") {
			t.Errorf("%s resolves what is not on its networks: %s", service, text)
		}
	}
	contains(t, "the hardware address", p.ok(t, "exec", "-T", "web", "cat", "/sys/class/net/eth0/address"), "02:42:ac:1f:4d:0a")
	contains(t, "reached by name", p.ok(t, "exec", "-T", "middle", "probe", "dial", "web:8080", "db:8080"), "web:8080: ok", "db:8080: ok")
	if text := p.ok(t, "exec", "-T", "db", "ip", "route"); strings.Contains(text, "default") {
		t.Errorf("an internal network has a way out: %s", text)
	}
	if text, err := dialRead(t, node, p.ok(t, "port", "web", "8080")); err != nil || text != "hello\n" {
		t.Errorf("the published port says %q, %v", text, err)
	}

	// A network can be joined and left while running.
	node.MustDocker(t, "network", "connect", "--alias", "late", "nets_back", "nets-web-1")
	contains(t, "connected", p.ok(t, "exec", "-T", "db", "probe", "dial", "late:8080"), "late:8080: ok")
	contains(t, "connected", p.ok(t, "exec", "-T", "web", "probe", "dial", "db:8080"), "db:8080: ok")
	node.MustDocker(t, "network", "disconnect", "nets_back", "nets-web-1")
	if text := p.ok(t, "exec", "-T", "db", "probe", "dial", "late:8080"); strings.Contains(text, ": ok") {
		t.Errorf("reached after it was disconnected: %s", text)
	}
}
