package lint

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"github.com/bailey-run/bailey/internal/build/dockerfile"
	"github.com/bailey-run/bailey/internal/build/pattern"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// secretFiles are base names of files that hold secrets, or everything (.git).
var secretFiles = pattern.Lazy(`(?i)^(\.env(\.(local|production|prod|staging|development|dev))?|id_(rsa|dsa|ecdsa|ed25519)|.*\.(pem|key|p12|pfx|jks|keystore|kdbx|ovpn|tfstate)` +
	`|\.npmrc|\.pypirc|\.netrc|\.git-credentials|\.htpasswd|\.dockercfg|kubeconfig|credentials(\.json)?|service[-_]account.*\.json|secrets?\.(ya?ml|json|toml|txt|env)|\.vault-token)$`)

// secretDirs are directories that hold nothing else.
var secretDirs = []string{".git", ".ssh", ".aws", ".gnupg", ".kube", ".azure"}

// publicFiles are those of the same kinds that everybody may have: certificates and public keys.
var publicFiles = pattern.Lazy(`(?i)(\.pub|(^|[^a-z])(ca|cert|certs|certificate|chain|fullchain|bundle|public|pub|root)([^a-z].*)?\.pem)$`)

// secretPath returns the part of a path that is known to hold secrets: itself,
// or a directory above.
func secretPath(name string) string {
	parts := strings.Split(path.Clean(strings.TrimPrefix(name, "/")), "/")
	for i, part := range parts {
		if slices.Contains(secretDirs, part) {
			return strings.Join(parts[:i+1], "/") + "/"
		}
	}
	last := parts[len(parts)-1]
	if secretFiles().MatchString(last) && !publicFiles().MatchString(last) || strings.HasSuffix(path.Join(parts...), ".docker/config.json") {
		return path.Join(parts...)
	}
	return ""
}

// checkCopies looks at what COPY and ADD take from the context.
func (l *linter) checkCopies() {
	ignore := l.ignore()
	l.each(func(i *dockerfile.Instruction) {
		switch c := i.Command.(type) {
		case *instructions.CopyCommand:
			if c.From == "" {
				l.checkSources(i, c.SourcesAndDest, c.ExcludePatterns, ignore)
			}
		case *instructions.AddCommand:
			if l.checkAdd(i, c) {
				l.checkSources(i, c.SourcesAndDest, c.ExcludePatterns, ignore)
			}
		}
	})
}

// ignore compiles the .dockerignore; nil without one, or when it has no
// pattern, or cannot be used.
func (l *linter) ignore() *patternmatcher.PatternMatcher {
	if len(l.in.Ignore) == 0 || len(l.in.Ignore) > MaxIgnore {
		return nil
	}
	patterns, err := ignorefile.ReadAll(bytes.NewReader(l.in.Ignore))
	if err != nil || len(patterns) == 0 {
		return nil
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		return nil
	}
	if _, err := matcher.MatchesOrParentMatches("x"); err != nil { // a pattern that does not compile
		return nil
	}
	return matcher
}

func ignored(ignore *patternmatcher.PatternMatcher, name string) bool {
	if ignore == nil {
		return false
	}
	match, err := ignore.MatchesOrParentMatches(name)
	return err == nil && match
}

// checkSources looks at the sources of one COPY.
func (l *linter) checkSources(i *dockerfile.Instruction, c instructions.SourcesAndDest, exclude []string, ignore *patternmatcher.PatternMatcher) {
	for _, source := range c.SourcePaths {
		source = path.Clean("/" + i.Expand(source))[1:]
		if source == "" || source == "*" {
			if ignore == nil {
				l.add("no-dockerignore", i.Range, "everything in the directory is copied", "")
			}
		} else if secret := secretPath(source); secret != "" && !strings.Contains(source, "$") && l.ships(i.Stage) {
			l.add("secret-file", i.Range, quote(source)+" goes into a layer", "RUN --mount=type=secret,id="+secretFile(path.Base(source))+" COMMAND that reads /run/secrets/"+secretFile(path.Base(source)))
			continue
		} else if ignore != nil && !ignore.Exclusions() && !strings.ContainsAny(source, "*?[$") && ignored(ignore, source) {
			l.add("ignored-copy", i.Range, quote(source)+" is excluded by .dockerignore", "echo '!"+quote(source)+"' >> .dockerignore")
		}
		l.checkListing(i, source, exclude, ignore)
	}
}

// checkListing looks for secrets among the files that a copied directory has.
func (l *linter) checkListing(i *dockerfile.Instruction, source string, exclude []string, ignore *patternmatcher.PatternMatcher) {
	if !l.ships(i.Stage) {
		return // a stage that is thrown away; what it passes on is named
	}
	var excluded *patternmatcher.PatternMatcher
	if len(exclude) > 0 {
		excluded, _ = patternmatcher.New(exclude)
	}
	seen := map[string]bool{}
	for _, file := range l.in.Files[:min(len(l.in.Files), MaxFiles)] {
		if source != "" && source != "*" && !strings.HasPrefix(file, source+"/") {
			continue
		}
		secret := secretPath(file)
		if secret == "" || seen[secret] || len(seen) == 20 || ignored(ignore, file) || ignored(excluded, strings.TrimPrefix(file, source+"/")) {
			continue
		}
		seen[secret] = true
		l.add("secret-file", i.Range, quote(secret)+" goes into a layer", "echo "+quote(strings.TrimSuffix(secret, "/"))+" >> .dockerignore")
	}
}

var (
	archives = pattern.Lazy(`(?i)\.(tar|tgz|tbz2?|txz|tzst|tar\.[a-z0-9]+)$`)
	commit   = pattern.Lazy(`^[0-9a-f]{40}([0-9a-f]{24})?(:.*)?$`)
)

// checkAdd looks at what only ADD can do; false when nothing comes from the
// context.
func (l *linter) checkAdd(i *dockerfile.Instruction, c *instructions.AddCommand) bool {
	local := len(c.SourceContents) > 0
	for _, source := range c.SourcePaths {
		source = i.Expand(source)
		lower := strings.ToLower(source)
		repository, fragment, _ := strings.Cut(source, "#")
		git := strings.HasPrefix(lower, "git@") || strings.HasPrefix(lower, "git://") || strings.HasPrefix(lower, "ssh://") ||
			strings.HasSuffix(strings.ToLower(repository), ".git")
		switch web := strings.HasPrefix(lower, "http://") || strings.HasPrefix(lower, "https://"); {
		case git && c.Checksum == "" && !commit().MatchString(fragment):
			l.add("add-url", i.Range, quote(source)+" is a branch or tag, which moves", "ADD "+repository+"#COMMIT "+quote(c.DestPath))
		case git:
		case web && c.Checksum == "":
			l.add("add-url", i.Range, quote(source)+" is fetched without a checksum", "ADD --checksum=sha256:DIGEST "+quote(source)+" "+quote(c.DestPath))
		case web:
		default:
			local = true
			if !archives().MatchString(source) && (c.Unpack == nil || !*c.Unpack) {
				l.add("add-local", i.Range, "ADD of "+quote(source), "COPY "+quote(source)+" "+quote(c.DestPath))
			}
		}
	}
	return local
}
