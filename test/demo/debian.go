package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/bailey-run/bailey/internal/image/imagetest"
	"github.com/bailey-run/bailey/test/harness/debian"
)

// nginxConf is a web server that needs no root: it writes to /tmp alone, which every container has, and logs to its
// standard output, which is where `bailey logs` finds it.
const nginxConf = `daemon off;
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

// page is what it serves.
const page = "<!doctype html><title>Bailey</title><p>Debian's nginx, hardened by default.\n"

// makeDebian makes an image of a minimal Debian or Ubuntu with nginx, as the machine's own release has it and from the mirrors that
// its apt uses.
func (d *demo) makeDebian(ctx context.Context) error {
	image := debian.Image{
		Tag:      "debian-nginx:demo",
		Packages: []string{"nginx-light"},
		Files: []imagetest.File{
			imagetest.Reg("etc/nginx/nginx.conf", nginxConf),
			imagetest.Reg("usr/share/nginx/html/index.html", page),
		},
	}
	image.Config.User = "www-data"
	image.Config.ExposedPorts = map[string]struct{}{"8080/tcp": {}}
	image.Config.Cmd = []string{"/usr/sbin/nginx"}
	file, err := os.Create(d.debianArchive())
	if err != nil {
		return err
	}
	if err := errors.Join(image.Write(ctx, file), file.Close()); err != nil {
		return err
	}
	info, err := os.Stat(file.Name())
	if err != nil {
		return err
	}
	d.out.show(fmt.Sprintf("the essential packages and nginx-light: %d MB, no registry asked", info.Size()/1e6))
	return nil
}

// debianArchive is where makeDebian writes.
func (d *demo) debianArchive() string { return filepath.Join(d.dir, "debian.tar") }

// loadDebian loads the archive.
func (d *demo) loadDebian(ctx context.Context) error {
	return d.bailey(ctx, "load", "-i", d.debianArchive())
}
