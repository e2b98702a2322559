package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/bailey-run/bailey/internal/image/imagetest"
	"github.com/bailey-run/bailey/test/harness"
)

const linker = "/lib64/ld-linux-x86-64.so.2"

// dynamicImage is a busybox with a program that needs a dynamic linker, and with the linker: the machine's own.
func dynamicImage(t *testing.T, tag string) imagetest.Image {
	t.Helper()
	image := imagetest.Busybox(t, tag)
	for name, from := range map[string]string{linker: linker, "/lib/x86_64-linux-gnu/libc.so.6": "/lib/x86_64-linux-gnu/libc.so.6", "/bin/dynamic": "/usr/bin/true"} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Skipf("this machine is no Debian on amd64: %v", err)
		}
		image.Layers[0].Files = append(image.Layers[0].Files, imagetest.Exec(strings.TrimPrefix(name, "/"), text))
	}
	return image
}

// everyWay copies a program to every place that can be written to and runs it in every way that a shell has. What a
// script does, an attacker who downloads something does too.
const everyWay = `
for dir in /tmp /run /var/tmp /dev /dev/shm /dev/mqueue /run/secrets /data / /etc /bin /proc /sys; do
	busybox cp /bin/dynamic $dir/new 2>/dev/null && busybox chmod 755 $dir/new || continue
	echo wrote $dir
	$dir/new 2>/dev/null && echo ran $dir/new
	` + linker + ` $dir/new 2>/dev/null && echo linked $dir/new
	echo '#!/bin/sh' >$dir/script; busybox chmod 755 $dir/script
	$dir/script 2>/dev/null && echo ran $dir/script
	sh $dir/script && echo interpreted $dir/script
done
` + linker + ` /bin/dynamic && echo linked /bin/dynamic
echo over`

// TestNewCodeDoesNotRun: what was not in the image cannot be executed, also not by the dynamic linker. A script that an
// interpreter of the image is given is not executed by the kernel, and is interpreted: docs/proof.md says so.
func TestNewCodeDoesNotRun(t *testing.T) {
	node := harness.NewEmpty(t, harness.Options{Policy: `
[[allow]]
rule = "mount-option"
values = ["exec"]
callers = ["*"]
reason = "the twin"
`})
	if err := node.Load(t.Context(), imagetest.DockerArchive(dynamicImage(t, "dynamic:test"))); err != nil {
		t.Fatal(err)
	}
	node.MustBailey(t, "volume", "create", "data")
	said := node.MustBailey(t, "run", "--rm", "-v", "data:/data", "dynamic:test", "sh", "-c", everyWay)
	for _, want := range []string{"wrote /tmp", "wrote /run", "wrote /var/tmp", "wrote /dev/shm", "wrote /data", "interpreted /tmp/script", "linked /bin/dynamic", "over"} {
		if !strings.Contains(said, want+"\n") {
			t.Errorf("the test shows nothing without %q", want)
		}
	}
	for line := range strings.Lines(said) {
		if strings.HasPrefix(line, "ran ") || strings.HasPrefix(line, "linked ") && line != "linked /bin/dynamic\n" {
			t.Errorf("new code: %s", line)
		}
	}
	weak := node.MustBailey(t, "run", "--rm", "--tmpfs", "/tmp:exec", "dynamic:test", "sh", "-c", everyWay)
	for _, want := range []string{"ran /tmp/new", "linked /tmp/new", "ran /tmp/script"} {
		if !strings.Contains(weak, want+"\n") {
			t.Errorf("the twin shows nothing without %q:\n%s", want, weak)
		}
	}
}
