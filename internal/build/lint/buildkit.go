package lint

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/bailey-run/bailey/internal/build/dockerfile"
	"github.com/bailey-run/bailey/internal/build/pattern"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// buildKitRule is a check of BuildKit's: what it is called there, how much it
// matters here, and what mends it.
func buildKitRule(name string, level Level, title, fix string) Rule {
	return Rule{
		Name: name, Level: level, Title: title, Why: "a check of BuildKit's, which `docker build --check` makes too", Fix: fix, BuildKit: true,
		URL: "https://docs.docker.com/go/dockerfile/rule/" + strings.ToLower(humps().ReplaceAllString(name, "-$0"))[1:] + "/",
	}
}

var humps = pattern.Lazy(`[A-Z]+[a-z]*`)

// buildKitRules are BuildKit's checks without SecretsUsedInArgOrEnv and
// JSONArgsRecommended, which secret-arg, secret-env and shell-form are in more
// detail, CopyIgnoredFile (ignored-copy), and InvalidBaseImagePlatform, which
// needs the image.
func buildKitRules() []Rule {
	return []Rule{
		buildKitRule("UndefinedVar", Warning, "a variable that nothing sets", "ARG NAME=VALUE before this line, or the name as it is declared"),
		buildKitRule("UndefinedArgInFrom", Warning, "FROM with a variable that no ARG before it declares", "ARG NAME=VALUE before the first FROM"),
		buildKitRule("InvalidDefaultArgInFrom", Warning, "FROM with an ARG whose default gives no image", "ARG NAME=DEFAULT, or lint with --build-arg NAME=VALUE"),
		buildKitRule("MultipleInstructionsDisallowed", Warning, "CMD, ENTRYPOINT or HEALTHCHECK twice in a stage: only the last counts", "remove this line"),
		buildKitRule("DuplicateStageName", Warning, "two stages of one name", "another name after AS"),
		buildKitRule("ReservedStageName", Warning, "a stage called scratch or context", "another name after AS"),
		buildKitRule("WorkdirRelativePath", Warning, "a relative WORKDIR that depends on the base image", "WORKDIR /path"),
		buildKitRule("ExposeInvalidFormat", Warning, "EXPOSE with an address or a host's port", "EXPOSE PORT"),
		buildKitRule("FromPlatformFlagConstDisallowed", Note, "FROM --platform with a fixed platform", "FROM --platform=$BUILDPLATFORM for a stage that builds, else without it"),
		buildKitRule("RedundantTargetPlatform", Note, "FROM --platform=$TARGETPLATFORM, which is the default", "FROM without --platform"),
		buildKitRule("LegacyKeyValueFormat", Note, "ENV or LABEL with a space instead of =", "NAME=VALUE"),
		buildKitRule("MaintainerDeprecated", Note, "MAINTAINER", `LABEL org.opencontainers.image.authors="NAME"`),
		buildKitRule("NoEmptyContinuation", Note, "an empty line after a backslash", "remove the empty line, or make it a comment"),
		buildKitRule("StageNameCasing", Note, "a stage's name with capitals", "AS name"),
		buildKitRule("FromAsCasing", Note, "from and AS in different case", "FROM IMAGE AS name"),
		buildKitRule("ConsistentInstructionCasing", Note, "instructions in different case", "all in capitals"),
		buildKitRule("ExposeProtoCasing", Note, "a protocol in capitals", "EXPOSE 53/udp"),
	}
}

// noImages answers BuildKit in the place of a registry: every image exists and
// sets what official ones commonly set. Nothing is fetched.
type noImages struct{}

// ResolveImageConfig implements BuildKit's interface.
func (noImages) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	return ref, "", []byte(`{"os":"linux","architecture":"amd64","config":{"WorkingDir":"","Env":["PATH=/bin","HOME=/","LANG=C.UTF-8",` +
		`"GOPATH=/go","GOLANG_VERSION=0","NODE_VERSION=0","YARN_VERSION=0","PYTHON_VERSION=0","JAVA_HOME=/","JAVA_VERSION=0","GEM_HOME=/",` +
		`"RUBY_VERSION=0","CARGO_HOME=/","RUSTUP_HOME=/","RUST_VERSION=0","PHP_INI_DIR=/","PHP_VERSION=0","NGINX_VERSION=0","PG_MAJOR=0","PG_VERSION=0"]}}`), nil
}

var checkComment = pattern.Lazy(`(?im)^([ \t]*#)[ \t]*check[ \t]*=.*$`)

// checkBuildKit runs BuildKit's own checks. [dockerfile.Parse] has bounded what
// they can cost.
func (l *linter) checkBuildKit() {
	platform := ocispec.Platform{OS: "linux", Architecture: "amd64"}
	opt := dockerfile2llb.ConvertOpt{
		Config:         dockerui.Config{Target: l.in.Target, BuildArgs: l.in.BuildArgs, BuildPlatforms: []ocispec.Platform{platform}},
		MetaResolver:   noImages{},
		TargetPlatform: &platform,
		AllStages:      true,
		Warn:           l.buildKitWarning,
	}
	caps := pb.Caps.CapSet(pb.Caps.All())
	opt.LLBCaps = &caps
	text := checkComment().ReplaceAll(l.in.Dockerfile, []byte("$1"))
	err := convert(text, opt)
	// An image whose name is only known with --build-arg was warned of; without it nothing more can be said.
	if err == nil || slices.ContainsFunc(l.findings, func(f Finding) bool { return f.Rule == "InvalidDefaultArgInFrom" }) {
		return
	}
	var at dockerfile.Range
	if location := (*parser.LocationError)(nil); errors.As(err, &location) {
		for _, ranges := range location.Locations {
			for _, r := range ranges {
				at.Line = max(at.Line, r.Start.Line)
			}
		}
	}
	at.Line = min(max(at.Line, 1), len(l.file.Lines))
	l.add("unreadable", at, dockerfile.Explain(err).Reason, "")
}

// errBroken is what is said of a Dockerfile that BuildKit breaks down over.
var errBroken = errors.New("the reader of BuildKit breaks down over this Dockerfile")

// convert runs BuildKit's reader, whose checks are made on the way. It was
// made for a daemon; that it trips over something must not end the lint.
func convert(text []byte, opt dockerfile2llb.ConvertOpt) (err error) {
	defer func() {
		if recover() != nil {
			err = errBroken
		}
	}()
	_, err = dockerfile2llb.Dockerfile2LLB(context.Background(), text, opt)
	return err
}

// buildKitWarning takes one over.
func (l *linter) buildKitWarning(name, _, _, message string, location []parser.Range) {
	at := dockerfile.Range{Line: 1}
	for _, r := range location {
		at = dockerfile.Range{Line: r.Start.Line, End: r.End.Line}
	}
	at.Line = min(max(at.Line, 1), len(l.file.Lines))
	if _, reported := byName()[name]; !reported {
		return
	}
	// What an image of unknown contents sets is not known.
	if name == "UndefinedVar" && !strings.Contains(message, "did you mean") && !l.knownBase(at.Line) {
		return
	}
	l.add(name, at, strings.ToLower(message[:1])+message[1:], "")
}

// knownBase tells whether the stage of a line stands on scratch or on an image
// of which it is known what it sets.
func (l *linter) knownBase(line int) bool {
	known := true
	for _, stage := range l.file.Stages {
		if stage.Line > line {
			break
		}
		first := stage.Lineage()[0].Base
		image, ok := parseImage(first)
		known = first == dockerfile.Scratch || ok && image.known
	}
	return known
}
