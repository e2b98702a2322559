package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/bailey-run/bailey/internal/image/imagetest"
	"github.com/bailey-run/bailey/test/harness"
)

// registryAt is where the registry of TestRegistry listens, in the node's own network.
const registryAt = "127.0.0.1:5443"

// TestRegistry: what Bailey pushes to a real registry over TLS, other clients of registries find whole and under the digest
// that Bailey told, and the other way round.
func TestRegistry(t *testing.T) {
	tools := newRegistry(t)
	node, dir := tools.node, tools.dir

	packed := imagetest.Busybox(t, "packed:1")
	packed.Layers[0].Compression = "gzip" // as builders do it, and as crane expects it
	if err := node.Load(t.Context(), imagetest.OCIArchive(packed)); err != nil {
		t.Fatal(err)
	}
	own, other, third := registryAt+"/team/app:1", registryAt+"/team/app:2", registryAt+"/mirror/app:3"
	if _, err := node.Client.ImageTag(t.Context(), client.ImageTagOptions{Source: "packed:1", Target: own}); err != nil {
		t.Fatal(err)
	}
	pushed := push(t, node, own)
	for _, tool := range [][]string{{"crane", "digest", own}, {"regctl", "image", "digest", own}} {
		if got := tools.run(t, tool...); got != pushed {
			t.Errorf("%v: got %s, Bailey pushed %s", tool, got, pushed)
		}
	}
	tools.run(t, "crane", "validate", "--remote", own) // reads every blob and compares it with its digests
	tools.run(t, "crane", "pull", own, filepath.Join(dir, "app.tar"))
	if again := push(t, node, own); again != pushed {
		t.Errorf("pushed again it is %s, before it was %s", again, pushed)
	}

	changed := tools.run(t, "crane", "mutate", "--label", "made.by=crane", "-t", other, own)
	tools.run(t, "regctl", "image", "copy", other, third)
	want := strings.TrimSpace(changed[strings.LastIndex(changed, "@")+1:])
	for _, ref := range []string{other, third} {
		found, err := node.Client.DistributionInspect(t.Context(), ref, client.DistributionInspectOptions{})
		if err != nil || found.Descriptor.Digest.String() != want {
			t.Errorf("the registry has %s as %s, Bailey says %s, %v", ref, want, found.Descriptor.Digest, err)
		}
		pull(t, node, ref)
		img, err := node.Client.ImageInspect(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		repository, _, _ := strings.Cut(ref, "/app:")
		if img.ID != want || img.Config.Labels["made.by"] != "crane" || !strings.Contains(strings.Join(img.RepoDigests, " "), repository+"/app@"+want) {
			t.Errorf("%s is %s with %v and %v; want %s", ref, img.ID, img.RepoDigests, img.Config.Labels, want)
		}
	}
	options := shell("from-registry", "echo it runs")
	options.Config.Image = third
	launch(t, node, options)
	eventually(t, 30*time.Second, "the pulled image to run", func() bool {
		out, err := logged(t.Context(), node, "from-registry")
		return err == nil && out == "it runs\n"
	})
	if _, err := node.Client.DistributionInspect(t.Context(), registryAt+"/team/none:1", client.DistributionInspectOptions{}); err == nil {
		t.Error("an image that the registry does not have was found")
	}
}

// registryTools runs programs in a node's network.
type registryTools struct {
	node *harness.Node
	dir  string
}

// newRegistry is a node with a registry whose certificate it trusts.
func newRegistry(t *testing.T) *registryTools {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: a node makes namespaces, control groups and mounts")
	}
	dir := t.TempDir()
	authority := certify(t, dir)
	config := filepath.Join(dir, "config.toml")
	trusted := filepath.Join(dir, "certs.d")
	err := os.WriteFile(config, fmt.Appendf(nil, "registry-certificates = %q\n", trusted), 0o600)
	for _, at := range []string{registryAt, closedRegistryAt} {
		of := filepath.Join(trusted, at)
		err = errors.Join(err, os.MkdirAll(of, 0o700), os.WriteFile(filepath.Join(of, "ca.crt"), authority, 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	node := harness.New(t, harness.Options{Args: []string{"--config", config}})
	tools := &registryTools{node: node, dir: dir}
	tools.serve(t, registryAt, "")
	return tools
}

// serve starts a registry, with more in its configuration, and waits until it answers.
func (r *registryTools) serve(t *testing.T, at, more string) {
	t.Helper()
	config := filepath.Join(r.dir, at+".yml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: warn, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %q}}\nhttp: {addr: %q, tls: {certificate: %q, key: %q}}\n%s",
		filepath.Join(r.dir, "storage", at), at, filepath.Join(r.dir, "ca.crt"), filepath.Join(r.dir, "ca.key"), more)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	path, err := harness.Client(t.Context(), "registry")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "serve", config)
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := r.node.Room.Start(cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the registry said:\n%s", &log)
		}
	})
	eventually(t, 30*time.Second, "the registry", func() bool {
		conn, err := r.node.Dial(t.Context(), "tcp", at)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}

// run runs a client of registries to its end and returns what it printed, without space around it.
func (r *registryTools) run(t *testing.T, args ...string) string {
	t.Helper()
	path, err := harness.Client(t.Context(), args[0])
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), harness.CommandWithin)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args[1:]...)
	cmd.Env = []string{"HOME=" + r.dir, "PATH=" + os.Getenv("PATH"), "SSL_CERT_FILE=" + filepath.Join(r.dir, "ca.crt")}
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := r.node.Room.Start(cmd); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %v: %s%s", args, err, &stdout, &stderr)
	}
	return strings.TrimSpace(stdout.String())
}

// push pushes an image and returns the digest that the node says it has in the registry.
func push(t *testing.T, node *harness.Node, ref string) string {
	t.Helper()
	answer, err := node.Client.ImagePush(t.Context(), ref, client.ImagePushOptions{RegistryAuth: "e30="})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Close()
	var digest string
	for messages := json.NewDecoder(answer); ; {
		var m struct {
			Error string
			Aux   struct{ Digest string }
		}
		if err := messages.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil || m.Error != "" {
			t.Fatalf("push %s: %v %s", ref, err, m.Error)
		}
		if m.Aux.Digest != "" {
			digest = m.Aux.Digest
		}
	}
	return digest
}

// pull pulls an image.
func pull(t *testing.T, node *harness.Node, ref string) {
	t.Helper()
	answer, err := node.Client.ImagePull(t.Context(), ref, client.ImagePullOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Close()
	if err := answer.Wait(t.Context()); err != nil {
		t.Fatalf("pull %s: %v", ref, err)
	}
}

// certify makes a certificate for 127.0.0.1 with its key in dir and returns it.
func certify(t *testing.T, dir string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "registry of a test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	made, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made})
	if err := errors.Join(
		os.WriteFile(filepath.Join(dir, "ca.crt"), authority, 0o600),
		os.WriteFile(filepath.Join(dir, "ca.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	return authority
}
