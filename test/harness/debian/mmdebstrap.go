package debian

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// options are how mmdebstrap is asked for the base and for packages alike. Documentation and translations are left out: a server
// reads neither.
var options = []string{
	"--quiet", "--mode=root", "--skip=output/dev", `--aptopt=APT::Install-Recommends "false"`, "--aptopt=Acquire::Retries \"3\"",
	"--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/man/*",
	"--dpkgopt=path-exclude=/usr/share/locale/*", "--dpkgopt=path-exclude=/usr/share/info/*",
}

// arguments is mmdebstrap with a variant.
func arguments(variant string) []string {
	return append([]string{"mmdebstrap", "--variant=" + variant}, options...)
}

// scratch is how much memory a build may use as its disk, and spare how much must be free for that, in KiB.
const scratch, spare = 2 << 20, 4 << 20

// inScratch runs a shell script with arguments in a directory of its own, in a mount namespace that ends with it. Packages are thousands of small files, and dpkg waits for the disk after each; where there is memory enough,
// the directory is in memory.
func inScratch(ctx context.Context, script string, stdin io.Reader, stdout io.Writer, args ...string) (failed error) {
	if _, err := exec.LookPath("mmdebstrap"); err != nil {
		return &LackError{"mmdebstrap, which makes images from packages; run: apt-get install mmdebstrap"}
	}
	work, err := os.MkdirTemp("", "bailey-debian-")
	if err != nil {
		return err
	}
	defer func() { failed = errors.Join(failed, os.RemoveAll(work)) }()
	begin := "set -e\n"
	if free, err := available(); err == nil && free > spare {
		begin += fmt.Sprintf("mount -t tmpfs -o size=%dk,mode=0755 scratch \"$0\"\n", scratch)
	}
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", begin + "cd \"$0\"\nmkdir tmp\n" + script, work}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	cmd.Env = append(os.Environ(), "TMPDIR="+work+"/tmp")
	var complaints bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, &complaints
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Run(); err != nil {
		if unreachable.Match(complaints.Bytes()) {
			return &LackError{"a way to the mirror of its packages: " + lastLines(complaints.String())}
		}
		return fmt.Errorf("mmdebstrap: %w\n%s", err, lastLines(complaints.String()))
	}
	return nil
}

// unreachable is how apt says that its mirror cannot be reached.
var unreachable = regexp.MustCompile(`Could not resolve|Could not connect|Temporary failure resolving|Unable to connect|Connection failed|Connection timed out|Network is unreachable`)

// lastLines is the end of what a program printed.
func lastLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-12):], "\n")
}

// available is the memory that can be had without swapping, in KiB: proc(5), meminfo.
func available() (kib int, err error) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "MemAvailable:" {
			return strconv.Atoi(fields[1])
		}
	}
	return 0, errors.New("/proc/meminfo does not say")
}
