package scenes

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/bailey-run/bailey/internal/prove/probe"
	"github.com/bailey-run/bailey/internal/prove/scene"
	"github.com/moby/moby/api/types/container"
)

// neverMounted are paths that no policy can give to a container.
var neverMounted = []string{
	"/", "/etc", "/etc/shadow", "/dev", "/proc", "/sys", "/run", "/var/run", "/boot", "/root",
	"/proc/self/root/etc", "/var/../etc",
}

// hostMounts asks for paths of the host: a stranger for one that a policy
// could list, and the prover, who needs no policy, for those that none can.
func hostMounts() []scene.Scene {
	list := []scene.Scene{{
		ID: "host-mounts/request", Control: "host-mounts", Tries: "have a directory of the host mounted", Source: "docs/policy.md",
		Attack: func(ctx context.Context, s scene.Stage) error {
			return withDir(func(dir string) error { return bind(dir).make(ctx, s, s.Stranger()) })
		},
		Twin: func(ctx context.Context, s scene.Stage) error {
			return withDir(func(dir string) error { return bind(dir).make(ctx, s, s.API()) })
		},
	}, {
		ID: "host-mounts/link", Control: "host-mounts", Tries: "have /etc mounted through a symbolic link", Source: "CVE-2021-30465",
		Attack: func(ctx context.Context, s scene.Stage) error {
			return withDir(func(dir string) error {
				link := filepath.Join(dir, "harmless")
				if err := os.Symlink("/etc", link); err != nil {
					return probe.Untried("%w", err)
				}
				return bind(link).make(ctx, s, s.API())
			})
		},
		Twin: mountsOwnDir,
	}, {
		ID: "delivered-files/shadow", Control: "delivered-files", Tries: "have the host's passwords delivered as a file, by someone who may read them", Source: "shadow(5)",
		Attack: func(ctx context.Context, s scene.Stage) error { return bind("/etc/shadow").make(ctx, s, s.Stranger()) },
		Twin:   func(ctx context.Context, s scene.Stage) error { return bind("/etc/passwd").make(ctx, s, s.Stranger()) },
	}, {
		ID: "host-mounts/engine-socket", Control: "host-mounts", Tries: "have the socket of an engine mounted, wherever it lies", Source: "CIS Docker 5.31",
		Attack: func(ctx context.Context, s scene.Stage) error {
			return withDir(func(dir string) error {
				socket := filepath.Join(dir, "docker.sock")
				l, err := net.Listen("unix", socket)
				if err != nil {
					return probe.Untried("%w", err)
				}
				defer l.Close()
				return bind(socket).make(ctx, s, s.API())
			})
		},
		Twin: mountsOwnDir,
	}}
	for _, path := range neverMounted {
		list = append(list, scene.Scene{
			ID: "host-mounts/never" + strings.NewReplacer("/", "-", ".", "-").Replace(path), Control: "host-mounts", Source: "docs/posture.md",
			Tries:  "have " + path + " mounted, by someone to whom everything is allowed",
			Attack: func(ctx context.Context, s scene.Stage) error { return bind(path).make(ctx, s, s.API()) },
			Twin:   mountsOwnDir,
		})
	}
	return list
}

// mountsOwnDir is the twin: a directory of the prover's own can be mounted.
func mountsOwnDir(ctx context.Context, s scene.Stage) error {
	return withDir(func(dir string) error { return bind(dir).make(ctx, s, s.API()) })
}

func bind(path string) wish {
	return wish{host: container.HostConfig{Binds: []string{path + ":/x:ro"}}}
}

// withDir makes a directory of the host for as long as it is needed.
func withDir(do func(dir string) error) error {
	dir, err := os.MkdirTemp("/var/tmp", "bailey-prove-")
	if err != nil {
		return probe.Untried("%w", err)
	}
	return errors.Join(do(dir), os.RemoveAll(dir))
}
