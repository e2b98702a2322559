package workloads_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bailey-run/bailey/test/harness"
)

// heedable allows what some advice asks for beyond the default; nothing has it that does not ask.
const heedable = `
[[allow]]
rule = "mount-option"
values = ["exec"]
callers = ["root"]
reason = "tools in a volume"

[[allow]]
rule = "writable-root"
callers = ["root"]
reason = "a program that writes beside itself"
`

// runs numbers the containers of habits.
var runs atomic.Int64

// habit is something that images do and that the default refuses.
type habit struct {
	image, script string
	options       []string // that it is run with
	advice        []string // the options that Bailey's explanations name, one after the other, until it works
}

// habits are what people's images do. docs/compatibility.md lists them.
var habits = map[string]habit{
	"configuration written under /etc": {image: "base:debian",
		script: `echo "port = 80" > /etc/app.conf && cat /etc/app.conf && getent passwd root`, advice: []string{"-v /etc"}},
	"configuration changed in place": {image: "nginx:debian",
		script: `sed -i 's/80 default_server/8080 default_server/' /etc/nginx/sites-available/default && nginx -T -e /dev/stderr | grep -q 8080 || exit 1`,
		advice: []string{"-v /etc/nginx/sites-available", "--tmpfs /var/lib/nginx", "-v /var/log/nginx"}},
	"time zone set": {image: "base:debian", script: `ln -sf /usr/share/zoneinfo/UTC /etc/localtime`, advice: []string{"-v /etc"}},
	"a cache below /var/cache": {image: "base:debian", script: `mkdir -p /var/cache/app/pages && touch /var/cache/app/pages/1`,
		advice: []string{"-v /var/cache"}},
	"a log in a directory that is not there": {image: "base:debian", script: `echo started >> /var/log/app/today.log`,
		options: []string{"--user", "1000:1000"}, advice: nil}, // a mistake of the image's own, of which Bailey says nothing
	"data directory handed over": {image: "redis:debian", script: `chown redis /var/lib/redis && setpriv --reuid redis --clear-groups touch /var/lib/redis/x`,
		options: []string{"--entrypoint", "sh"}, advice: []string{"--tmpfs /var/lib/redis"}},
	"uploads at the top":         {image: "base:debian", script: `mkdir -p /uploads && touch /uploads/x`, options: []string{"--user", "1000:1000"}, advice: []string{"--tmpfs /uploads"}},
	"a file beside the programs": {image: "base:debian", script: `echo x > /usr/local/bin/../../bin/state`, advice: []string{"--security-opt rootfs=writable"}},
	"a tool unpacked to /tmp":    {image: "base:debian", script: `cp /bin/true /tmp/tool; /tmp/tool`, advice: []string{"--tmpfs /tmp:exec"}},
	"a library unpacked to /tmp": {image: "python:debian", script: `cp /lib/*-linux-gnu/libm.so.6 /tmp/native.so && python3 -c 'import ctypes; ctypes.CDLL("/tmp/native.so")'`,
		advice: []string{"--tmpfs /tmp:exec"}},
}

// heed runs every habit, does what Bailey's explanation says, until it works, and holds that against what it should have said.
func heed(t *testing.T, n *harness.Node) {
	t.Run("a script run from a volume", func(t *testing.T) {
		t.Parallel()
		tools(t, n)
	})
	for name, h := range habits {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var heeded []string
			for {
				flag := advised(t, n, h, heeded)
				if flag == "" {
					break
				}
				if heeded = append(heeded, flag); len(heeded) > 4 {
					break
				}
			}
			if !slices.Equal(heeded, h.advice) {
				t.Errorf("the advice was %q, want %q", heeded, h.advice)
			}
		})
	}
}

// tools runs a script from a volume: the refusal names the option, with which it runs.
func tools(t *testing.T, n *harness.Node) {
	n.MustBailey(t, "run", "--rm", "-v", "tools:/tools", "base:debian", "sh", "-c", `printf '#!/bin/sh\necho it runs\n' > /tools/run; chmod +x /tools/run`)
	result := n.Bailey(t.Context(), "run", "--rm", "-v", "tools:/tools", "base:debian", "/tools/run")
	if result.Code != 126 || !strings.Contains(result.Stderr, "-v NAME:/tools:exec") {
		t.Errorf("exit status %d, and it says: %s", result.Code, result.Stderr)
	}
	if out := n.MustBailey(t, "run", "--rm", "-v", "tools:/tools:exec", "base:debian", "/tools/run"); out != "it runs\n" {
		t.Errorf("with the option it printed %q", out)
	}
}

// advised runs a habit with the options of earlier advice and returns the option that the explanation in its output and an event
// name; nothing when it works, or when Bailey has no part in its failure.
func advised(t *testing.T, n *harness.Node, h habit, heeded []string) string {
	t.Helper()
	name := fmt.Sprintf("habit-%d", runs.Add(1))
	args := append([]string{"run", "--rm", "--name", name}, h.options...)
	for _, option := range heeded {
		args = append(args, strings.Fields(option)...)
	}
	args = append(args, h.image)
	if !slices.Contains(h.options, "--entrypoint") {
		args = append(args, "sh")
	}
	result := n.Bailey(t.Context(), append(args, "-c", h.script)...)
	if result.Code == 0 {
		return ""
	}
	events := n.MustBailey(t, "events", "--since", "10m", "--until", time.Now().Format(time.RFC3339Nano), "--filter", "container="+name,
		"--filter", "event=write-refused", "--filter", "event=exec-refused", "--format", "{{.Actor.Attributes.flag}}")
	flag, _, _ := strings.Cut(strings.TrimSpace(events), "\n")
	if flag == "" {
		if h.advice != nil {
			t.Errorf("it failed without an explanation: %s%s", result.Stdout, result.Stderr)
		}
		return ""
	}
	if !strings.Contains(result.Stderr, "bailey: ") || !strings.Contains(result.Stderr, flag) {
		t.Errorf("the output does not name %s: %s", flag, result.Stderr)
	}
	return flag
}
