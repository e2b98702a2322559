package hint

import (
	"strings"
	"testing"

	"github.com/bailey-run/bailey/internal/engine/files"
)

func TestAdvise(t *testing.T) {
	image := map[string]files.Content{
		"/": files.Programs, "/etc": files.Programs, "/etc/nginx": files.Data, "/app": files.Programs, "/var/lib/nginx": files.Empty,
		"/var/lib/redis": files.Data, "/var/lib": files.Data, "/etc/hosts": files.NoDirectory, "/srv": files.Empty,
	}
	room := Room{
		Mounts: []Mount{{Target: "/tmp", Tmpfs: true}, {Target: "/data"}, {Target: "/conf", ReadOnly: true}, {Target: "/x", Exec: true}},
		Look:   func(p string) files.Content { return image[p] },
	}
	for name, c := range map[string]struct {
		refused Refused
		flag    string // of the advice
		says    string
	}{
		"empty in the image":       {Refused{Path: "/var/lib/nginx/body", Dir: true}, "--tmpfs /var/lib/nginx", "-v NAME:/var/lib/nginx (kept)"},
		"not in the image":         {Refused{Path: "/opt/app/log/x"}, "--tmpfs /opt/app/log", "read-only by default"},
		"filled in the image":      {Refused{Path: "/etc/nginx/nginx.conf"}, "-v /etc/nginx", "a copy of its own"},
		"/etc itself":              {Refused{Path: "/etc/app.conf"}, "-v /etc", "a copy of its own"},
		"the directory itself":     {Refused{Path: "/var/lib/redis"}, "-v /var/lib/redis", "a copy of its own"},
		"beside programs":          {Refused{Path: "/app/log.txt"}, "--security-opt rootfs=writable", "rule writable-root"},
		"a directory of the root":  {Refused{Path: "/uploads", Dir: true}, "--tmpfs /uploads", "in memory"},
		"perhaps a directory":      {Refused{Path: "/uploads"}, "--tmpfs /uploads", "in memory"},
		"a file of the root":       {Refused{Path: "/state.json"}, "--security-opt rootfs=writable", "rule writable-root"},
		"an empty one of the root": {Refused{Path: "/srv"}, "--tmpfs /srv", "in memory"},
		"a read-only mount":        {Refused{Path: "/conf/x"}, "", "/conf is mounted read-only"},
		"a kernel parameter":       {Refused{Path: "/proc/sys/net/core/somaxconn"}, "--sysctl net.core.somaxconn=VALUE", "parameters"},
		"the host's":               {Refused{Path: "/sys/kernel/mm/transparent_hugepage/enabled"}, "", "belongs to the host"},
		"a program in a tmpfs":     {Refused{Path: "/tmp/tool", Exec: true}, "--tmpfs /tmp:exec", "rule mount-option"},
		"a program in a volume":    {Refused{Path: "/data/tool", Exec: true}, "-v NAME:/data:exec", "rule mount-option"},
	} {
		got := room.Advise([]Refused{c.refused})
		if len(got) != 1 || got[0].Flag != c.flag || !strings.Contains(got[0].String(), c.says) || !strings.Contains(got[0].String(), c.refused.Path) {
			t.Errorf("%s: got %q %v", name, got, got)
		}
	}
	for name, refused := range map[string]Refused{
		"a program that the image has":   {Path: "/app/tool", Exec: true},
		"a mount that has programs":      {Path: "/x/tool", Exec: true},
		"a mount that can be written to": {Path: "/data/x"},
	} {
		if got := room.Advise([]Refused{refused}); len(got) > 0 {
			t.Errorf("%s: got %q", name, got)
		}
	}
	if got := room.Advise([]Refused{{Path: "/etc/nginx/a"}, {Path: "/etc/nginx/b"}}); len(got) != 1 {
		t.Errorf("one option was advised twice: %q", got)
	}
	room.WritableRoot = true
	if got := room.Advise([]Refused{{Path: "/etc/nginx/a"}}); len(got) > 0 {
		t.Errorf("with a writable root: %q", got)
	}
}
