package rootfs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// scripts are what processes of a container do in these tests. Each reports
// named results.
var scripts = map[string]func(report func(name string, v any)){
	"wait": func(func(string, any)) { _, _ = io.Copy(io.Discard, os.Stdin) },
	"use":  useRoot,
	"look": func(report func(string, any)) {
		for _, p := range []string{"/", "/all", "/etc/hosts", "/etc/passwd", "/dir", "/hidden/secret", "/moved/x"} {
			report(p, owner(p))
		}
		report("create", errname(os.WriteFile("/created", nil, 0o644)))
	},
	"points": func(report func(string, any)) {
		text, _ := os.ReadFile("/etc/hosts")
		report("hosts", string(text))
		report("mkdir", errname(os.Mkdir("/proc", 0o755)))
		report("below", errname(os.MkdirAll("/dir/sub/point", 0o755)))
		_, err := os.Stat("/dir/of1")
		report("of1", errname(err))
		for _, p := range []string{"/", "/etc", "/etc/hosts", "/new/deep", "/new/deep/file"} {
			info, err := os.Stat(p)
			if err != nil {
				report(p, errname(err))
				continue
			}
			report(p, fmt.Sprintf("%s %04o", owner(p), info.Mode().Perm()))
		}
	},
	"devices": func(report func(string, any)) {
		_, err := os.Open("/null")
		report("open", errname(err))
		info, err := os.Stat("/null")
		report("mode", fmt.Sprint(info.Mode(), err))
		report("suid", fmt.Sprint(suidHonoured("/")))
	},
}

func runScript(s string) {
	name, inside := strings.CutSuffix(s, " in fd 3")
	if inside {
		if err := errors.Join(unix.Fchdir(3), unix.Chroot("."), unix.Chdir("/"), unix.Close(3)); err != nil {
			fmt.Fprintln(os.Stderr, "enter the root:", err)
			os.Exit(1)
		}
	}
	results := make(map[string]string)
	scripts[name](func(name string, v any) { results[name] = fmt.Sprint(v) })
	_ = json.NewEncoder(os.Stdout).Encode(results)
}

// useRoot does what programs do to a writable root file system.
func useRoot(report func(string, any)) {
	report("uid", os.Getuid())
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"write", func() error { return os.WriteFile("/etc/new", []byte("x"), 0o600) }},
		{"chown", func() error { return os.Chown("/etc/new", 1000, 1001) }},
		{"copyup", func() error { return os.Chown("/dir/of1", 42, 43) }},
		{"append", func() error { return appendTo("/all") }},
		{"rename", func() error { return os.Rename("/all", "/all2") }},
		{"remove", func() error { return os.Remove("/etc/passwd") }},
		{"opaque", func() error { return replaceDir("/dir2") }},
		{"link", func() error { return os.Symlink("/etc/new", "/link") }},
		{"setuid", func() error { return os.WriteFile("/suid", nil, 0o755) }},
		{"chmod", func() error { return unix.Chmod("/suid", 0o4755) }},
		{"fifo", func() error { return unix.Mkfifo("/fifo", 0o644) }},
		{"xattr", func() error { return unix.Setxattr("/etc/new", "user.note", []byte("v"), 0) }},
		{"outside", func() error { return os.Chown("/etc/new", 70000, 70000) }},
	} {
		report(step.name, errname(step.do()))
	}
	report("/etc/new", owner("/etc/new"))
	report("/dir/of1", owner("/dir/of1"))
	report("/etc/hosts", owner("/etc/hosts"))
	report("as-user", errname(asUser(1000, func() error { return appendTo("/etc/new") })))
}

func appendTo(path string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString("more")
	return err
}

func replaceDir(path string) error {
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	return os.Mkdir(path, 0o755)
}

// asUser runs f with another file-system user id; the process ends soon.
func asUser(uid int, f func() error) error {
	if _, err := unix.SetfsuidRetUid(uid); err != nil {
		return err
	}
	return f()
}

func owner(path string) string {
	var s unix.Stat_t
	if err := unix.Lstat(path, &s); err != nil {
		return errname(err)
	}
	return fmt.Sprintf("%d:%d", s.Uid, s.Gid)
}

func suidHonoured(path string) bool {
	var s unix.Statfs_t
	return unix.Statfs(path, &s) == nil && s.Flags&unix.ST_NOSUID == 0
}

func errname(err error) string {
	if err == nil {
		return "ok"
	}
	var no unix.Errno
	errors.As(err, &no)
	return unix.ErrnoName(no)
}
