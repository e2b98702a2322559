package harness

import (
	"os"
	"testing"

	"github.com/bailey-run/bailey/internal/image/imagetest"
)

// Image is the name of the busybox image that New loads.
const Image = "busybox:test"

// New starts a node for a test, with the image Image in it, and cleans up behind it. What the node leaves behind
// on the machine fails the test. Without root the test is skipped.
func New(tb testing.TB, options Options) *Node {
	tb.Helper()
	n := NewEmpty(tb, options)
	if err := n.Load(tb.Context(), imagetest.DockerArchive(imagetest.Busybox(tb, Image))); err != nil {
		tb.Fatal(err)
	}
	return n
}

// NewEmpty is New without an image.
func NewEmpty(tb testing.TB, options Options) *Node {
	tb.Helper()
	if os.Geteuid() != 0 {
		tb.Skip("needs root: a node makes namespaces, control groups and mounts")
	}
	n, err := Start(tb.Context(), options)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := n.Close(); err != nil {
			tb.Error(err)
		}
		if tb.Failed() {
			tb.Logf("the daemon said:\n%s", n.Log())
		}
	})
	return n
}

// MustBailey runs a verb of the tested bailey, fails the test when it does, and returns what it printed on its
// standard output.
func (n *Node) MustBailey(tb testing.TB, args ...string) string {
	tb.Helper()
	result := n.Bailey(tb.Context(), args...)
	if result.Code != 0 {
		tb.Fatalf("bailey %v: exit status %d\n%s%s", args, result.Code, result.Stdout, result.Stderr)
	}
	return result.Stdout
}

// MustDocker is MustBailey with the stock docker command line. Where there is none, the test is skipped.
func (n *Node) MustDocker(tb testing.TB, args ...string) string {
	tb.Helper()
	if !HasDocker() {
		tb.Skip("the stock docker command line is not installed here")
	}
	result := n.Docker(tb.Context(), args...)
	if result.Code != 0 {
		tb.Fatalf("docker %v: exit status %d\n%s%s", args, result.Code, result.Stdout, result.Stderr)
	}
	return result.Stdout
}
