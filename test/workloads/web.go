package workloads

import (
	_ "embed"

	"github.com/bailey-run/bailey/internal/image/imagetest"
	"github.com/bailey-run/bailey/test/harness/debian"
)

//go:embed files/app.py
var pythonApp []byte

//go:embed files/app.js
var nodeApp []byte

// Nginx is nginx as Debian ships it: it starts as root, logs to /var/log/nginx, keeps what it receives in /var/lib/nginx, and
// its workers are www-data.
func Nginx() debian.Image {
	image := debian.Image{Tag: "nginx:debian", Packages: []string{"nginx-light"}}
	image.Config.Env = []string{path}
	image.Config.ExposedPorts = map[string]struct{}{"80/tcp": {}}
	image.Config.Cmd = []string{"nginx", "-g", "daemon off;"}
	image.Config.StopSignal = "SIGQUIT"
	return image
}

// hardened is a configuration that needs no root: it writes to /tmp alone, which every container has, and logs to its standard
// output, which is where `bailey logs` finds it.
const hardened = `daemon off;
worker_processes 1;
pid /tmp/nginx.pid;
error_log stderr notice;
events { worker_connections 256; }
http {
	include /etc/nginx/mime.types;
	access_log /dev/stdout;
	client_body_temp_path /tmp/body;
	proxy_temp_path /tmp/proxy;
	fastcgi_temp_path /tmp/fastcgi;
	uwsgi_temp_path /tmp/uwsgi;
	scgi_temp_path /tmp/scgi;
	server {
		listen 8080;
		root /usr/share/nginx/html;
		server_tokens off;
	}
}
`

// HardenedNginx is nginx that serves a page and runs as www-data, with nothing to write but temporary files.
func HardenedNginx(page string) debian.Image {
	image := debian.Image{
		Tag:      "nginx-hardened:debian",
		Packages: []string{"nginx-light"},
		Files: []imagetest.File{
			imagetest.Reg("etc/nginx/nginx.conf", hardened),
			imagetest.Reg("usr/share/nginx/html/index.html", page),
		},
	}
	image.Config.Env = []string{path}
	image.Config.User = "www-data"
	image.Config.ExposedPorts = map[string]struct{}{"8080/tcp": {}}
	image.Config.Cmd = []string{"nginx"}
	image.Config.StopSignal = "SIGQUIT"
	return image
}

// Python is a Flask application behind gunicorn, as a user that /etc/passwd does not know. It counts in a cache whose name is in
// CACHE.
func Python() debian.Image {
	image := debian.Image{
		Tag:      "python:debian",
		Packages: []string{"gunicorn", "python3-flask"},
		Files:    []imagetest.File{imagetest.Dir("app"), imagetest.Reg("app/app.py", string(pythonApp))},
	}
	image.Config.Env = []string{path, "PYTHONUNBUFFERED=1"}
	image.Config.User = "10001:10001"
	image.Config.WorkingDir = "/app"
	image.Config.ExposedPorts = map[string]struct{}{"8000/tcp": {}}
	image.Config.Cmd = []string{"gunicorn", "--bind", "0.0.0.0:8000", "--workers", "2", "app:app"}
	return image
}

// Node is an application on node's own HTTP server, as a user that /etc/passwd does not know.
func Node() debian.Image {
	image := debian.Image{
		Tag:      "node:debian",
		Packages: []string{"nodejs"},
		Files:    []imagetest.File{imagetest.Dir("app"), imagetest.Reg("app/app.js", string(nodeApp))},
	}
	image.Config.Env = []string{path, "NODE_ENV=production"}
	image.Config.User = "10001:10001"
	image.Config.WorkingDir = "/app"
	image.Config.ExposedPorts = map[string]struct{}{"3000/tcp": {}}
	image.Config.Cmd = []string{"node", "app.js"}
	return image
}
