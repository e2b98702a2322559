package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/bailey-run/bailey/internal/image/imagetest"
	"github.com/bailey-run/bailey/test/harness"
)

// hostile allows containers what an attacker on a network would love to have.
const hostile = `
[[allow]]
rule = "cap-add"
values = ["NET_ADMIN", "NET_RAW"]
callers = ["*"]
reason = "the attacks of a test"

[[allow]]
rule = "sysctl"
values = ["net.ipv4.ip_forward"]
callers = ["*"]
reason = "a member of two networks that would forward"

[[allow]]
rule = "host-namespace"
values = ["network"]
callers = ["*"]
reason = "to see that it is refused all the same"
`

// joining describes a container of the probe's image on networks, the first of which has the default route.
func joining(name, script string, networks ...string) client.ContainerCreateOptions {
	options := probed(name)
	options.Config.Cmd = []string{"sh", "-c", script}
	options.HostConfig.NetworkMode = container.NetworkMode(networks[0])
	options.NetworkingConfig = &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{}}
	for i, n := range networks {
		options.NetworkingConfig.EndpointsConfig[n] = &network.EndpointSettings{GwPriority: len(networks) - i}
	}
	return options
}

// on is where a container is on a network: its address and hardware address.
func on(t *testing.T, node *harness.Node, id, name string) (ip, mac string) {
	t.Helper()
	endpoint := inspect(t, node, id).NetworkSettings.Networks[name]
	if endpoint == nil || !endpoint.IPAddress.IsValid() {
		t.Fatalf("%s has no address on %s", id, name)
	}
	return endpoint.IPAddress.String(), endpoint.MacAddress.String()
}

// attacked is a node with three networks, on which attackers try again and again and log what comes of it.
type attacked struct {
	node     *harness.Node
	evil     string            // a member of red with NET_ADMIN and NET_RAW
	vault    string            // a member of the internal network
	victim   string            // a member of red that talks to another
	forged   string            // the line of the victim's neighbour table that an attacker wants there
	honest   string            // the one that belongs there
	attempts map[string]string // by what they are, what the evil one's log says when they succeed
	escapes  map[string]string // likewise of the one in the vault
}

// stage makes networks, members and attacks.
func stage(t *testing.T) *attacked {
	program, err := probe()
	if err != nil {
		t.Fatal(err)
	}
	image := imagetest.Busybox(t, probeImage)
	image.Layers[0].Files = append(image.Layers[0].Files, imagetest.Exec("bin/probe", program))
	node := harness.NewEmpty(t, harness.Options{Policy: hostile})
	if err := node.Load(t.Context(), imagetest.DockerArchive(image)); err != nil {
		t.Fatal(err)
	}
	for name, internal := range map[string]bool{"red": false, "blue": false, "vault": true} {
		if _, err := node.Client.NetworkCreate(t.Context(), name, client.NetworkCreateOptions{Internal: internal}); err != nil {
			t.Fatal(err)
		}
	}
	port := hostService(t, node)
	const serve = "exec probe serve 0.0.0.0:8080"
	peer, blue := launch(t, node, joining("peer", serve, "red")), launch(t, node, joining("blue", serve, "blue"))
	router := joining("both", serve, "red", "blue")
	router.HostConfig.Sysctls = map[string]string{"net.ipv4.ip_forward": "1"} // else it depends on the machine's own
	both := launch(t, node, router)
	second := launch(t, node, joining("second", serve, "blue"))
	// With a way back, so that only the rules are between it and the others.
	locked := joining("locked", "ip route add default via $(ip -4 route | awk '{sub(\"[0-9]*/.*\",\"1\",$1); print $1}'); "+serve, "vault")
	locked.HostConfig.CapAdd = []string{"NET_ADMIN"}
	vault := launch(t, node, locked)
	peerIP, peerMAC := on(t, node, peer, "red")
	bothRed, _ := on(t, node, both, "red")
	bothBlue, _ := on(t, node, both, "blue")
	blueIP, _ := on(t, node, blue, "blue")
	secondIP, _ := on(t, node, second, "blue")
	vaultIP, _ := on(t, node, vault, "vault")
	a := &attacked{node: node}
	a.victim = launch(t, node, joining("victim", "while :; do probe dial "+peerIP+":8080 both:8080; cat /proc/net/arp; echo round; sleep 0.3; done", "red"))
	victimIP, victimMAC := on(t, node, a.victim, "red")

	options := joining("evil", fmt.Sprintf("ip route add %s/32 via %s && probe forge eth0 %s %s %s & exec probe rounds %s:8080 %s:8080 %s:8080 %s:8080 %s:%s",
		secondIP, bothRed, victimMAC, victimIP, peerIP, blueIP, secondIP, vaultIP, bothBlue, other, port), "red")
	options.HostConfig.CapAdd = []string{"NET_ADMIN", "NET_RAW"}
	a.evil = launch(t, node, options)
	_, evilMAC := on(t, node, a.evil, "red")
	a.forged, a.honest = neighbour(peerIP, evilMAC), neighbour(peerIP, peerMAC)
	a.attempts = map[string]string{
		"N-XNET: a container of another network":                     blueIP + ":8080: ok",
		"N-XNET: a container of another network through one of both": secondIP + ":8080: ok",
		"N-XNET: a container of an internal network":                 vaultIP + ":8080: ok",
		"N-XNET: a member's address on another network":              bothBlue + ":8080: ok",
		"N-HOSTIP: a service of the host":                            other + ":" + port + ": ok",
	}
	gateway := inspect(t, node, vault).NetworkSettings.Networks["vault"].Gateway.String()
	options = joining("prisoner", fmt.Sprintf("ip route add default via %s; exec probe rounds %s:8080 %s:%s %s:8080", gateway, blueIP, other, port, vaultIP), "vault")
	options.HostConfig.CapAdd = []string{"NET_ADMIN"}
	a.vault = launch(t, node, options)
	a.escapes = map[string]string{"out of an internal network": blueIP + ":8080: ok", "from an internal network to the host": other + ":" + port + ": ok"}
	t.Run("positive", func(t *testing.T) { a.settles(t, vaultIP) })
	return a
}

// neighbour is how /proc/net/arp begins and goes on about an address.
func neighbour(ip, mac string) string {
	return fmt.Sprintf("%-17s0x1         0x2         %s", ip, mac)
}

// settles waits until everybody has tried twice, and what must work has.
func (a *attacked) settles(t *testing.T, vaultIP string) {
	for id, want := range map[string]string{a.evil: "round", a.vault: vaultIP + ":8080: ok", a.victim: a.honest} {
		eventually(t, time.Minute, "two rounds with "+want, func() bool {
			text := a.log(t, id)
			return strings.Count(text, want) >= 2 && strings.Count(text, "round") >= 2
		})
	}
	if text := a.log(t, a.victim); !strings.Contains(text, "both:8080: ok") {
		t.Errorf("members of one network do not reach each other by name: %s", text)
	}
}

// log is what a container has written, read from the disk: it is needed without a daemon too.
func (a *attacked) log(t *testing.T, id string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(a.node.Dir, "containers", id, "log.json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// succeeded lists the attacks that have worked.
func (a *attacked) succeeded(t *testing.T) map[string]bool {
	t.Helper()
	done := map[string]bool{"N-ARP: another member's address": strings.Contains(a.log(t, a.victim), a.forged)}
	for what, line := range a.attempts {
		done[what] = strings.Contains(a.log(t, a.evil), line)
	}
	for what, line := range a.escapes {
		done[what] = strings.Contains(a.log(t, a.vault), line)
	}
	return done
}

// TestNetworkAttacks: who is on a network reaches its members and nobody else, not even with NET_ADMIN and NET_RAW. The twin of every
// attack is the same attack, which succeeds when the node's rules are taken away.
func TestNetworkAttacks(t *testing.T) {
	if _, err := exec.LookPath("nft"); err != nil {
		t.Skip("needs nft to take the node's rules away")
	}
	a := stage(t)
	t.Cleanup(func() {
		if !a.node.Running() {
			_ = a.node.Up(context.Background()) // it removes what it made
		}
	})
	for what, done := range a.succeeded(t) {
		if done {
			t.Errorf("%s is reached", what)
		}
	}
	if _, err := a.node.Client.ContainerCreate(t.Context(), joining("hosts", "true", "host")); err == nil || !strings.Contains(err.Error(), "a network namespace of its own") {
		t.Errorf("a container of the host's network: %v", err)
	}
	if err := a.node.Kill(); err != nil { // it would put the rules back
		t.Fatal(err)
	}
	for _, family := range []string{"inet", "bridge"} {
		if err := inRoom(t.Context(), a.node, "nft", "delete", "table", family, "bailey-"+a.node.Name()); err != nil {
			t.Fatal(err)
		}
	}
	for what := range a.succeeded(t) {
		eventually(t, 30*time.Second, "without rules: "+what, func() bool { return a.succeeded(t)[what] })
	}
}

// inRoom runs a program where a node runs.
func inRoom(ctx context.Context, node *harness.Node, command ...string) error {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := node.Room.Start(cmd); err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%v: %w: %s", command, err, out.String())
	}
	return nil
}
