package lint

import "strings"

// checkCaches looks for what package managers leave in a layer.
func (l *linter) checkCaches(r run) {
	for _, c := range r.calls {
		if pip, ok := c.pipInstall(); ok {
			off := r.variable("PIP_NO_CACHE_DIR")
			if !pip.flag(0, "--no-cache-dir") && (off == "" || off == "0" || off == "false") && !r.mounted("/.cache", "pip") && !r.removed("/root/.cache", "~/.cache", "$HOME/.cache") {
				l.leaves(r, pip.name, "pip install", "downloads in ~/.cache/pip", "RUN --mount=type=cache,target=/root/.cache/pip pip install ..., or pip install --no-cache-dir ...")
			}
			continue
		}
		l.checkSystemCache(r, c)
		l.checkLanguageCache(r, c)
	}
}

// checkSystemCache looks at the distributions' package managers.
func (l *linter) checkSystemCache(r run, c *call) {
	cleans := func(names ...string) bool {
		for _, name := range names {
			if r.some(name, func(c *call) bool { return c.has("clean") }) {
				return true
			}
		}
		return false
	}
	switch c.name {
	case "apt-get", "apt", "aptitude":
		if (c.has("update") || c.installs()) && !r.mounted("/var/lib/apt") && !r.removed("/var/lib/apt") {
			l.leaves(r, c.name, "", "its package lists in /var/lib/apt/lists", "end this RUN with: && rm -rf /var/lib/apt/lists/*")
		}
	case "apk":
		if (c.installs() || c.has("update")) && !c.flag(0, "--no-cache") && !r.mounted("/var/cache/apk", "/etc/apk/cache") && !r.removed("/var/cache/apk") {
			l.leaves(r, c.name, "", "its index in /var/cache/apk", "apk add --no-cache "+strings.Join(c.packages(), " "))
		}
	case "dnf", "yum", "microdnf", "tdnf":
		if c.installs() && !cleans("dnf", "yum", "microdnf", "tdnf") && !r.mounted("/var/cache/dnf", "/var/cache/yum", "/var/cache/libdnf", "/var/cache/tdnf") && !r.removed("/var/cache") {
			l.leaves(r, c.name, "install", "packages and lists in /var/cache", "end this RUN with: && "+c.name+" clean all && rm -rf /var/cache/"+strings.TrimPrefix(c.name, "micro"))
		}
	case "zypper":
		if c.installs() && !cleans("zypper") && !r.mounted("/var/cache/zypp") && !r.removed("/var/cache") {
			l.leaves(r, c.name, "", "packages and lists in /var/cache/zypp", "end this RUN with: && zypper clean --all")
		}
	}
}

// checkLanguageCache looks at the package managers of languages.
func (l *linter) checkLanguageCache(r run, c *call) {
	verb := ""
	if words := c.words(); len(words) > 0 {
		verb = words[0]
	}
	cleaned := func(words ...string) bool {
		return r.some(c.name, func(c *call) bool {
			for _, w := range words {
				if !c.has(w) {
					return false
				}
			}
			return true
		})
	}
	switch {
	case c.name == "npm" && c.installs() && !r.mounted(".npm", "npm") && !cleaned("cache", "clean") && !c.flag(0, "--cache") && !r.removed("/root/.npm", "~/.npm"):
		l.leaves(r, c.name, verb, "its cache in ~/.npm", "RUN --mount=type=cache,target=/root/.npm npm ci")
	case c.name == "yarn" && (verb == "" || verb == "install" || verb == "add") && !r.mounted("yarn", ".cache") && !cleaned("cache", "clean"):
		l.leaves(r, c.name, verb, "its cache", "RUN --mount=type=cache,target=/usr/local/share/.cache/yarn yarn install --immutable")
	case c.name == "pnpm" && c.installs() && !r.mounted("pnpm", ".cache") && !cleaned("store", "prune"):
		l.leaves(r, c.name, verb, "its store", "RUN --mount=type=cache,target=/pnpm/store pnpm install --frozen-lockfile --store-dir /pnpm/store")
	case c.name == "uv" && (verb == "sync" || verb == "pip" || verb == "add") && !r.mounted(".cache", "uv") && !c.flag('n', "--no-cache") && r.variable("UV_NO_CACHE") == "":
		l.leaves(r, c.name, verb, "its cache in ~/.cache/uv", "RUN --mount=type=cache,target=/root/.cache/uv uv sync --locked")
	case c.name == "poetry" && c.installs() && !r.mounted(".cache", "pypoetry") && !c.flag(0, "--no-cache") && !r.removed("/root/.cache"):
		l.leaves(r, c.name, verb, "its cache in ~/.cache/pypoetry", "RUN --mount=type=cache,target=/root/.cache/pypoetry poetry install --no-root")
	case c.name == "gem" && verb == "install" && !r.removed("/usr/local/bundle/cache", "/root/.gem", "/var/lib/gems", "/usr/local/lib/ruby/gems"):
		l.leaves(r, c.name, verb, "packages in the gem cache", "end this RUN with: && rm -rf \"$(gem env gemdir)/cache\"")
	}
}

func (l *linter) leaves(r run, program, verb, what, fix string) {
	at := l.near(r.Instruction, program, verb)
	l.add("package-cache", at, program+" leaves "+what, fix)
}
