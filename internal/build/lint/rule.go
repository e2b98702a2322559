package lint

import "sync"

// Rule is one thing that is looked for. Its name is what a comment allows it
// by; names do not change.
type Rule struct {
	Name  string
	Level Level
	Title string // what is wrong, in half a sentence
	Why   string // what it can lead to
	Fix   string // what to write instead, when the finding does not know better
	URL   string
	// Forced rules cannot be allowed.
	Forced bool
	// BuildKit marks its own checks, under the names they have there.
	BuildKit bool
}

// Rules returns all rules, Bailey's own first.
func Rules() []Rule { return append(rules[:len(rules):len(rules)], buildKitRules()...) }

// byName finds a rule.
var byName = sync.OnceValue(func() map[string]Rule {
	named := map[string]Rule{}
	for _, r := range Rules() {
		named[r.Name] = r
	}
	return named
})

var rules = []Rule{
	{Name: "unreadable", Level: Error, Forced: true,
		Title: "the Dockerfile cannot be read", Why: "it cannot be built either", Fix: "correct the line"},
	{Name: "bad-allow", Level: Warning, Forced: true,
		Title: "a `# bailey:allow` comment that allows nothing", Why: "whoever reads it believes that something is allowed here, for a reason",
		Fix: "# bailey:allow RULE why this is meant"},

	// Who it runs as.
	{Name: "root-user", Level: Error,
		Title: "the image runs as root", Why: "a bug in the program starts an attacker with root's rights in the container, and one more bug in the kernel ends with root's on engines without user namespaces",
		Fix: "USER 65532:65532"},
	{Name: "unknown-user", Level: Warning,
		Title: "nobody can tell whom the image runs as", Why: "it is root unless the base image says otherwise, and what the base says can change",
		Fix: "USER 65532:65532"},
	{Name: "named-user", Level: Note,
		Title: "the user is a name, not a number", Why: "an orchestrator that refuses root cannot tell whom a name stands for without opening the image",
		Fix: "USER 65532:65532"},
	{Name: "setuid", Level: Error,
		Title: "a file gets set-user-id or set-group-id bits, or file capabilities", Why: "it is the classic step from a user to root; Bailey's containers ignore such bits, so the program would not work either",
		Fix: "chmod 0755 FILE"},
	{Name: "world-writable", Level: Warning,
		Title: "files that everybody may write", Why: "any process in the container can replace them", Fix: "COPY --chown=65532:65532 --chmod=0644 FILE /app/"},
	{Name: "sudo", Level: Warning,
		Title: "sudo in the image", Why: "it is a set-user-id program in the image for a change of user that USER makes without one", Fix: "USER root, the command, and USER 65532:65532 again"},

	// What it is made of.
	{Name: "latest-tag", Level: Error,
		Title: "an image without a version: no tag, or `latest`", Why: "the same Dockerfile gives another image tomorrow, and nobody notices", Fix: "FROM IMAGE:VERSION"},
	{Name: "no-digest", Level: Note,
		Title: "an image by tag alone", Why: "whoever controls the registry can move the tag; a digest cannot be moved", Fix: "FROM IMAGE:VERSION@sha256:DIGEST"},
	{Name: "remote-syntax", Level: Warning,
		Title: "the Dockerfile wants to be read by somebody else's program", Why: "`# syntax=` names an image that runs as part of the build and can make anything of it", Fix: "# syntax=docker/dockerfile:1"},
	{Name: "remote-script", Level: Error,
		Title: "a download that is executed unread", Why: "whoever controls the server, or the name, runs what they like in the build", Fix: "ADD --checksum=sha256:DIGEST URL /tmp/install.sh"},
	{Name: "add-url", Level: Error,
		Title: "ADD from a URL or repository without a checksum or commit", Why: "what is at the other end can be exchanged, and ends up in the image", Fix: "ADD --checksum=sha256:DIGEST URL /path"},
	{Name: "unverified-download", Level: Warning,
		Title: "a download that nothing verifies", Why: "what is at the other end can be exchanged, and the build changes with it", Fix: "ADD --checksum=sha256:DIGEST URL /path"},
	{Name: "verification-off", Level: Error,
		Title: "verification of certificates, signatures or host keys is off", Why: "anybody on the way can put something else in", Fix: "leave the option out, and install ca-certificates or the key instead"},
	{Name: "unpinned-install", Level: Warning,
		Title: "packages of a language in whatever version is newest", Why: "a new release, or a hijacked one, enters with the next build", Fix: "install from a lock file"},
	{Name: "apt-update-alone", Level: Warning,
		Title: "apt-get update in a RUN of its own", Why: "the layer is cached, and later installs take old packages with known holes, or fail", Fix: "RUN apt-get update && apt-get install -y --no-install-recommends PACKAGE"},

	// What is left in it.
	{Name: "secret-arg", Level: Error,
		Title: "a secret as a build argument", Why: "arguments are kept in the image's history and in its provenance, for everyone who can pull it",
		Fix: "RUN --mount=type=secret,id=NAME,env=NAME command"},
	{Name: "secret-env", Level: Error,
		Title: "a secret as an environment variable", Why: "it is in the image's configuration for everyone who can pull it, and in `inspect` of every container", Fix: "bailey run --secret NAME, which becomes the file /run/secrets/NAME"},
	{Name: "secret-literal", Level: Error,
		Title: "a secret written into the Dockerfile", Why: "it is in the repository, in the image's history and in its layers", Fix: "RUN --mount=type=secret,id=NAME command that reads /run/secrets/NAME"},
	{Name: "secret-file", Level: Error,
		Title: "a file that is known to hold secrets goes into the image", Why: "a layer keeps it even when a later one deletes it", Fix: "name it in .dockerignore"},
	{Name: "no-dockerignore", Level: Warning,
		Title: "the whole directory is copied and no .dockerignore keeps anything out", Why: ".git, .env and keys come along the day that somebody puts them there, and every change of any file spoils the cache", Fix: "printf '%s\\n' .git .env '*.pem' '*.key' > .dockerignore"},
	{Name: "package-cache", Level: Warning,
		Title: "a package manager's cache or index stays in a layer", Why: "it makes the image larger, slower to pull and different with each build", Fix: "RUN --mount=type=cache,target=CACHE command"},
	{Name: "apt-recommends", Level: Note,
		Title: "apt-get install with recommended packages", Why: "what nobody asked for is in the image, with its holes", Fix: "apt-get install -y --no-install-recommends PACKAGE"},
	{Name: "build-tools", Level: Warning,
		Title: "compilers and build tools in the image", Why: "an attacker finds what they need to build the next step, and every hole of theirs is yours to patch", Fix: "build in a stage of its own and COPY --from=build the result"},

	// What it can do.
	{Name: "final-shell", Level: Warning,
		Title: "the image has a shell", Why: "most attacks through a program end in its shell; where there is none they end earlier", Fix: "FROM gcr.io/distroless/static-debian12:nonroot"},
	{Name: "shell-form", Level: Warning,
		Title: "the program is started by a shell", Why: "the image needs a shell, and the shell, not the program, gets the signal to stop", Fix: `CMD ["/path/to/program", "argument"]`},
	{Name: "ssh-server", Level: Warning,
		Title: "an SSH server in the image", Why: "it is a way in with keys and users of its own, past the engine's authorisation and log", Fix: "bailey exec -it NAME PROGRAM"},
	{Name: "insecure-run", Level: Error,
		Title: "a RUN that asks for the host's network or for no sandbox", Why: "the build would have the host's rights; Bailey refuses it unless the policy allows it", Fix: "RUN without --security and --network"},
	{Name: "add-local", Level: Note,
		Title: "ADD where COPY would do", Why: "ADD unpacks archives and fetches URLs, so that what is copied depends on what it is called", Fix: "COPY FILE /path"},
	{Name: "ignored-copy", Level: Warning,
		Title: "COPY of what .dockerignore keeps out", Why: "the build fails: for it, the file does not exist", Fix: "take it out of .dockerignore"},
	{Name: "unread-run", Level: Note,
		Title: "a RUN that cannot be read as shell commands", Why: "nothing of it was checked", Fix: "move it to a script that is copied, and check that with shellcheck"},
	{Name: "check-directive", Level: Note,
		Title: "`# check=` does not silence anything here", Why: "a finding is silenced where it arises, and with a reason", Fix: "# bailey:allow RULE why this is meant"},
}
