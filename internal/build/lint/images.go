package lint

import (
	"path"
	"slices"
	"strings"

	"github.com/distribution/reference"
)

// image is what is known of a base image without looking at it.
type image struct {
	named   reference.Named
	known   bool // whether the following is known
	shell   bool
	user    string // whom it runs as; empty for root
	tools   bool   // it is made for building
	variant string // the one without a shell, where there is one to name
}

// parseImage tells what is known of an image by its name; ok is false for what
// is no image's name, or has variables that nothing sets.
func parseImage(ref string) (image, bool) {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil || strings.Contains(ref, "$") {
		return image{}, false
	}
	i := image{named: named}
	host, repo, tag := reference.Domain(named), reference.Path(named), i.tag()
	base := path.Base(repo)
	switch {
	case host == "docker.io" && strings.HasPrefix(repo, "library/"):
		i.known, i.shell = true, !slices.Contains([]string{"hello-world", "scratch"}, base)
		i.user, i.tools, i.variant = officialUsers[base], slices.Contains(toolImages, base), variants[base]
	case host == "gcr.io" && strings.HasPrefix(repo, "distroless/"):
		i.known, i.shell = true, strings.Contains(tag, "debug")
		if strings.Contains(tag, "nonroot") {
			i.user = "65532"
		}
	case host == "cgr.dev":
		i.known, i.user = true, "65532"
		i.shell = strings.HasSuffix(tag, "-dev") || strings.Contains(base, "-base") || slices.Contains([]string{"bash", "busybox"}, base)
		i.tools = strings.HasSuffix(tag, "-dev")
	case host == "mcr.microsoft.com" && strings.HasPrefix(repo, "dotnet/"):
		i.known, i.shell, i.tools = true, true, base == "sdk"
		if strings.Contains(tag, "chiseled") || strings.Contains(tag, "distroless") {
			i.shell, i.user = false, "1654"
		}
	case host == "docker.io" && repo == "nginxinc/nginx-unprivileged":
		i.known, i.shell, i.user = true, true, "101"
	case host == "docker.io" && strings.HasPrefix(repo, "bitnami"):
		i.known, i.shell, i.user = true, true, "1001"
	case strings.HasPrefix(host, "registry.access.redhat.com") && strings.HasPrefix(base, "ubi"):
		i.known, i.shell = true, true
	}
	return i, true
}

// tag is the image's tag, or empty.
func (i image) tag() string {
	if tagged, ok := i.named.(reference.Tagged); ok {
		return tagged.Tag()
	}
	return ""
}

// pinned tells whether the image is named by digest.
func (i image) pinned() bool {
	_, ok := i.named.(reference.Digested)
	return ok
}

// Official images that say whom they run as; the others are root's.
var officialUsers = map[string]string{
	"elasticsearch": "1000", "haproxy": "haproxy", "kibana": "1000", "logstash": "logstash", "memcached": "memcache",
	"solr": "8983", "sonarqube": "sonarqube", "varnish": "varnish",
}

// Official images that exist to build with.
var toolImages = []string{
	"clojure", "dart", "elixir", "erlang", "gcc", "golang", "gradle", "haskell", "maven", "rust", "sbt", "swift",
}

// What can take the place of an official image and has no shell.
var variants = map[string]string{
	"golang": "scratch", "rust": "gcr.io/distroless/cc-debian12:nonroot", "gcc": "gcr.io/distroless/cc-debian12:nonroot",
	"node":   "gcr.io/distroless/nodejs22-debian12:nonroot",
	"python": "gcr.io/distroless/python3-debian12:nonroot",
	"alpine": "gcr.io/distroless/static-debian12:nonroot", "busybox": "gcr.io/distroless/static-debian12:nonroot",
	"debian": "gcr.io/distroless/base-debian12:nonroot", "ubuntu": "gcr.io/distroless/base-debian12:nonroot",
	"eclipse-temurin": "gcr.io/distroless/java21-debian12:nonroot", "openjdk": "gcr.io/distroless/java21-debian12:nonroot",
	"nginx": "cgr.dev/chainguard/nginx",
}

// examples are tags of official images that say what they are.
var examples = map[string]string{
	"alpine": "3.22", "busybox": "1.37", "debian": "12-slim", "eclipse-temurin": "21-jre", "golang": "1.26", "httpd": "2.4",
	"maven": "3.9-eclipse-temurin-21", "nginx": "1.28", "node": "24-slim", "php": "8.4-fpm", "postgres": "17", "python": "3.13-slim",
	"redis": "8.2", "ruby": "3.4-slim", "rust": "1.90", "ubuntu": "24.04",
}
