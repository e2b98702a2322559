package workloads

import "github.com/bailey-run/bailey/test/harness/debian"

// All are the images that are made from packages.
func All() []debian.Image {
	return []debian.Image{
		Base(), Postgres(), Redis(), NATS(), Nginx(), HardenedNginx("<!doctype html><title>It works</title>\n"), Python(), Node(), Cron(),
	}
}
