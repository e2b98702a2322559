package sandbox

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Bounds of what one process may be given.
const (
	maxArgs   = 1 << 20 // bytes of arguments and environment each
	maxGroups = 1024    // supplementary groups
	maxPath   = 4095    // bytes; PATH_MAX without the end
	maxName   = 64      // bytes of a host name; see sethostname(2)
)

const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func checkArgs(args []string) error {
	if len(args) == 0 || args[0] == "" {
		return &InvalidError{Field: "command", Why: "there is nothing to run: the image names no command; put one behind the image"}
	}
	return checkStrings("argument", args)
}

// checkEnv wants NAME=value each; a name with a control character could
// forge a line wherever it is shown.
func checkEnv(env []string) error {
	for _, e := range env {
		name, _, ok := strings.Cut(e, "=")
		if !ok || name == "" || strings.ContainsFunc(name, isControl) {
			return &InvalidError{Field: "environment", Value: e, Why: "invalid environment variable: " + e + ": an entry is NAME=value, its name without control characters"}
		}
	}
	return checkStrings("environment", env)
}

func checkStrings(field string, all []string) error {
	size := 0
	for _, s := range all {
		if strings.IndexByte(s, 0) >= 0 {
			return &InvalidError{Field: field, Value: s, Why: "a zero byte would end it early"}
		}
		if size += len(s) + 1; size > maxArgs {
			return &InvalidError{Field: field, Value: fmt.Sprintf("of %d bytes and more", size), Why: fmt.Sprintf("%d bytes are accepted", maxArgs)}
		}
	}
	return nil
}

// checkIdentity keeps ids inside the range that the container has: others
// have no meaning in it (CVE-2024-40635).
func checkIdentity(id Identity) error {
	if len(id.Groups) > maxGroups {
		return &InvalidError{Field: "groups", Value: fmt.Sprintf("%d of them", len(id.Groups)), Why: fmt.Sprintf("%d are accepted", maxGroups)}
	}
	for _, n := range append([]uint32{id.UID, id.GID}, id.Groups...) {
		if n >= IDs {
			return &InvalidError{Field: "user or group", Value: fmt.Sprint(n),
				Why: fmt.Sprintf("a container has the ids 0 to %d; choose one of them with --user or USER", IDs-1)}
		}
	}
	return nil
}

// workingDir never leads into the kernel's own file systems: a directory
// below /proc may be a descriptor that leads out (CVE-2024-21626).
func workingDir(dir string) (string, error) {
	if dir == "" {
		return "/", nil
	}
	if err := checkPath("working directory", dir); err != nil {
		return "", err
	}
	if dir = path.Clean(dir); within(dir, "/proc") || within(dir, "/sys") || within(dir, "/dev/fd") {
		return "", &InvalidError{Field: "working directory", Value: dir, Why: "it must not lie in /proc, /sys or /dev/fd; set another with -w or WORKDIR"}
	}
	return dir, nil
}

// checkPath wants an absolute path without control characters.
func checkPath(field, p string) error {
	if !path.IsAbs(p) || len(p) > maxPath || strings.ContainsFunc(p, isControl) {
		return &InvalidError{Field: field, Value: p, Why: fmt.Sprintf("it must be an absolute path of at most %d bytes without control characters", maxPath)}
	}
	return nil
}

func checkHostname(field, name string) error {
	odd := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._", r))
	}
	if len(name) > maxName || strings.ContainsFunc(name, odd) {
		return &InvalidError{Field: field, Value: name, Why: fmt.Sprintf("it has at most %d letters, digits, '-', '.' and '_'", maxName)}
	}
	return nil
}

// defaultEnv adds what programs expect and env does not set.
func defaultEnv(env []string, hostname string, terminal bool) []string {
	add := []string{defaultPath}
	if hostname != "" {
		add = append(add, "HOSTNAME="+hostname)
	}
	if terminal {
		add = append(add, "TERM=xterm")
	}
	for _, e := range add {
		name, _, _ := strings.Cut(e, "=")
		if !slices.ContainsFunc(env, func(have string) bool { return strings.HasPrefix(have, name+"=") }) {
			env = append(env, e)
		}
	}
	return env
}

// within says whether clean path p is root or lies below it.
func within(p, root string) bool {
	return p == root || root == "/" || strings.HasPrefix(p, root+"/")
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// isOdd tells what no name has that a policy may have to list: there an
// asterisk at the end means whatever follows.
func isOdd(r rune) bool { return isControl(r) || r == ' ' || r == '*' }

// isName says whether s can be a file name, a volume's or a secret's.
func isName(s string) bool {
	return s != "" && len(s) <= 255 && s[0] != '.' && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._", r))
	})
}
