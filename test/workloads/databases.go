package workloads

import (
	_ "embed"

	"github.com/bailey-run/bailey/internal/image/imagetest"
	"github.com/bailey-run/bailey/test/harness/debian"
)

//go:embed files/postgres-entrypoint
var postgresEntrypoint []byte

//go:embed files/redis-entrypoint
var redisEntrypoint []byte

// Postgres is PostgreSQL with the variables, the volume and the entry point of the well-known image: POSTGRES_PASSWORD,
// POSTGRES_USER, POSTGRES_DB, /docker-entrypoint-initdb.d/*.sql.
func Postgres() debian.Image {
	image := debian.Image{
		Tag:      "postgres:debian",
		Packages: []string{"postgresql", "gosu"},
		// No cluster of Debian's own: the volume gets one at the first start.
		Before: []imagetest.File{imagetest.Dir("etc"), imagetest.Dir("etc/postgresql-common"),
			imagetest.Reg("etc/postgresql-common/createcluster.conf", "create_main_cluster = false\n")},
		Files: []imagetest.File{
			imagetest.Dir("docker-entrypoint-initdb.d"),
			{Name: "var/lib/postgresql/data/", Mode: 0o1777},
			imagetest.Exec("usr/local/bin/docker-entrypoint.sh", postgresEntrypoint),
		},
	}
	image.Config.Env = []string{path, "LANG=C.UTF-8", "PGDATA=/var/lib/postgresql/data"}
	image.Config.Volumes = map[string]struct{}{"/var/lib/postgresql/data": {}}
	image.Config.ExposedPorts = map[string]struct{}{"5432/tcp": {}}
	image.Config.Entrypoint = []string{"docker-entrypoint.sh"}
	image.Config.Cmd = []string{"postgres"}
	image.Config.StopSignal = "SIGINT"
	return image
}

// Redis is Redis with the volume and the entry point of the well-known image.
func Redis() debian.Image {
	image := debian.Image{
		Tag:      "redis:debian",
		Packages: []string{"redis-server"},
		Files: []imagetest.File{
			{Name: "data/", Mode: 0o777},
			imagetest.Exec("usr/local/bin/docker-entrypoint.sh", redisEntrypoint),
		},
	}
	image.Config.Env = []string{path}
	image.Config.WorkingDir = "/data"
	image.Config.Volumes = map[string]struct{}{"/data": {}}
	image.Config.ExposedPorts = map[string]struct{}{"6379/tcp": {}}
	image.Config.Entrypoint = []string{"docker-entrypoint.sh"}
	image.Config.Cmd = []string{"redis-server"}
	return image
}

// path is what a shell of Debian has.
const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
