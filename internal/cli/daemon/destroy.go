package daemon

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Destroy stops and removes everything of a node that is not running, and
// with data its files too.
func Destroy(ctx context.Context, c Config, w Wiring, data bool, out, logs io.Writer) error {
	if os.Geteuid() != 0 {
		return &RootError{Command: "bailey destroy --dir " + c.Dir, Why: whyRoot}
	}
	if err := isNode(c.Dir); err != nil {
		return fmt.Errorf("destroy: %w; nothing was touched", err)
	}
	lock, err := takeLock(c.Dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := w.Remove(ctx, c, newLog(c.Settings, logs)); err != nil {
		return fmt.Errorf("destroy: %w; the node's files were kept", err)
	}
	if !data {
		fmt.Fprintf(out, "bailey: the node in %s has no containers in the kernel any more; its files were kept (--data removes them)\n", c.Dir)
		return nil
	}
	if err := removeFiles(c); err != nil {
		return fmt.Errorf("destroy: %w", err)
	}
	fmt.Fprintf(out, "bailey: the node in %s is gone\n", c.Dir)
	return nil
}

// removeFiles removes the node's directories. It refuses while something is
// mounted below them, which could be somebody's data.
func removeFiles(c Config) error {
	for _, dir := range []string{c.RunDir, c.Dir} {
		mounts, err := mountsBelow(dir)
		if err != nil {
			return err
		}
		if len(mounts) > 0 {
			return fmt.Errorf("%s is still mounted; its files were kept; run: umount %[1]s", mounts[len(mounts)-1])
		}
	}
	err := errors.Join(os.RemoveAll(c.RunDir), os.RemoveAll(c.Dir))
	if socket := c.Socket; exists(socket) {
		err = errors.Join(err, os.Remove(socket))
	}
	return err
}

// mountsBelow lists mount points at or below dir, in the order of mounting.
func mountsBelow(dir string) ([]string, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var found []string
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 5 {
			continue
		}
		point := unescape(fields[4])
		if rel, err := filepath.Rel(dir, point); err == nil && filepath.IsLocal(rel) {
			found = append(found, point)
		}
	}
	return found, lines.Err()
}

// unescape undoes the octal escapes of mountinfo (proc_pid_mountinfo(5)).
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace
