package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/bailey-run/bailey/internal/cli/daemon"
	"github.com/docker/cli/cli/connhelper"
	"github.com/docker/cli/cli/connhelper/ssh"
)

// hostVariable names the node when --host does not. DOCKER_HOST does not: it
// usually means Docker's engine, and a command that was meant for a node must
// not fall upon the containers there.
const hostVariable = "BAILEY_HOST"

// target is a node and the way to it.
type target struct {
	// url is how the node is written: unix:///PATH or ssh://[USER@]HOST[:PORT][/PATH].
	url string
	// socket is the path of a unix socket on this machine, or empty.
	socket string
	// dir is the node's directory when it was named by that.
	dir string
}

// chooseHost returns which node is meant.
func chooseHost(flag []string) (target, error) {
	host, from := "", ""
	switch {
	case len(flag) > 0:
		host, from = flag[0], "--host"
	case os.Getenv(hostVariable) != "":
		host, from = os.Getenv(hostVariable), hostVariable
	default:
		return target{url: "unix://" + daemon.DefaultSocket, socket: daemon.DefaultSocket}, nil
	}
	t, err := parseHost(host)
	if err != nil {
		return target{}, named(fmt.Errorf("%s %s: %w", from, host, err))
	}
	return t, nil
}

// parseHost takes unix:///PATH, the path of a socket or of a node's directory,
// or an ssh URL.
func parseHost(host string) (target, error) {
	scheme, rest, found := strings.Cut(host, "://")
	switch {
	case !found:
		return parsePath(host)
	case scheme == "unix":
		return parsePath(rest)
	case scheme == "ssh":
		if _, err := ssh.ParseURL(host); err != nil {
			return target{}, err
		}
		return target{url: host}, nil
	case scheme == "tcp" || scheme == "http" || scheme == "https":
		return target{}, errors.New("a node is not reached over TCP, because whoever reaches it is root there; use ssh://USER@HOST, which runs `bailey system dial-stdio` on the other machine")
	}
	return target{}, errors.New("write unix:///PATH, a node's directory, or ssh://USER@HOST")
}

func parsePath(path string) (target, error) {
	if path == "" || strings.ContainsRune(path, 0) {
		return target{}, errors.New("the path of a socket is missing")
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return target{}, err
	}
	if info, err := os.Stat(abs); err == nil && info.IsDir() {
		socket := filepath.Join(abs, "bailey.sock")
		return target{url: "unix://" + socket, socket: socket, dir: abs}, nil
	}
	return target{url: "unix://" + abs, socket: abs}, nil
}

// dial connects to the node.
func (t target) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	if t.socket != "" {
		return daemon.DialSocket(ctx, t.socket)
	}
	spec, err := ssh.ParseURL(t.url)
	if err != nil {
		return nil, err
	}
	remote := []string{"bailey", "system", "dial-stdio"}
	if strings.Trim(spec.Path, "/") != "" {
		remote = []string{"bailey", "--host", spec.Path, "system", "dial-stdio"}
	}
	args, err := spec.Command([]string{"-o", "ConnectTimeout=30", "-T"}, remote...)
	if err != nil {
		return nil, err
	}
	helper, err := connhelper.GetCommandConnectionHelper("ssh", args...)
	if err != nil {
		return nil, err
	}
	return helper.Dialer(ctx, "", "")
}
