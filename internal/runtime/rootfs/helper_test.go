package rootfs

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// testBase is the range of ids of the containers in these tests.
const testBase = 0x70000000

// Environment of the re-executed test binary.
const (
	envNS  = "BAILEY_ROOTFS_TEST_NS"  // it runs one test in a mount namespace of its own
	envAct = "BAILEY_ROOTFS_TEST_ACT" // it runs this script as a process of a container
)

func TestMain(m *testing.M) {
	if act := os.Getenv(envAct); act != "" {
		runScript(act)
		return
	}
	os.Exit(m.Run())
}

// inMountNS runs the rest of the test in a process with a private mount
// namespace. It returns false in the process that only waits for that one.
func inMountNS(t testing.TB) bool {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("mounting needs root")
	}
	if os.Getenv(envNS) == "1" {
		return true
	}
	cmd := exec.Command("/proc/self/exe", "-test.run", "^"+t.Name()+"$", "-test.v", "-test.bench", benchOf(t), "-test.benchtime", benchTime())
	cmd.Env = append(os.Environ(), envNS+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("in a mount namespace of its own: %v\n%s", err, out)
	}
	if _, ok := t.(*testing.B); ok || testing.Verbose() {
		t.Logf("%s", out)
	}
	if bytes.Contains(out, []byte("--- SKIP")) {
		t.Skipf("%s", out)
	}
	return false
}

func benchOf(t testing.TB) string {
	if _, ok := t.(*testing.B); ok {
		return "^" + t.Name() + "$"
	}
	return "^$"
}

func benchTime() string { return flag.Lookup("test.benchtime").Value.String() }

// userNS returns a user namespace that maps size ids from base.
func userNS(t testing.TB, base, size int) int {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{envAct + "=wait"}
	ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: base, Size: size}}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER, UidMappings: ids, GidMappings: ids}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skipf("this machine makes no user namespaces: %v", err)
	}
	fd, err := unix.Open(fmt.Sprintf("/proc/%d/ns/user", cmd.Process.Pid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	in.Close()
	_ = cmd.Wait()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// act runs a script as the root of a container whose root directory is root,
// and returns what it reports.
func act(t testing.TB, script, root string) map[string]string {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	dir, err := os.Open(root) // by descriptor, as the parents of root are for the host's root only
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	cmd.ExtraFiles = []*os.File{dir}
	cmd.Env = []string{envAct + "=" + script + " in fd 3"}
	ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: testBase, Size: IDs}}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWUSER, UidMappings: ids, GidMappings: ids,
		GidMappingsEnableSetgroups: true,
		Credential:                 &syscall.Credential{},
	}
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("script %s: %v\n%s", script, err, out)
	}
	report := make(map[string]string)
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatalf("script %s: %v\n%s", script, err, out)
	}
	return report
}

// tree writes files (a trailing slash makes a directory) and returns dir.
func tree(t testing.TB, dir string, files ...string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		p := filepath.Join(dir, f)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if f[len(f)-1] == '/' {
			err = os.MkdirAll(p, 0o755)
		} else {
			err = os.WriteFile(p, []byte(dir), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// newConfig makes n layers, a writable layer and a target under a directory
// of the test.
func newConfig(t testing.TB, n int) Config {
	t.Helper()
	dir := t.TempDir()
	c := Config{
		Upper: tree(t, dir+"/containers/c1/upper"), Work: tree(t, dir+"/containers/c1/work"),
		Target: tree(t, dir+"/run/rootfs"), UserNS: userNS(t, testBase, IDs), IDBase: testBase,
	}
	c.Lower = append(c.Lower, tree(t, dir+"/containers/c1/layer", "etc/hosts"))
	for i := n - 1; i > 0; i-- {
		c.Lower = append(c.Lower, tree(t, fmt.Sprintf("%s/snapshots/%d/fs", dir, i), "all", fmt.Sprintf("dir/of%d", i), "etc/passwd"))
	}
	return c
}

// mount mounts c and unmounts it when the test ends.
func mount(t testing.TB, how func(Config) error, c Config) {
	t.Helper()
	if err := how(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(c.Target, 0); err != nil {
			t.Error(err)
		}
	})
}

// staged mounts the way that older kernels need.
func staged(c Config) error {
	if err := c.check(); err != nil {
		return err
	}
	target, err := openDir(c.Target)
	if err != nil {
		return err
	}
	defer unix.Close(target)
	return onOwnThread(func() error { return mountStaged(&c, target) })
}

var ways = map[string]func(Config) error{"descriptors": Mount, "staged": staged}
