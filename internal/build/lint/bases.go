package lint

import (
	"strings"

	"github.com/bailey-run/bailey/internal/build/dockerfile"
	"github.com/distribution/reference"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// checkSyntax looks at the comments that BuildKit obeys.
func (l *linter) checkSyntax() {
	if image, ok := parseImage(l.file.Syntax); ok {
		official := reference.Domain(image.named) == "docker.io" && reference.Path(image.named) == "docker/dockerfile"
		if !official {
			l.add("remote-syntax", l.comment("syntax"), "the image "+quote(l.file.Syntax)+" would read this Dockerfile", "")
		}
	}
	if at := l.comment("check"); at.Line > 0 {
		l.add("check-directive", at, "this asks BuildKit to skip checks; they are reported all the same", "")
	}
}

// comment finds the first comment "# name=...".
func (l *linter) comment(name string) dockerfile.Range {
	for n, line := range l.file.Lines {
		text, ok := strings.CutPrefix(strings.TrimSpace(line), "#")
		if key, _, is := strings.Cut(text, "="); ok && is && strings.EqualFold(strings.TrimSpace(key), name) {
			return dockerfile.Range{Line: n + 1, End: n + 1}
		}
	}
	return dockerfile.Range{}
}

// checkBases looks at every image that the build takes something from.
func (l *linter) checkBases() {
	for _, stage := range l.file.Stages {
		if stage.Parent == nil && stage.Base != dockerfile.Scratch {
			l.checkBase(stage.Range, "FROM ", stage.Base)
		}
	}
	l.each(func(i *dockerfile.Instruction) {
		switch c := i.Command.(type) {
		case *instructions.CopyCommand:
			if c.From != "" && i.From(l.file, c.From) == nil {
				l.checkBase(i.Range, "COPY --from=", c.From)
			}
		case *instructions.RunCommand:
			for _, mount := range instructions.GetMounts(c) {
				if mount.From != "" && i.From(l.file, mount.From) == nil {
					l.checkBase(i.Range, "RUN --mount=from=", mount.From)
				}
			}
		}
	})
}

// checkBase looks at one of them.
func (l *linter) checkBase(at dockerfile.Range, what, ref string) {
	image, ok := parseImage(ref)
	if !ok || image.pinned() {
		return
	}
	name := reference.FamiliarName(image.named)
	switch tag := image.tag(); tag {
	case "", "latest":
		version := examples[name]
		if version == "" {
			version = "VERSION"
		}
		message := quote(ref) + " has no tag, which means latest"
		if tag != "" {
			message = quote(ref) + " is whatever was pushed last"
		}
		l.add("latest-tag", at, message, what+name+":"+version)
	default:
		l.add("no-digest", at, quote(ref)+" can be another image tomorrow",
			what+name+":"+tag+"@sha256:DIGEST, with the digest that `bailey pull "+name+":"+tag+"` prints")
	}
}

// base is the image at the bottom of the final one; ok is false for scratch
// and for what is not a name.
func (l *linter) base() (image, dockerfile.Range, bool) {
	first := l.lineage[0]
	if first.Base == dockerfile.Scratch {
		return image{}, first.Range, false
	}
	i, ok := parseImage(first.Base)
	return i, first.Range, ok
}

// checkUser finds out whom the image runs as.
func (l *linter) checkUser() {
	at, user, named := l.target.Range, "", false
	for _, stage := range l.lineage {
		for _, i := range stage.Instructions {
			if c, ok := i.Command.(*instructions.UserCommand); ok {
				at, user, named = i.Range, i.Expand(c.User), true
			}
		}
	}
	base, _, isImage := l.base()
	fix := "USER 65532:65532"
	if !named {
		fix += "   as a line before CMD; the number needs no account"
	}
	name, _, _ := strings.Cut(user, ":")
	switch {
	case named && (name == "root" || strings.Trim(name, "0") == "" && name != ""):
		l.add("root-user", at, "the last USER is root", fix)
	case named && strings.Contains(name, "$"):
		l.add("unknown-user", at, "nothing says what "+quote(user)+" is", fix)
	case named && strings.Trim(name, "0123456789") != "":
		l.add("named-user", at, "USER "+quote(user)+" is a name", fix)
	case named:
	case isImage && base.user != "":
	case isImage && !base.known:
		l.add("unknown-user", at, "no USER, and "+quote(l.lineage[0].Base)+" is not an image of which it is known", fix)
	default:
		l.add("root-user", at, "no USER is set, and "+quote(l.lineage[0].Base)+" starts as root", fix)
	}
}
