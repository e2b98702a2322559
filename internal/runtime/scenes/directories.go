package scenes

import (
	"context"
	"fmt"
	"strings"

	"github.com/bailey-run/bailey/internal/prove/probe"
	"github.com/bailey-run/bailey/internal/prove/scene"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// leaked are descriptors that a runtime has had open to a directory of the
// host while it changed to the working directory.
var leaked = []int{3, 4, 5, 6, 7, 8, 9, 10}

// directories have a container or a process start in a directory of the host,
// which a descriptor of the runtime leads to.
func directories() []scene.Scene {
	const source = "CVE-2024-21626"
	var list []scene.Scene
	for _, fd := range leaked {
		path := fmt.Sprint("/proc/self/fd/", fd)
		list = append(list, scene.Scene{
			ID: fmt.Sprint(control, "/run-in-fd-", fd), Control: control, Source: source,
			Tries:  fmt.Sprintf("have a container start in a directory of the host, by the runtime's descriptor %d", fd),
			Attack: starts(scene.Options{Config: container.Config{WorkingDir: path}}),
			Twin:   starts(scene.Options{Config: container.Config{WorkingDir: "/tmp"}}), Shares: control + "/run-in-tmp",
		}, scene.Scene{
			ID: fmt.Sprint(control, "/exec-in-fd-", fd), Control: control, Source: source,
			Tries:  fmt.Sprintf("have a process start in a directory of the host, by the runtime's descriptor %d", fd),
			Attack: actsIn(path), Twin: actsIn("/tmp"), Shares: control + "/exec-in-tmp",
		})
	}
	return list
}

// actsIn executes a process in a directory.
func actsIn(dir string) func(context.Context, scene.Stage) error {
	return func(ctx context.Context, s scene.Stage) error {
		a, err := idle(ctx, s)
		if err != nil {
			return err
		}
		said, err := a.DoAs(ctx, client.ExecCreateOptions{WorkingDir: dir}, "cwd")
		if err == nil && strings.TrimSpace(said) == "" {
			err = probe.Untried("the process did not start, and nobody said why")
		}
		return err
	}
}
