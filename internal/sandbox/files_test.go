package sandbox

import (
	"strings"
	"testing"
)

// A file of the host is copied only when it is one, is to be read, and its caller's rights are known; the policy's mount comes first.
func TestFilesAreCopied(t *testing.T) {
	reader := alice
	reader.Reads = &Identity{UID: 1000, GID: 100}
	listed := Policy{HostMounts: []HostMount{{Path: "/srv", ReadOnly: true, Callers: []string{"*"}, Reason: "r"}}}
	plain := Mount{Type: MountBind, Source: "/home/alice/app.conf", Target: "/etc/app.conf", File: true, Regular: true, ReadOnly: true}
	with := func(change func(*Mount)) Mount { m := plain; change(&m); return m }
	for name, x := range map[string]struct {
		mount  Mount
		caller Caller
		kind   string // "" when it is refused
	}{
		"a file":                {plain, reader, mountFile},
		"of the host's own":     {with(func(m *Mount) { m.Source = "/etc/hosts" }), reader, mountFile},
		"in root's home":        {with(func(m *Mount) { m.Source = "/root/project/app.conf" }), reader, mountFile},
		"that the policy lists": {with(func(m *Mount) { m.Source = "/srv/x" }), reader, MountBind},
		"for writing":           {with(func(m *Mount) { m.ReadOnly = false }), reader, ""},
		"a directory":           {with(func(m *Mount) { m.File, m.Regular = false, false }), reader, ""},
		"a socket":              {with(func(m *Mount) { m.Regular = false }), reader, ""},
		"to execute":            {with(func(m *Mount) { m.Options = []string{"exec"} }), reader, ""},
		"that propagates":       {with(func(m *Mount) { m.Propagation = "shared" }), reader, ""},
		"of the kernel":         {with(func(m *Mount) { m.Source = "/proc/self/environ" }), reader, ""},
		"of the node":           {with(func(m *Mount) { m.Source = "/var/lib/bailey/secrets/node.key" }), reader, ""},
		"for nobody known":      {plain, alice, ""},
	} {
		facts := testHost()
		facts.OwnPaths = []string{"/var/lib/bailey"}
		p, err := Compute(request(func(r *Request) { r.Mounts = []Mount{x.mount} }), listed, x.caller, facts)
		if x.kind == "" {
			if len(Refusals(err)) == 0 {
				t.Errorf("%s is not refused: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, m := range p.Mounts {
			if m.Target != x.mount.Target {
				continue
			}
			want := reader.Reads
			switch {
			case x.kind != mountFile:
				want = nil
			case name == "of the host's own":
				want = &everybody
			}
			if m.Kind != x.kind || m.Reader != want {
				t.Errorf("%s becomes %+v", name, m)
			}
		}
	}
}

func TestDeliver(t *testing.T) {
	p, err := Compute(request(func(r *Request) {
		r.Secrets = []string{"a"}
		r.Mounts = []Mount{{Type: MountVolume, Source: "data", Target: "/data"}, {Type: MountVolume, Source: "fixed", Target: "/fixed", ReadOnly: true},
			{Type: MountBind, Source: "/srv/www", Target: "/www"}}
	}), Policy{HostMounts: []HostMount{{Path: "/srv/www", Callers: []string{"*"}, Reason: "r"}}}, alice, testHost())
	if err != nil {
		t.Fatal(err)
	}
	before := len(p.Mounts)
	q, err := p.Deliver("/etc/./x", Identity{UID: 5}, 0o755, 3)
	if err == nil {
		q, err = q.Deliver("/etc/x", Identity{UID: 7}, 0o640, 4)
	}
	if err != nil || len(p.Mounts) != before || len(q.Files()) != 1 {
		t.Fatalf("%v, %d mounts, then files %+v", err, len(p.Mounts), q.Files())
	}
	if f := q.Files()[0]; f.Target != "/etc/x" || f.UID != 7 || f.Mode != 0o440 || !f.ReadOnly || f.Exec {
		t.Errorf("delivered as %+v", f)
	}
	for _, target := range []string{"/", "/proc/x", "/sys/x", "/dev/null", "relative", "/data", "/fixed/x", "/www/x", "/run/secrets/b", "/run/secrets", "/e\x00"} {
		if _, err := p.Deliver(target, Identity{}, 0, 0); err == nil {
			t.Errorf("%q is delivered to", target)
		}
	}
	for i := range MaxFiles + 1 {
		if p, err = p.Deliver("/f/"+strings.Repeat("x", i+1), Identity{}, 0, 0); err != nil && i != MaxFiles {
			t.Fatal(err)
		}
	}
	if err == nil {
		t.Errorf("more than %d files are delivered", MaxFiles)
	}
}
