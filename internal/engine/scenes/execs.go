package scenes

import (
	"context"
	"errors"
	"strings"

	"github.com/bailey-run/bailey/internal/prove/probe"
	"github.com/bailey-run/bailey/internal/prove/scene"
	"github.com/moby/moby/client"
)

// shows are lines of /proc/self/status that say what a process may do, and
// the control without which they say so.
var shows = []struct {
	id, tries, line string
	beyond          func(value string) bool
	without         string
}{
	{"capabilities", "have a process started that has CAP_SYS_ADMIN", "CapEff", sysAdmin, "capabilities"},
	{"bounding-set", "have a process started that could have CAP_SYS_ADMIN", "CapBnd", sysAdmin, "capabilities"},
	{"new-privileges", "have a process started for which set-user-id programs count", "NoNewPrivs", func(v string) bool { return v == "0" }, "no-new-privileges"},
	{"filter", "have a process started without a filter of system calls", "Seccomp", func(v string) bool { return v == "0" }, "seccomp"},
}

// sysAdmin says that a set in hexadecimal holds bit 21. Source: linux/capability.h.
func sysAdmin(set string) bool {
	const digit = 21/4 + 1
	return len(set) >= digit && strings.ContainsRune("2367abef", rune(set[len(set)-digit]))
}

// execs are the back door: processes that are started in a container that
// runs. Each must be held as the first one is.
func execs() []scene.Scene {
	var list []scene.Scene
	for _, x := range shows {
		has := func(off ...string) func(context.Context, scene.Stage) error {
			return func(ctx context.Context, s scene.Stage) error {
				a, err := running(ctx, s, off...)
				if err != nil {
					return err
				}
				value, err := status(ctx, a, x.line)
				if err == nil && !x.beyond(value) {
					err = errors.New(x.line + " is " + value)
				}
				return err
			}
		}
		list = append(list, scene.Scene{ID: "exec/" + x.id, Control: "exec", Tries: x.tries, Source: "CVE-2019-5736", Attack: has(), Twin: has(x.without)})
	}
	writes := func(off ...string) func(context.Context, scene.Stage) error {
		return func(ctx context.Context, s scene.Stage) error {
			a, err := running(ctx, s, off...)
			if err == nil {
				_, err = a.Do(ctx, "write", "/written", "1")
			}
			return err
		}
	}
	as := func(o client.ExecCreateOptions) func(context.Context, scene.Stage) error {
		return func(ctx context.Context, s scene.Stage) error {
			a, err := running(ctx, s)
			if err == nil {
				_, err = a.DoAs(ctx, o, "cwd")
			}
			return err
		}
	}
	plain := as(client.ExecCreateOptions{})
	return append(list,
		scene.Scene{ID: "exec/write-root", Control: "exec", Tries: "have a process started that writes to the image", Attack: writes(), Twin: writes("root-filesystem")},
		scene.Scene{ID: "exec/privileged", Control: "exec", Tries: "have a privileged process started in a container that is not", Source: "docker exec --privileged",
			Attack: as(client.ExecCreateOptions{Privileged: true}), Twin: plain, Shares: "exec/plain"},
		scene.Scene{ID: "exec/user-overflow", Control: "exec", Tries: "have a process started as a user whose number becomes 0", Source: "CVE-2024-40635",
			Attack: as(client.ExecCreateOptions{User: "4294967296"}), Twin: plain, Shares: "exec/plain"},
		scene.Scene{ID: "exec/foreign-user", Control: "exec", Tries: "have a process started as a user beyond the container's", Source: "user_namespaces(7)",
			Attack: as(client.ExecCreateOptions{User: "70000"}), Twin: plain, Shares: "exec/plain"},
		scene.Scene{ID: "exec/variable-NUL", Control: "exec", Tries: "have a process started with a variable that ends early", Source: "environ(7)",
			Attack: as(client.ExecCreateOptions{Env: []string{"A=b\x00LD_PRELOAD=/evil"}}), Twin: plain, Shares: "exec/plain"},
		scene.Scene{ID: "exec/directory-up", Control: "exec", Tries: "have a process started above the root", Source: "CVE-2024-21626",
			Attack: as(client.ExecCreateOptions{WorkingDir: "/../../../../../../root"}), Twin: plain, Shares: "exec/plain"},
		leaks(),
	)
}

// running is a container that waits, with controls off; scenes share it.
func running(ctx context.Context, s scene.Stage, off ...string) (scene.Actor, error) {
	a, err := scene.Once(ctx, s, "engine/without/"+strings.Join(off, ","), func(ctx context.Context, s scene.Stage) (scene.Actor, error) {
		return s.Start(ctx, scene.Options{Off: off})
	})
	if err != nil {
		return nil, probe.Untried("%w", err)
	}
	return a, nil
}

// status is a line of /proc/self/status of a process that is started.
func status(ctx context.Context, a scene.Actor, line string) (string, error) {
	text, err := a.Do(ctx, "read", "/proc/self/status")
	if err != nil {
		return "", probe.Untried("%w", err)
	}
	for row := range strings.Lines(text) {
		if key, value, _ := strings.Cut(row, ":"); key == line {
			return strings.TrimSpace(value), nil
		}
	}
	return "", probe.Untried("/proc/self/status has no %s", line)
}

// leaks looks for a variable of the daemon's in the environment of a process.
func leaks() scene.Scene {
	finds := func(o client.ExecCreateOptions) func(context.Context, scene.Stage) error {
		return func(ctx context.Context, s scene.Stage) error {
			a, err := running(ctx, s)
			if err != nil {
				return err
			}
			environment, err := a.DoAs(ctx, o, "read", "/proc/self/environ")
			if err != nil {
				return probe.Untried("%w", err)
			}
			for _, name := range []string{"NOTIFY_SOCKET=", "INVOCATION_ID=", "LISTEN_FDS=", "SUDO_USER=", "SSH_AUTH_SOCK=", "_LIBCONTAINER"} {
				if strings.Contains(environment, name) {
					return nil
				}
			}
			return errors.New("it has none of the daemon's")
		}
	}
	return scene.Scene{ID: "exec/environment", Control: "exec", Tries: "learn of the daemon's environment from a process's", Source: "CVE-2016-9962",
		Attack: finds(client.ExecCreateOptions{}), Twin: finds(client.ExecCreateOptions{Env: []string{"SUDO_USER=x"}})}
}
