package runtime

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strconv"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// The oldest versions that are used, and why.
var safeRuntimes = map[string]struct {
	oldest [3]int
	why    string
}{
	// The escapes through /dev and /proc of November 2025 (CVE-2025-31133,
	// CVE-2025-52565, CVE-2025-52881) and the files made on the host through an
	// image's /dev (CVE-2026-41579) are closed; and on version 2 control groups
	// older ones are corrupted by Linux 6.17 to 7.1 when device rules are set.
	"runc": {[3]int{1, 5, 2}, "older ones let a container out (CVE-2025-31133, CVE-2025-52565, CVE-2025-52881) or make files on the host (CVE-2026-41579)"},
	// 1.28 closes crun's own form of CVE-2026-41579. 1.27 closed an exec as
	// root (CVE-2026-30892), 1.20 a write to the host (CVE-2025-24965), 1.4.4
	// inherited capabilities (CVE-2022-27650). What is open up to 1.29.1
	// (CVE-2026-88264, CVE-2026-88265) needs a container without a fresh /dev:
	// see checkSpec.
	"crun": {[3]int{1, 28, 0}, "older ones make files on the host through an image's /dev (CVE-2026-47766) or run an exec as root (CVE-2026-30892)"},
}

// versionTimeout bounds how long a runtime may take to say its version.
const versionTimeout = 10 * time.Second

// askVersion asks an OCI runtime what it is; parseVersion understands the answer.
func askVersion(ctx context.Context, path string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, versionTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "--version")
	cmd.Env, cmd.Dir = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, "/"
	out, err := cmd.Output()
	if errors.Is(err, fs.ErrPermission) {
		return "", fmt.Errorf("execute %s: %w; is its file system mounted noexec? `findmnt -T %s` tells", path, err, path)
	}
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w", path, err)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line, nil
}

// parseVersion reads "runc version 1.5.2" from the first line.
func parseVersion(out string) (name, version string, err error) {
	line, _, _ := strings.Cut(out, "\n")
	words := strings.Fields(line)
	if len(words) != 3 || words[1] != "version" {
		return "", "", fmt.Errorf("an OCI runtime says its version as %.80q, which is neither runc's nor crun's way", line)
	}
	return words[0], strings.TrimPrefix(words[2], "v"), nil
}

// checkSafe refuses a runtime with known holes. mend is what to do about it.
func checkSafe(path, name, version, mend string) error {
	refuse := func(why string) error {
		return &UnsafeRuntimeError{Path: path, Version: version, Why: why, Mend: mend}
	}
	safe, known := safeRuntimes[name]
	if !known {
		return refuse("only runc and crun are known to be safe in what Bailey asks of them")
	}
	have, pre, ok := parseNumbers(version)
	if !ok {
		return refuse("its version cannot be compared")
	}
	for i, n := range safe.oldest {
		if have[i] != n {
			if have[i] < n {
				return refuse(tooOld(name, safe.oldest) + safe.why)
			}
			return nil
		}
	}
	if pre {
		return refuse(tooOld(name, safe.oldest) + safe.why)
	}
	return nil
}

func tooOld(name string, oldest [3]int) string {
	return fmt.Sprintf("%s %d.%d.%d is the oldest that is safe; ", name, oldest[0], oldest[1], oldest[2])
}

// parseNumbers reads 1.5.2, 1.28 or 1.6.0-rc.1+dev; pre says that it came
// before the release of these numbers.
func parseNumbers(version string) (n [3]int, pre, ok bool) {
	version, _, _ = strings.Cut(version, "+")
	version, _, pre = strings.Cut(version, "-")
	parts := strings.Split(version, ".")
	if len(parts) < 2 || len(parts) > 3 {
		return n, pre, false
	}
	for i, p := range parts {
		v, err := strconv.Atoi(p)
		if err != nil || v < 0 {
			return n, pre, false
		}
		n[i] = v
	}
	return n, pre, true
}

// checkSpec refuses what the runtime in use is known to do unsafely.
func (r *Runtime) checkSpec(spec *specs.Spec) error {
	if r.info.Name != "crun" {
		return nil
	}
	for _, m := range spec.Mounts {
		if m.Destination == "/dev" && m.Type == "tmpfs" {
			return nil
		}
	}
	return &StartError{Code: 125, Message: "crun is not given a container without a tmpfs on /dev: " +
		"it would follow what the image put there (CVE-2026-88264, CVE-2026-88265); use the shipped runc for it"}
}
