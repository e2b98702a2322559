package lint

import (
	"slices"
	"strings"

	"github.com/bailey-run/bailey/internal/build/dockerfile"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// run is a RUN with its commands.
type run struct {
	*dockerfile.Instruction
	command *instructions.RunCommand
	*script
}

// mounted tells whether something is mounted over a path whose name contains
// one of the words, so that what is written there is in no layer.
func (r run) mounted(words ...string) bool {
	return slices.ContainsFunc(instructions.GetMounts(r.command), func(m *instructions.Mount) bool {
		return (m.Type == instructions.MountTypeCache || m.Type == instructions.MountTypeTmpfs) &&
			slices.ContainsFunc(words, func(word string) bool { return strings.Contains(m.Target, word) })
	})
}

// removed tells whether the RUN deletes below a path itself.
func (r run) removed(paths ...string) bool {
	deletes := func(c *call) bool {
		return slices.ContainsFunc(c.args, func(arg string) bool {
			return slices.ContainsFunc(paths, func(path string) bool { return strings.HasPrefix(arg, path) })
		})
	}
	return r.some("rm", deletes) || r.some("find", func(c *call) bool { return deletes(c) && c.has("-delete", "rm") })
}

// variable is the value of an ENV or ARG, or empty.
func (r run) variable(name string) string {
	value, _ := r.Vars.Get(name)
	return strings.Trim(value, `"'`)
}

// checkRuns looks at what RUN executes.
func (l *linter) checkRuns() {
	l.each(func(i *dockerfile.Instruction) {
		c, is := i.Command.(*instructions.RunCommand)
		if !is {
			l.checkSwitches(i)
			return
		}
		s := l.scriptOf(c)
		if s.unread && !usesOtherShell(i) {
			l.add("unread-run", i.Range, "these commands are not understood", "")
		}
		r := run{i, c, s}
		l.checkSandbox(r)
		l.checkDownloads(r)
		l.checkVerification(r)
		l.checkPinned(r)
		l.checkAptUpdate(r)
		if l.ships(i.Stage) {
			l.checkCaches(r)
			l.checkInstalled(r)
		}
	})
}

// usesOtherShell tells whether a SHELL before the instruction names a shell
// whose language is another.
func usesOtherShell(at *dockerfile.Instruction) bool {
	other := false
	for _, stage := range at.Stage.Lineage() {
		for _, i := range stage.Instructions {
			if i == at {
				return other
			}
			if c, ok := i.Command.(*instructions.ShellCommand); ok && len(c.Shell) > 0 {
				other = !isShell(newCall(append(c.Shell[:1:1], "")).nameOrEmpty())
			}
		}
	}
	return other
}

func (c *call) nameOrEmpty() string {
	if c == nil {
		return ""
	}
	return c.name
}

// checkSandbox looks at what a RUN asks of the builder.
func (l *linter) checkSandbox(r run) {
	if instructions.GetSecurity(r.command) == instructions.SecurityInsecure {
		l.add("insecure-run", r.Range, "RUN --security=insecure runs without a sandbox", "RUN without --security")
	}
	if instructions.GetNetwork(r.command) == instructions.NetworkHost {
		l.add("insecure-run", r.Range, "RUN --network=host has the host's network", "RUN without --network")
	}
}

// fetchers download; runners execute what they are given.
var (
	fetchers = []string{"curl", "wget", "fetch", "http", "aria2c"}
	runners  = []string{
		"sh", "bash", "ash", "dash", "zsh", "ksh", "python", "python2", "python3", "perl", "ruby", "node", "php", "eval", "source", ".", "pwsh",
	}
	verifiers = []string{
		"sha256sum", "sha512sum", "sha384sum", "sha1sum", "shasum", "sha256", "b2sum", "gpg", "gpgv", "cosign", "minisign", "signify", "openssl", "gh", "sq", "slsa-verifier",
	}
)

// checkDownloads looks for programs that come from somewhere.
func (l *linter) checkDownloads(r run) {
	fetches := func(c *call) bool { return slices.Contains(fetchers, c.name) }
	executed := false
	for _, pipe := range r.pipes {
		from := slices.IndexFunc(pipe, fetches)
		if from < 0 {
			continue
		}
		if to := slices.IndexFunc(pipe[from:], func(c *call) bool { return slices.Contains(runners, c.name) && !c.has("-c", "-m") }); to > 0 {
			l.remoteScript(r, pipe[from], pipe[from].name+" | "+pipe[from+to].name)
			executed = true
		}
	}
	for _, c := range r.calls {
		if slices.Contains(runners, c.name) && slices.ContainsFunc(c.inner, fetches) {
			l.remoteScript(r, c.inner[slices.IndexFunc(c.inner, fetches)], c.name+" of what a download prints")
			executed = true
		}
	}
	if executed || slices.ContainsFunc(r.calls, func(c *call) bool { return slices.Contains(verifiers, c.name) }) {
		return
	}
	for _, c := range r.calls {
		if url := c.url(); fetches(c) && url != "" && (c.name == "wget" && !c.flag(0, "--spider") || c.flag('o', "--output") || c.flag('O', "--remote-name", "--output-document") || c.output != "" && c.output != "/dev/null" || r.piped(c)) {
			l.add("unverified-download", l.near(r.Instruction, c.name, url[:min(len(url), 40)]), "nothing checks what "+c.name+" fetches from "+quote(url), "ADD --checksum=sha256:DIGEST "+quote(url)+" /path, or in this RUN: && echo 'DIGEST  FILE' | sha256sum -c")
		}
	}
}

// piped tells whether the output of a download goes on to another program.
func (s *script) piped(c *call) bool {
	return slices.ContainsFunc(s.pipes, func(pipe []*call) bool {
		at := slices.IndexFunc(pipe, func(p *call) bool { return p.name == c.name && slices.Equal(p.args, c.args) })
		return at >= 0 && at < len(pipe)-1
	})
}

// url is the first argument that is one.
func (c *call) url() string {
	for _, arg := range c.args {
		if strings.HasPrefix(arg, "http://") || strings.HasPrefix(arg, "https://") || strings.HasPrefix(arg, "ftp://") {
			return arg
		}
	}
	return ""
}

func (l *linter) remoteScript(r run, c *call, how string) {
	url := c.url()
	if url == "" {
		url = "URL"
	}
	l.add("remote-script", l.near(r.Instruction, c.name), how+" executes a download unread", "ADD --checksum=sha256:DIGEST "+quote(url)+" /tmp/install.sh, then RUN sh /tmp/install.sh")
}
