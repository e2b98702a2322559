package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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

// makeDebian makes the file tree of a minimal Debian or Ubuntu with nginx, as the machine's own release has it and
// from the mirrors that its apt uses.
func (d *demo) makeDebian(ctx context.Context) error {
	release, err := codename()
	if err != nil {
		return err
	}
	sources, err := mirrors()
	if err != nil {
		return err
	}
	for name, text := range map[string]string{"nginx.conf": nginxConf, "index.html": page} {
		if err := os.WriteFile(filepath.Join(d.dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	// Device nodes are the engine's business; an image that brings its own is refused. Documentation and translations
	// are left out: a server reads neither.
	args := []string{"--quiet", "--variant=essential", "--skip=output/dev", "--include=nginx-light", "--aptopt=APT::Install-Recommends \"false\""}
	for _, dir := range []string{"doc", "man", "locale", "info"} {
		args = append(args, "--dpkgopt=path-exclude=/usr/share/"+dir+"/*")
	}
	args = append(args,
		"--customize-hook=upload "+d.dir+"/nginx.conf /etc/nginx/nginx.conf",
		"--customize-hook=upload "+d.dir+"/index.html /usr/share/nginx/html/index.html",
		release, d.rootfs())
	var complaints bytes.Buffer
	cmd := exec.CommandContext(ctx, "mmdebstrap", append(args, sources...)...)
	cmd.Env = append(os.Environ(), "TMPDIR="+d.dir)
	cmd.Stdout, cmd.Stderr = &complaints, &complaints
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("mmdebstrap: %w\n%s", err, complaints.String())
	}
	info, err := os.Stat(d.rootfs())
	if err != nil {
		return err
	}
	d.out.show(fmt.Sprintf("%s with nginx-light: %d MB, no registry asked", release, info.Size()/1e6))
	return nil
}

// rootfs is the tar that makeDebian makes.
func (d *demo) rootfs() string { return filepath.Join(d.dir, "debian.tar") }

// codename is the machine's own release: os-release(5).
func codename() (string, error) {
	text, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "VERSION_CODENAME="); ok {
			return strings.Trim(name, `"`), nil
		}
	}
	return "", errors.New("/etc/os-release names no VERSION_CODENAME; the demo makes its image on Debian and Ubuntu")
}

// mirrors are the files with the distribution's own package sources; other vendors' are of no use to an image.
func mirrors() ([]string, error) {
	for _, path := range []string{"/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list.d/ubuntu.sources", "/etc/apt/sources.list"} {
		if text, err := os.ReadFile(path); err == nil && len(bytes.TrimSpace(text)) > 0 {
			return []string{path}, nil
		}
	}
	return nil, errors.New("found no package sources below /etc/apt")
}

// importDebian makes an image of the tree.
func (d *demo) importDebian(ctx context.Context) error {
	return d.bailey(ctx, "import",
		"--change", "USER www-data",
		"--change", "EXPOSE 8080",
		"--change", `CMD ["/usr/sbin/nginx"]`,
		d.rootfs(), "debian-nginx:demo")
}
