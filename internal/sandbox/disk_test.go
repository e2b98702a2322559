package sandbox

import (
	"strings"
	"testing"
)

func volumeOf(p Posture, target string) PostureMount {
	for _, m := range p.Mounts {
		if m.Target == target && m.Kind == MountVolume {
			return m
		}
	}
	return PostureMount{}
}

func diskRow(p Posture) string {
	for _, c := range p.Controls() {
		if c.Control == ControlDisk {
			return c.Actual
		}
	}
	return ""
}

func TestCapsOnDisk(t *testing.T) {
	anonymous := func(n int) func(*Request) {
		return func(r *Request) {
			for i := range n {
				name := string(rune('a' + i))
				r.Mounts = append(r.Mounts, Mount{Type: MountVolume, Source: name, Target: "/" + name, Anonymous: true})
			}
		}
	}
	small := DiskFacts{Bytes: 8 * gib, Inodes: 100_000, Why: "ext4 is mounted without prjquota"}
	for name, c := range map[string]struct {
		disk   DiskFacts
		ask    func(*Request)
		target string
		want   DiskCap
		row    string
	}{
		"default":                    {testHost().Disk, mount(Mount{Type: MountVolume, Source: "v", Target: "/v"}), "/v", DiskCap{10 * gib, 655360}, "/v 10 GiB and 655360 files: refused by the file system"},
		"half of little":             {small, mount(Mount{Type: MountVolume, Source: "v", Target: "/v"}), "/v", DiskCap{4 * gib, 50_000}, "watched, ended when over it, as ext4 is mounted without prjquota"},
		"asked for":                  {small, mount(Mount{Type: MountVolume, Source: "v", Target: "/v", SizeBytes: 50 * gib}), "/v", DiskCap{50 * gib, 50_000}, "/v 50 GiB"},
		"files":                      {small, mount(Mount{Type: MountVolume, Source: "v", Target: "/v", Inodes: 80_000}), "/v", DiskCap{4 * gib, 80_000}, "80000 files"},
		"of before":                  {testHost().Disk, mount(Mount{Type: MountVolume, Source: "v", Target: "/v", SizeBytes: gib, Inodes: 7, Exists: true, Watched: true}), "/v", DiskCap{gib, 7}, "made without project quotas"},
		"one that the image brings":  {testHost().Disk, anonymous(1), "/a", DiskCap{10 * gib, 655360}, ""},
		"many that the image brings": {testHost().Disk, anonymous(10), "/b", DiskCap{gib, 65536}, ""},
		"read-only":                  {testHost().Disk, mount(Mount{Type: MountVolume, Source: "v", Target: "/v", ReadOnly: true}), "/v", DiskCap{}, "for each volume"},
		"none at all":                {small, func(*Request) {}, "/v", DiskCap{}, "4 GiB and 50000 files for each volume, watched"},
	} {
		facts := testHost()
		facts.Disk = c.disk
		p, err := Compute(request(c.ask), Policy{}, alice, facts)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		m := volumeOf(p, c.target)
		if got := (DiskCap{m.SizeBytes, m.Inodes}); got != c.want || !strings.Contains(diskRow(p), c.row) {
			t.Errorf("%s: got %+v, %q", name, got, diskRow(p))
		}
	}
}

func TestVolumesAreDecidedAlone(t *testing.T) {
	facts := testHost()
	if c, err := DecideVolume(DiskCap{}, Policy{}, alice, facts); err != nil || c != (DiskCap{10 * gib, 655360}) {
		t.Errorf("default: %+v, %v", c, err)
	}
	if _, err := DecideVolume(DiskCap{Bytes: -1}, Policy{}, alice, facts); len(Refusals(err)) != 1 {
		t.Errorf("no limit: %v", err)
	}
	allowed := Policy{Allow: []Allow{{Rule: RuleLimit, Values: []string{"disk"}, Callers: []string{"*"}, Reason: "archive"}}}
	if c, err := DecideVolume(DiskCap{Bytes: -1}, allowed, alice, facts); err != nil || c.Bytes != -1 || c.Inodes != -1 {
		t.Errorf("no limit, allowed: %+v, %v", c, err)
	}
	for _, c := range []DiskCap{{Bytes: 5}, {Bytes: -2}, {Inodes: 3}} {
		if _, err := DecideVolume(c, allowed, alice, facts); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
}
