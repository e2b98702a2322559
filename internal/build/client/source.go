package client

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/bailey-run/bailey/internal/build/remote"
)

// askGit is how long git may take to say where a directory is from: a build does not wait for it.
const askGit = 2 * time.Second

// source says from which repository and commit the files are, for the provenance: what BuildKit's other clients say too.
// A directory that is no repository, or a machine without git, says nothing.
func (o *Options) source(ctx context.Context, attrs map[string]string) {
	if info, err := os.Stat(o.Context); err != nil || !info.IsDir() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askGit)
	defer cancel()
	commit := o.git(ctx, "rev-parse", "HEAD")
	if commit == "" {
		return
	}
	// Files that git ignores do not count, others do that it does not know.
	if o.git(ctx, "status", "--porcelain", "--", ".") != "" {
		commit += "-dirty"
	}
	attrs["vcs:revision"] = commit
	if from := remote.WithoutSecrets(o.git(ctx, "remote", "get-url", "origin")); from != "" {
		attrs["vcs:source"] = from
	}
}

// git asks git about the context. A repository's own settings must not have it execute anything.
func (o *Options) git(ctx context.Context, args ...string) string {
	args = append([]string{"-C", o.Context, "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.pager=cat"}, args...)
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Env = append(os.Environ(), "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C")
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
