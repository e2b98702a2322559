package scaffold

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/bailey-run/bailey/internal/build/pattern"
)

// defaultNode is the version of Node.js, a long-term one, for a package.json that leaves it open.
const defaultNode = 24

// manifest is what is looked at of a package.json.
type manifest struct {
	Main            string
	PackageManager  string
	Scripts         map[string]string
	Engines         map[string]string
	Dependencies    map[string]any
	DevDependencies map[string]any
}

// installer is how a package manager installs what a lock file says.
type installer struct {
	Name, Lock   string
	Copy         word   // further files that it reads, each with a space before it
	Prepare      string // a command before
	All, Runtime string // with and without what only the build needs
	Prune        string // removes what only the build needs
	Build        string
	Cache        string
}

var installers = []installer{
	{"pnpm", "pnpm-lock.yaml", "", "corepack enable pnpm && ", "pnpm install --frozen-lockfile --store-dir /pnpm/store", "pnpm install --frozen-lockfile --prod --store-dir /pnpm/store", "pnpm prune --prod", "pnpm run build", "/pnpm/store"},
	{"yarn", "yarn.lock", "", "", "yarn install --frozen-lockfile", "yarn install --frozen-lockfile --production", "yarn install --frozen-lockfile --production --offline", "yarn run build", "/usr/local/share/.cache/yarn"},
	{"npm", "package-lock.json", "", "", "npm ci", "npm ci --omit=dev", "npm prune --omit=dev", "npm run build", "/root/.npm"},
	{"npm", "npm-shrinkwrap.json", "", "", "npm ci", "npm ci --omit=dev", "npm prune --omit=dev", "npm run build", "/root/.npm"},
}

// sites are tools that build a site of plain files, with the directory it is put in.
var sites = []struct{ dependency, output string }{
	{"vite", "dist"}, {"astro", "dist"}, {"react-scripts", "build"}, {"@vue/cli-service", "dist"}, {"parcel", "dist"}, {"@11ty/eleventy", "_site"},
}

// planNode plans the image of a Node.js program, or of a site that Node.js builds.
func planNode(d *directory, entry string) (Plan, error) {
	var m manifest
	if err := d.readJSON("package.json", &m); err != nil {
		return Plan{}, err
	}
	major := nodeVersion(m.Engines["node"])
	if major == 0 {
		text, err := d.read(".nvmrc")
		if err != nil {
			return Plan{}, err
		}
		if major = nodeVersion(text); major == 0 {
			major = defaultNode
		}
	}
	data := struct {
		Version, Entry, Output word
		Install                *installer
		Build                  bool
	}{Version: word(strconv.Itoa(major)), Build: m.Scripts["build"] != ""}
	p := Plan{Detected: []string{"a Node.js package, for Node.js " + strconv.Itoa(major)}}
	install, err := d.installer(m)
	if err != nil {
		return Plan{}, err
	}
	if data.Install = install; install != nil {
		if major >= 25 && strings.HasPrefix(install.Prepare, "corepack") {
			install.Prepare = "npm install -g corepack@0.34.0 && " + install.Prepare // Node.js brings it no longer
		}
		p.Detected = append(p.Detected, install.Name+" with "+install.Lock)
		p.Warnings = append(p.Warnings, install.Name+" downloads packages"+needsNetwork)
	}
	file, err := d.nodeProgram(m, entry)
	if output := siteOutput(m); errors.Is(err, errNoEntry) && data.Build && output != "" {
		data.Output = word(output)
		p.Detected = append(p.Detected, "a site, which `"+install.runs()+"` puts into "+output)
		p.Files, err = files("site.Dockerfile", data, "node_modules", output)
		p.Next = []string{look, build, runSite}
		return p, err
	}
	if err != nil {
		return Plan{}, err
	}
	data.Entry = file
	p.Detected = append(p.Detected, "the program "+string(file))
	if data.Build {
		p.Detected = append(p.Detected, "a build step, `"+install.runs()+"`")
	}
	p.Files, err = files("node.Dockerfile", data, "node_modules", "npm-debug.log*")
	p.Next = []string{look, build, run}
	return p, err
}

// runs is the command of the build script.
func (i *installer) runs() string {
	if i == nil {
		return "npm run build"
	}
	return i.Build
}

// installer finds the package manager by its lock file; nil when there is
// nothing to install.
func (d *directory) installer(m manifest) (*installer, error) {
	for _, i := range installers {
		if !d.has(i.Lock) {
			continue
		}
		if i.Name == "yarn" && (d.has(".yarnrc.yml") || strings.HasPrefix(m.PackageManager, "yarn@") && !strings.HasPrefix(m.PackageManager, "yarn@1.")) {
			i.Prepare, i.All, i.Runtime, i.Prune, i.Cache = "corepack enable yarn && ", "yarn install --immutable", "yarn workspaces focus --all --production", "yarn workspaces focus --all --production", "/root/.yarn/berry/cache"
			if d.has(".yarnrc.yml") {
				i.Copy = " .yarnrc.yml"
			}
			if d.has(".pnp.cjs") {
				return nil, errors.New("this package uses Yarn's Plug'n'Play, for which no Dockerfile can be written here; set nodeLinker: node-modules in .yarnrc.yml, run yarn install, and try again")
			}
		}
		return &i, nil
	}
	if len(m.Dependencies)+len(m.DevDependencies) > 0 {
		return nil, errors.New("package.json has dependencies and there is no lock file that says which; run: npm install --package-lock-only")
	}
	return nil, nil
}

var (
	startScript = pattern.Lazy(`^node[ \t]+(\./)?([^\s]+)$`)
	nodeNumber  = pattern.Lazy(`[0-9]+`)
)

// nodeProgram finds the file that is started.
func (d *directory) nodeProgram(m manifest, entry string) (word, error) {
	if entry != "" {
		return newWord("--entry", entry) // a build may make it
	}
	if start := startScript().FindStringSubmatch(strings.TrimSpace(m.Scripts["start"])); start != nil {
		return newWord("the start script's file", start[2])
	}
	if main := strings.TrimPrefix(m.Main, "./"); main != "" && (d.has(cleanName(main)) || m.Scripts["build"] != "" && siteOutput(m) == "") {
		return newWord("package.json's main", main)
	}
	if name, ok := d.first("server.js", "index.js", "app.js", "server.mjs", "index.mjs", "server.cjs", "index.cjs"); ok {
		return word(name), nil
	}
	return "", fmt.Errorf("%w: package.json has no start script of the form `node FILE` and no main; say it: --entry FILE.js", errNoEntry)
}

// cleanName makes a path from a file one that can be looked up.
func cleanName(name string) string {
	if w, err := newWord("", name); err == nil {
		return string(w)
	}
	return "."
}

// nodeVersion takes the major version out of a range or a .nvmrc; 0 for one
// that has none, and the default for ranges that have no upper end.
func nodeVersion(text string) int {
	number := nodeNumber().FindString(text)
	major, err := strconv.Atoi(number)
	switch {
	case number == "" || err != nil || major < 12 || major > 99:
		return 0
	case strings.Contains(text, ">") && !strings.Contains(text, "<") && major <= defaultNode:
		return defaultNode
	}
	return major
}

// siteOutput is where the package's build puts a site, or empty.
func siteOutput(m manifest) string {
	for _, site := range sites {
		_, dev := m.DevDependencies[site.dependency]
		_, dep := m.Dependencies[site.dependency]
		if dev || dep {
			return site.output
		}
	}
	return ""
}
