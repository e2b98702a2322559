package lint

import (
	"slices"
	"strings"

	"github.com/bailey-run/bailey/internal/build/dockerfile"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// careless are options by which a program stops verifying whom it talks to or
// what it gets.
var careless = []struct {
	programs []string
	short    byte
	words    []string // whole arguments, or the beginnings of ones with a value
}{
	{[]string{"curl"}, 'k', []string{"--insecure"}},
	{[]string{"wget"}, 0, []string{"--no-check-certificate"}},
	{[]string{"apt-get", "apt"}, 0, []string{"--allow-unauthenticated", "--force-yes", "--allow-insecure-repositories", "Acquire::AllowInsecureRepositories=", "APT::Get::AllowUnauthenticated="}},
	{[]string{"apk"}, 0, []string{"--allow-untrusted"}},
	{[]string{"dnf", "yum", "microdnf", "tdnf"}, 0, []string{"--nogpgcheck", "--setopt=gpgcheck=0", "--setopt=sslverify=0"}},
	{[]string{"zypper"}, 0, []string{"--no-gpg-checks"}},
	{[]string{"rpm"}, 0, []string{"--nosignature", "--nodigest"}},
	{[]string{"pip", "pip3", "uv"}, 0, []string{"--trusted-host", "--allow-insecure-host"}},
	{[]string{"git"}, 0, []string{"http.sslVerify=false", "http.sslverify=false"}},
	{[]string{"ssh", "scp", "git"}, 0, []string{"StrictHostKeyChecking=no", "-oStrictHostKeyChecking=no"}},
	{[]string{"gem"}, 'P', []string{"NoSecurity"}},
}

// carelessVariables are variables by which programs stop verifying, with the
// values that do it; none means any value.
var carelessVariables = map[string][]string{
	"NODE_TLS_REJECT_UNAUTHORIZED": {"0"}, "GIT_SSL_NO_VERIFY": nil, "PYTHONHTTPSVERIFY": {"0"}, "NPM_CONFIG_STRICT_SSL": {"false"},
	"npm_config_strict_ssl": {"false"}, "GONOSUMDB": nil, "GONOSUMCHECK": nil, "GOINSECURE": nil, "GOSUMDB": {"off"}, "PIP_TRUSTED_HOST": nil,
	"COSIGN_INSECURE_IGNORE_TLOG": nil, "YARN_ENABLE_STRICT_SSL": {"false"},
}

// checkVerification looks for options that switch verification off.
func (l *linter) checkVerification(r run) {
	for _, rule := range careless {
		r.each(func(c *call) {
			for _, arg := range c.args {
				word := slices.IndexFunc(rule.words, func(w string) bool {
					return arg == w || strings.HasPrefix(arg, w+"=") || strings.HasSuffix(w, "=") && strings.HasPrefix(arg, w)
				})
				if word >= 0 {
					l.add("verification-off", l.near(r.Instruction, rule.words[word]), c.name+" "+rule.words[word]+" accepts anybody's answer", c.name+" without "+rule.words[word])
				}
			}
			if rule.short == 'k' && c.flag('k') {
				l.add("verification-off", l.near(r.Instruction, c.name), c.name+" -k accepts anybody's certificate", c.name+" without -k")
			}
		}, rule.programs...)
	}
	for _, c := range r.calls {
		set := (c.name == "npm" || c.name == "yarn" || c.name == "pnpm") && c.has("config") && c.has("strict-ssl") && c.has("false") ||
			c.name == "git" && c.has("config") && c.has("http.sslVerify", "http.sslverify") && c.has("false")
		if set {
			l.add("verification-off", l.near(r.Instruction, c.name), c.name+" config accepts anybody's certificate from here on", "leave this out; for a registry of your own, add its CA certificate")
		}
		if c.name == "export" {
			for _, arg := range c.args {
				name, value, _ := strings.Cut(arg, "=")
				l.checkSwitch(l.near(r.Instruction, name), name, value)
			}
		}
	}
}

// checkSwitches looks for variables that switch verification off.
func (l *linter) checkSwitches(i *dockerfile.Instruction) {
	switch c := i.Command.(type) {
	case *instructions.EnvCommand:
		for _, pair := range c.Env {
			l.checkSwitch(l.near(i, pair.Key), pair.Key, pair.Value)
		}
	case *instructions.ArgCommand:
		for _, arg := range c.Args {
			l.checkSwitch(i.Range, arg.Key, arg.ValueString())
		}
	}
}

func (l *linter) checkSwitch(at dockerfile.Range, name, value string) {
	values, known := carelessVariables[name]
	value = strings.Trim(value, `"'`)
	if known && value != "" && (values == nil || slices.Contains(values, value)) {
		l.add("verification-off", at, name+" switches verification off", "leave "+name+" out")
	}
}
