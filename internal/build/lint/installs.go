package lint

import (
	"slices"
	"strings"

	"github.com/bailey-run/bailey/internal/build/pattern"
)

// installs tells whether a command of a package manager installs something.
func (c *call) installs() bool {
	verb := ""
	if words := c.words(); len(words) > 0 {
		verb = words[0]
	}
	return slices.Contains([]string{"install", "add", "i", "in", "ci", "reinstall", "upgrade", "dist-upgrade", "groupinstall", "localinstall"}, verb)
}

// aptWords are those of apt's commands that are packages: options with a value
// of their own are left out.
func (c *call) packages() []string {
	var found []string
	for n, word := range c.args {
		if n > 0 && slices.Contains([]string{"-o", "-t", "-c", "--repository", "-X", "--virtual", "-p", "-r", "--requirement", "-e", "--editable", "--index-url", "-i", "--extra-index-url", "-f", "--find-links", "--prefix", "--target", "--constraint"}, c.args[n-1]) {
			continue
		}
		if !strings.HasPrefix(word, "-") {
			found = append(found, word)
		}
	}
	if len(found) > 0 {
		found = found[1:] // the verb
	}
	return found
}

// pipInstall returns the arguments of pip's install, however pip is called.
func (c *call) pipInstall() (*call, bool) {
	if (c.name == "python" || c.name == "python3") && len(c.args) > 1 && c.args[0] == "-m" && c.args[1] == "pip" {
		c = &call{name: "pip", args: c.args[2:]}
	}
	return c, (c.name == "pip" || c.name == "pip3") && c.has("install")
}

// checkAptUpdate looks for an index that is fetched in a layer of its own.
func (l *linter) checkAptUpdate(r run) {
	update := r.some("apt-get", func(c *call) bool { return c.has("update") }) || r.some("apt", func(c *call) bool { return c.has("update") })
	used := r.some("apt-get", (*call).installs) || r.some("apt", (*call).installs) || r.some("aptitude", (*call).installs) || r.some("apt-get", func(c *call) bool { return c.has("build-dep", "source", "download") })
	if update && !used && !r.mounted("/var/lib/apt") {
		l.add("apt-update-alone", l.near(r.Instruction, "update"), "this layer keeps an index that grows old", "")
	}
}

// checkInstalled looks at what is installed into the image.
func (l *linter) checkInstalled(r run) {
	for _, c := range r.calls {
		switch c.name {
		case "sudo":
			l.add("sudo", l.near(r.Instruction, "sudo"), "RUN uses sudo", "")
		case "apt-get", "apt", "apk", "dnf", "yum", "microdnf", "tdnf", "zypper":
			if !c.installs() {
				continue
			}
			if strings.HasPrefix(c.name, "apt") && c.has("install") && !c.flag(0, "--no-install-recommends") && !c.has("APT::Install-Recommends=false", "APT::Install-Recommends=0") && !c.has("upgrade", "dist-upgrade") {
				l.add("apt-recommends", l.near(r.Instruction, c.name, "install"), c.name+" install takes recommended packages too", c.name+" install -y --no-install-recommends "+strings.Join(c.packages(), " "))
			}
			l.checkPackages(r, c)
		}
	}
}

// buildPackages are packages that compile others.
var buildPackages = pattern.Lazy(`^(build-essential|build-base|gcc|g\+\+|clang|make|cmake|automake|autoconf|golang(-go)?|go|rustc|cargo|maven|gradle|default-jdk|openjdk-[0-9]+-jdk.*|linux-headers.*|[a-z0-9+-]+-dev|[a-z0-9+-]+-devel|"Development Tools")$`)

// checkPackages looks at the packages that one command installs.
func (l *linter) checkPackages(r run, c *call) {
	var tools []string
	for _, name := range c.packages() {
		bare := strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune("=~<>", r) })
		switch {
		case len(bare) == 0:
		case bare[0] == "sudo":
			l.add("sudo", l.near(r.Instruction, "sudo"), "sudo is installed", "leave sudo out, and use USER")
		case slices.Contains([]string{"openssh-server", "openssh", "dropbear"}, bare[0]):
			l.add("ssh-server", l.near(r.Instruction, bare[0]), bare[0]+" is installed", "")
		case buildPackages().MatchString(bare[0]):
			tools = append(tools, bare[0])
		}
	}
	removes := slices.ContainsFunc(r.calls, func(other *call) bool { return other.has("purge", "remove", "del", "autoremove", "erase") })
	if len(tools) > 0 && !removes {
		l.add("build-tools", l.near(r.Instruction, tools[0]), "the image has "+strings.Join(tools, " "), "")
	}
}

var (
	goVersion  = pattern.Lazy(`@(latest|master|main|HEAD)$`)
	npmVersion = pattern.Lazy(`^(@[^/]+/)?[^@]+@[0-9^~]`)
)

// checkPinned looks for packages of languages in whatever version is newest.
func (l *linter) checkPinned(r run) {
	for _, c := range r.calls {
		if pip, ok := c.pipInstall(); ok {
			l.checkPip(r, pip)
			continue
		}
		words := c.words()
		if len(words) == 0 {
			continue
		}
		switch {
		case c.name == "npm" && slices.Contains([]string{"install", "i", "add"}, words[0]):
			loose := slices.DeleteFunc(slices.Clone(words[1:]), func(w string) bool {
				return npmVersion().MatchString(w) || strings.ContainsAny(w[:min(1, len(w))], "./$")
			})
			switch {
			case len(words) == 1 && !c.flag('g', "--global"):
				l.add("unpinned-install", l.near(r.Instruction, "npm"), "npm "+words[0]+" may resolve other versions than the lock file's", "npm ci")
			case len(loose) > 0:
				l.add("unpinned-install", l.near(r.Instruction, "npm", loose[0]), "npm "+words[0]+" "+quote(loose[0])+" has no version", "npm "+words[0]+" "+quote(loose[0]+"@VERSION"))
			}
		case c.name == "yarn" && (words[0] == "install") && !c.flag(0, "--frozen-lockfile", "--immutable"):
			l.add("unpinned-install", l.near(r.Instruction, "yarn"), "yarn install may change the lock file", "yarn install --immutable   (--frozen-lockfile before version 2)")
		case c.name == "pnpm" && (words[0] == "install" || words[0] == "i") && !c.flag(0, "--frozen-lockfile"):
			l.add("unpinned-install", l.near(r.Instruction, "pnpm"), "pnpm install may change the lock file", "pnpm install --frozen-lockfile")
		case c.name == "go" && (words[0] == "install" || words[0] == "get"):
			for _, w := range words[1:] {
				if goVersion().MatchString(w) {
					l.add("unpinned-install", l.near(r.Instruction, w), "go "+words[0]+" "+quote(w)+" is whatever is newest", "go "+words[0]+" "+quote(goVersion().ReplaceAllString(w, "")+"@VERSION"))
				}
			}
		case c.name == "cargo" && words[0] == "install" && !c.flag(0, "--version", "--locked", "--path", "--vers") && !strings.Contains(strings.Join(words[1:], " "), "@"):
			l.add("unpinned-install", l.near(r.Instruction, "cargo"), "cargo install takes whatever is newest", "cargo install --locked --version VERSION NAME")
		case c.name == "gem" && words[0] == "install" && !c.flag('v', "--version") && !strings.Contains(strings.Join(words[1:], " "), ":"):
			l.add("unpinned-install", l.near(r.Instruction, "gem"), "gem install takes whatever is newest", "gem install NAME --version VERSION")
		}
	}
}

// checkPip looks for requirements without a version.
func (l *linter) checkPip(r run, c *call) {
	for _, name := range c.packages() {
		pinned := strings.Contains(name, "==") || strings.Contains(name, "@") || strings.ContainsAny(name[:min(1, len(name))], "./$") || strings.HasSuffix(name, ".whl")
		if !pinned && !slices.Contains([]string{"pip", "setuptools", "wheel"}, name) && !c.flag(0, "--require-hashes") && !c.flag('c', "--constraint") {
			l.add("unpinned-install", l.near(r.Instruction, "install", name), "pip install "+quote(name)+" has no version", "pip install "+quote(name+"==VERSION")+", or -r requirements.txt with hashes")
		}
	}
}
