package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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
	if err := d.mmdebstrap(ctx, append(args, mirrors()...)); err != nil {
		return err
	}
	info, err := os.Stat(d.rootfs())
	if err != nil {
		return err
	}
	d.out.show(fmt.Sprintf("%s with nginx-light: %d MB, no registry asked", release, info.Size()/1e6))
	return nil
}

// scratch is how much memory mmdebstrap may use as its disk, and spare how much must be free for that, in KiB.
const scratch, spare = 1 << 20, 2 << 20

// mmdebstrap runs it. It writes thousands of small files and waits for the disk after each; where there is memory enough it
// gets a file system in memory to do so, in a mount namespace that ends with it.
func (d *demo) mmdebstrap(ctx context.Context, args []string) error {
	work := filepath.Join(d.dir, "scratch")
	if err := os.Mkdir(work, 0o755); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "mmdebstrap", args...)
	if free, err := available(); err == nil && free > spare {
		script := fmt.Sprintf(`mount -t tmpfs -o size=%dk,mode=0755 scratch "$0" && exec mmdebstrap "$@"`, scratch)
		cmd = exec.CommandContext(ctx, "unshare", append([]string{"--mount", "sh", "-c", script, work}, args...)...)
	}
	var complaints bytes.Buffer
	cmd.Env = append(os.Environ(), "TMPDIR="+work)
	cmd.Stdout, cmd.Stderr = &complaints, &complaints
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("mmdebstrap: %w\n%s", err, complaints.String())
	}
	return nil
}

// available is the memory that can be had without swapping, in KiB: proc(5), meminfo.
func available() (kib int, err error) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "MemAvailable:" {
			return strconv.Atoi(fields[1])
		}
	}
	return 0, errors.New("/proc/meminfo does not say")
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

// mirrors are the files with the distribution's own package sources; other vendors' are of no use to an image. Where they
// are called otherwise there is none, and mmdebstrap asks the release's usual mirror.
func mirrors() []string {
	for _, path := range []string{"/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list.d/ubuntu.sources", "/etc/apt/sources.list"} {
		if text, err := os.ReadFile(path); err == nil && len(bytes.TrimSpace(text)) > 0 {
			return []string{path}
		}
	}
	return nil
}

// importDebian makes an image of the tree.
func (d *demo) importDebian(ctx context.Context) error {
	return d.bailey(ctx, "import",
		"--change", "USER www-data",
		"--change", "EXPOSE 8080",
		"--change", `CMD ["/usr/sbin/nginx"]`,
		d.rootfs(), "debian-nginx:demo")
}
