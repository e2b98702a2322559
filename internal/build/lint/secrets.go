package lint

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/bailey-run/bailey/internal/build/dockerfile"
	"github.com/bailey-run/bailey/internal/build/pattern"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// secretKind is a secret that is known by how it looks.
type secretKind struct {
	name    string
	pattern *regexp.Regexp
}

// secretKinds are the forms that issuers document for their own, so that
// leaks are found, and what is a secret wherever it stands.
var secretKinds = sync.OnceValue(func() []secretKind {
	var kinds []secretKind
	for _, k := range [][2]string{
		{"a private key", `-----BEGIN [A-Z ]*PRIVATE KEY-----`},
		{"an access key of AWS", `\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`},
		{"a token of GitHub", `\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})`},
		{"a token of GitLab", `\bgl(?:pat|dt|rt|cbt|ptt|soat)-[A-Za-z0-9_-]{20,}`},
		{"a token of Slack", `\bxox[abprs]-[A-Za-z0-9-]{10,}`},
		{"a key of Stripe", `\b[rs]k_live_[A-Za-z0-9]{16,}`},
		{"a key of Google", `\bAIza[A-Za-z0-9_-]{35}`},
		{"a token of npm", `\bnpm_[A-Za-z0-9]{36}`},
		{"a token of PyPI", `\bpypi-[A-Za-z0-9_-]{32,}`},
		{"a token of Docker Hub", `\bdckr_[a-z]{3}_[A-Za-z0-9_-]{20,}`},
		{"a key of OpenAI or Anthropic", `\bsk-(?:proj-|ant-|svcacct-)[A-Za-z0-9_-]{20,}`},
		{"a token of Hugging Face", `\bhf_[A-Za-z0-9]{30,}`},
		{"a secret key of age", `\bAGE-SECRET-KEY-1[A-Z0-9]{20,}`},
		{"a signed token (JWT)", `\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}`},
		{"a password in a URL", `\b[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@"'$]*:[^\s/:@"'$]+@`},
		{"a header with credentials", `(?i)\bauthorization:\s*(?:basic|bearer|token)\s+[A-Za-z0-9._~+/=-]{8,}`},
	} {
		kinds = append(kinds, secretKind{k[0], regexp.MustCompile(k[1])})
	}
	return kinds
})

// kindOf says what kind of secret a text contains, or nothing.
func kindOf(text string) string {
	for _, kind := range secretKinds() {
		if kind.pattern.MatchString(text) {
			return kind.name
		}
	}
	return ""
}

var (
	secretWords = []string{"password", "passwd", "passphrase", "pwd", "pword", "secret", "secrets", "token", "credential", "credentials", "apikey", "privatekey", "pat"}
	keyWords    = []string{"api", "access", "private", "secret", "encryption", "signing", "master", "auth", "service", "license"}
	// A last word that says that it is not the secret itself.
	plainWords = []string{
		"file", "path", "dir", "name", "id", "url", "uri", "host", "endpoint", "version", "type", "length", "ttl", "expiry", "expiration",
		"policy", "mount", "public", "enabled", "required", "issuer", "audience", "arn", "user", "username", "count", "limit", "header", "hash", "checksum", "sha256",
	}
	nameParts = pattern.Lazy(`[A-Z]+[a-z0-9]*|[a-z0-9]+`)
)

// isSecretName tells whether a variable of that name is meant to hold a secret.
func isSecretName(name string) bool {
	var parts []string
	for _, part := range nameParts().FindAllString(name, -1) {
		parts = append(parts, strings.ToLower(part))
	}
	if len(parts) == 0 || slices.Contains(plainWords, parts[len(parts)-1]) || parts[0] == "public" {
		return false
	}
	for i, part := range parts {
		switch {
		case slices.Contains(secretWords, part),
			(part == "pass" || part == "auth") && i == len(parts)-1 && i > 0,
			part == "key" && i > 0 && slices.Contains(keyWords, parts[i-1]):
			return true
		}
	}
	return false
}

// plainValue tells of values that are no secret whatever they are called.
func plainValue(value string) bool {
	value = strings.ToLower(strings.Trim(value, `"'`))
	return value == "" || slices.Contains([]string{"true", "false", "yes", "no", "on", "off", "0", "1", "none", "null"}, value) ||
		strings.HasPrefix(value, "/run/secrets/")
}

// learnSecrets finds all values that no finding may show, before there is one.
func (l *linter) learnSecrets() {
	note := func(name, value string) {
		if isSecretName(name) && !plainValue(value) {
			l.mask.learn(value)
		}
	}
	args := func(list []instructions.KeyValuePairOptional) {
		for _, arg := range list {
			note(arg.Key, arg.ValueString())
		}
	}
	for name, value := range l.in.BuildArgs {
		note(name, value)
	}
	for _, arg := range l.file.Args {
		args(arg.Args)
	}
	l.each(func(i *dockerfile.Instruction) {
		switch c := i.Command.(type) {
		case *instructions.ArgCommand:
			args(c.Args)
		case *instructions.EnvCommand:
			for _, pair := range c.Env {
				note(pair.Key, pair.Value)
			}
		case *instructions.LabelCommand:
			for _, pair := range c.Labels {
				note(pair.Key, pair.Value)
			}
		}
	})
}

// checkSecrets looks for secrets in variables, and in everything that is written.
func (l *linter) checkSecrets() {
	for _, arg := range l.file.Args {
		l.checkSecretArgs(dockerfile.RangeOf(&arg), arg.Args)
	}
	taken := map[int]bool{} // the first lines of instructions that have a finding already
	l.each(func(i *dockerfile.Instruction) {
		before := len(l.findings)
		switch c := i.Command.(type) {
		case *instructions.ArgCommand:
			l.checkSecretArgs(i.Range, c.Args)
		case *instructions.EnvCommand:
			for _, pair := range c.Env {
				kind := kindOf(pair.Value)
				if kind != "" || isSecretName(pair.Key) && !plainValue(pair.Value) {
					l.add("secret-env", l.near(i, pair.Key), "ENV "+quote(pair.Key)+ofKind(kind)+" is in every image and container made of this", "bailey run --secret "+secretFile(pair.Key)+" IMAGE, and read /run/secrets/"+secretFile(pair.Key))
				}
			}
		}
		taken[i.Line] = len(l.findings) > before
	})
	l.each(func(i *dockerfile.Instruction) {
		if taken[i.Line] {
			return
		}
		for n := i.Line; n <= i.End && n <= len(l.file.Lines); n++ {
			if kind := kindOf(l.file.Lines[n-1]); kind != "" {
				l.add("secret-literal", dockerfile.Range{Line: n, End: n}, "this line contains "+kind, "")
			}
		}
	})
}

func (l *linter) checkSecretArgs(at dockerfile.Range, args []instructions.KeyValuePairOptional) {
	for _, arg := range args {
		kind := kindOf(arg.ValueString())
		if kind == "" && (!isSecretName(arg.Key) || arg.Value != nil && plainValue(*arg.Value) && *arg.Value != "") {
			continue
		}
		id := secretFile(arg.Key)
		l.add("secret-arg", at, "ARG "+quote(arg.Key)+ofKind(kind)+" stays in the image's history", "RUN --mount=type=secret,id="+id+",env="+quote(arg.Key)+" COMMAND, built with --secret id="+id+",src=FILE")
	}
}

func ofKind(kind string) string {
	if kind == "" {
		return ""
	}
	return ", which holds " + kind + ","
}

// secretFile is a name for a secret that its variable suggests.
func secretFile(name string) string {
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '-'
	}, strings.ToLower(name))
	return strings.Trim(name[:min(len(name), 64)], "-")
}
