package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bailey-run/bailey/test/harness"
)

// TestFilesOfContainersAreNobodysOnTheHost: what is root's in a container is root's on the disk, set-user-id bits included.
// Users of the host reach neither the programs nor anything else of a volume, a writable root or a layer.
func TestFilesOfContainersAreNobodysOnTheHost(t *testing.T) {
	node := harness.New(t, harness.Options{Policy: `
[[allow]]
rule = "writable-root"
callers = ["*"]
reason = "a test"
`})
	node.MustBailey(t, "run", "-d", "-v", "data:/data", "--security-opt", "rootfs=writable", harness.Image,
		"sh", "-c", "for d in /data /opt; do mkdir -p $d; cp /bin/busybox $d/id; chmod 4755 $d/id; done; touch /data/done; sleep 1000")
	var programs []string
	eventually(t, buildWithin, "the programs lie on the disk", func() bool {
		done, _ := exec.CommandContext(t.Context(), "find", node.Dir, "-name", "done").Output()
		out, _ := exec.CommandContext(t.Context(), "find", node.Dir, "-name", "id", "-perm", "-4000").Output()
		programs = strings.Fields(string(out))
		return len(done) > 0
	})
	if len(programs) != 2 {
		t.Fatalf("set-user-id programs: %q", programs)
	}
	for _, program := range programs {
		cmd := exec.CommandContext(t.Context(), program, "-u")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		cmd.Dir = "/"
		if out, err := cmd.CombinedOutput(); err == nil {
			short, _ := filepath.Rel(node.Dir, program)
			t.Errorf("nobody reached and executed %s of the node's directory: %s", short, out)
		}
	}
}
