package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strings"
	"syscall"
	"time"

	"github.com/bailey-run/bailey/internal/cli/daemon"
	"github.com/moby/moby/client"
)

// explain returns what is said about an error: what, why, and how to mend it.
func (a *app) explain(err error) string {
	if !unreachable(err) {
		return brandError(err.Error())
	}
	if a.target.socket == "" {
		return fmt.Sprintf("bailey: the node at %s cannot be reached: %s\nCheck that `ssh` reaches the machine without asking, that bailey is installed there, and that its node runs.",
			a.target.url, brandError(err.Error()))
	}
	return explainSocket(a.target)
}

// unreachable tells whether the node did not answer at all.
func unreachable(err error) bool { return err != nil && client.IsErrConnectionFailed(err) }

// explainSocket finds out why a socket does not answer.
func explainSocket(t target) string {
	up := "sudo bailey up"
	switch {
	case t.dir != "":
		up += " --dir " + t.dir
	case t.socket == daemon.DefaultSocket:
		up += "    (or, where it is installed as a service: sudo systemctl start bailey)"
	default:
		up += " --dir DIR    (whose socket is DIR/bailey.sock)"
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	conn, err := daemon.DialSocket(ctx, t.socket)
	switch {
	case err == nil:
		_ = conn.Close()
		return fmt.Sprintf("bailey: the node at %s did not answer in time, or broke off; see its log (journalctl -u bailey, or where `bailey up` runs)", t.url)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return fmt.Sprintf("bailey: no node runs at %s: there is no such socket\nStart it: %s", t.url, up)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Sprintf("bailey: no node runs at %s: the socket is there, but nobody listens on it any more\nStart it: %s", t.url, up)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("bailey: %s may not use the node at %s, which is for root and the group %s\nUse sudo, or join the group (its members are as good as root on this machine) and log in again: sudo usermod -aG %s %s",
			userName(), t.url, daemon.DefaultGroup, daemon.DefaultGroup, userName())
	}
	return fmt.Sprintf("bailey: the node at %s cannot be reached: %v", t.url, err)
}

// userName is who runs this, for messages.
func userName() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return fmt.Sprintf("user %d", os.Geteuid())
}

// unknownVerb is the error for a command that is not there.
func unknownVerb(name string) error {
	for _, verb := range unserved {
		if verb == name {
			return fmt.Errorf("bailey: %q is a command of Docker's that Bailey does not have; `bailey --help` lists those it has", name)
		}
	}
	return fmt.Errorf("bailey: unknown command: bailey %s\n\nRun 'bailey --help' for more information", strings.ToValidUTF8(name, "?"))
}
