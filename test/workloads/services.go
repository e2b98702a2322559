package workloads

import (
	_ "embed"

	"github.com/bailey-run/bailey/internal/image/imagetest"
	"github.com/bailey-run/bailey/test/harness/debian"
)

//go:embed files/crontab
var crontab []byte

// NATS is a message server that keeps its streams in a volume, as nobody.
func NATS() debian.Image {
	image := debian.Image{
		Tag:      "nats:debian",
		Packages: []string{"nats-server"},
		Files:    []imagetest.File{{Name: "data/", UID: 65534, GID: 65534}},
	}
	image.Config.Env = []string{path}
	image.Config.User = "65534:65534"
	image.Config.Volumes = map[string]struct{}{"/data": {}}
	image.Config.ExposedPorts = map[string]struct{}{"4222/tcp": {}}
	image.Config.Cmd = []string{"nats-server", "-js", "-sd", "/data"}
	return image
}

// Cron is busybox's crond as root, with a job that writes the time to a volume every minute.
func Cron() debian.Image {
	image := debian.Image{
		Tag:      "cron:debian",
		Packages: []string{"busybox-static"},
		Files: []imagetest.File{
			imagetest.Dir("var/spool/cron"), imagetest.Dir("var/spool/cron/crontabs"),
			{Name: "var/spool/cron/crontabs/root", Body: crontab, Mode: 0o600},
			imagetest.Dir("data"),
		},
	}
	image.Config.Env = []string{path}
	image.Config.Volumes = map[string]struct{}{"/data": {}}
	image.Config.Cmd = []string{"busybox", "crond", "-f", "-l", "2", "-L", "/dev/stderr"}
	return image
}

// Base is a release's essential packages and nothing else, with a shell as its command.
func Base() debian.Image {
	image := debian.Image{Tag: "base:debian"}
	image.Config.Env = []string{path}
	image.Config.Cmd = []string{"bash"}
	return image
}
