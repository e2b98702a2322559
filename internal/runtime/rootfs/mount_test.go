package rootfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestMountGivesTheContainerItsIDs(t *testing.T) {
	if !inMountNS(t) {
		return
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			c := newConfig(t, 4)
			tree(t, c.Lower[2], "dir2/old")
			mount(t, way, c)
			got := act(t, "use", c.Target)
			for what, want := range map[string]string{
				"uid": "0", "write": "ok", "chown": "ok", "copyup": "ok", "append": "ok", "remove": "ok",
				"opaque": "ok", "link": "ok", "setuid": "ok", "chmod": "ok", "fifo": "ok", "xattr": "ok",
				"rename": "ok", "outside": "EINVAL", "as-user": "ok",
				"/etc/new": "1000:1001", "/dir/of1": "42:43", "/etc/hosts": "0:0",
			} {
				if got[what] != want {
					t.Errorf("%s: %s, want %s", what, got[what], want)
				}
			}
			for path, want := range map[string]string{"etc/new": "1000:1001", "dir/of1": "42:43", "suid": "0:0", "dir2": "0:0"} {
				if got := owner(filepath.Join(c.Upper, path)); got != want {
					t.Errorf("on disk %s belongs to %s, want %s", path, got, want)
				}
			}
			if _, err := os.Stat(c.Target + "/dir2/old"); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a replaced directory shows what it had: %v", err)
			}
		})
	}
}

func TestMountShowsNoHostPath(t *testing.T) {
	if !inMountNS(t) {
		return
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			c := newConfig(t, 3)
			mount(t, way, c)
			info, err := os.ReadFile("/proc/self/mountinfo")
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for line := range strings.SplitSeq(string(info), "\n") {
				before, options, _ := strings.Cut(line, " - overlay ")
				if !strings.Contains(before, c.Target) {
					continue
				}
				found = true
				if strings.Contains(options, filepath.Dir(filepath.Dir(c.Lower[1]))) || strings.Contains(options, "containers") {
					t.Errorf("a host path shows in %q", options)
				}
			}
			if !found {
				t.Errorf("no overlay on %s in\n%s", c.Target, info)
			}
		})
	}
}

func TestMountLayersHideEachOther(t *testing.T) {
	if !inMountNS(t) {
		return
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			c := newConfig(t, MaxLayers)
			mount(t, way, c)
			data, err := os.ReadFile(c.Target + "/all")
			if err != nil || string(data) != c.Lower[1] {
				t.Errorf("top layer: %s %v", data, err)
			}
			names, _ := os.ReadDir(c.Target + "/dir")
			if len(names) != MaxLayers-1 {
				t.Errorf("%d of %d layers show", len(names), MaxLayers-1)
			}
		})
	}
}

func TestMountReadOnly(t *testing.T) {
	if !inMountNS(t) {
		return
	}
	for name, way := range ways {
		for _, layers := range []int{1, 3} {
			t.Run(fmt.Sprint(name, layers), func(t *testing.T) {
				c := newConfig(t, layers)
				c.Upper, c.Work = "", ""
				if layers == 1 && name == "staged" {
					t.Skip("a single layer is never staged")
				}
				mount(t, way, c)
				got := act(t, "look", c.Target)
				if got["/etc/hosts"] != "0:0" || got["create"] != "EROFS" {
					t.Errorf("%v", got)
				}
			})
		}
		t.Run(name+" with a writable layer", func(t *testing.T) {
			c := newConfig(t, 2)
			c.ReadOnly = true
			mount(t, way, c)
			if got := act(t, "look", c.Target); got["create"] != "EROFS" {
				t.Errorf("%v", got)
			}
		})
	}
}

func TestMountDisarmsHostileLayers(t *testing.T) {
	if !inMountNS(t) {
		return
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			c := newConfig(t, 3)
			// A layer that asks overlayfs to show another directory in place of one of its own.
			tree(t, c.Lower[2], "hidden/x")
			tree(t, c.Lower[1], "moved/")
			if err := unix.Setxattr(c.Lower[1]+"/moved", "trusted.overlay.redirect", []byte("/hidden"), 0); err != nil {
				t.Fatal(err)
			}
			if err := unix.Mknod(c.Lower[1]+"/null", unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))); err != nil {
				t.Fatal(err)
			}
			mount(t, way, c)
			if got := act(t, "look", c.Target); got["/moved/x"] == "0:0" {
				t.Error("the redirect was followed")
			}
			got := act(t, "devices", c.Target)
			if got["open"] != "EACCES" || got["suid"] != "false" {
				t.Errorf("device node or set-user-id in force: %v", got)
			}
		})
	}
}

func TestMountVolatileTwice(t *testing.T) {
	if !inMountNS(t) {
		return
	}
	for name, way := range map[string]func(Config) error{"descriptors": Mount} {
		t.Run(name, func(t *testing.T) {
			c := newConfig(t, 2)
			c.Volatile = true
			for range 2 {
				if err := way(c); err != nil {
					t.Fatal(err)
				}
				if err := unix.Unmount(c.Target, 0); err != nil {
					t.Fatal(err)
				}
				tree(t, c.Work+"/work/incompat/volatile") // as a crash leaves it
			}
		})
	}
}

// TestMountInMemory: mount points can be made, what Bailey puts on top shows, all belongs to the container's root, and
// nothing of it reaches the disk or outlives the mount.
func TestMountInMemory(t *testing.T) {
	if !inMountNS(t) {
		return
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			c := newConfig(t, 3)
			disk := filepath.Dir(c.Upper)
			before := listing(t, disk)
			c.Upper, c.Work, c.Memory = "", "", true
			c.Files = []File{{Path: "etc/hosts", Mode: 0o644, Data: []byte("mine")}, {Path: "new/deep/file", Mode: 0o640, Data: []byte("x")}}
			for range 2 { // the second finds nothing of the first
				if err := way(c); err != nil {
					t.Fatal(err)
				}
				got := act(t, "points", c.Target)
				for what, want := range map[string]string{
					"hosts": "mine", "mkdir": "ok", "below": "ok", "of1": "ok",
					"/": "0:0 0755", "/etc": "0:0 0755", "/etc/hosts": "0:0 0644", "/new/deep": "0:0 0755", "/new/deep/file": "0:0 0640",
				} {
					if got[what] != want {
						t.Errorf("%s: %s, want %s", what, got[what], want)
					}
				}
				if err := unix.Unmount(c.Target, 0); err != nil {
					t.Fatal(err)
				}
			}
			if after := listing(t, disk); after != before {
				t.Errorf("on disk there is now\n%s", after)
			}
		})
	}
}

// listing names everything below dir.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	if err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		fmt.Fprintln(&all, path)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// refusals spoil a configuration in one way each.
var refusals = map[string]func(t *testing.T, c *Config){
	"another range than the namespace's": func(t *testing.T, c *Config) { c.IDBase += IDs },
	"the ids of the host":                func(t *testing.T, c *Config) { c.IDBase = 0 },
	"no user namespace":                  func(t *testing.T, c *Config) { c.UserNS = 0 },
	"the host's user namespace": func(t *testing.T, c *Config) {
		fd, err := unix.Open("/proc/self/ns/user", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		c.UserNS = fd
	},
	"a layer of other ids": func(t *testing.T, c *Config) {
		if err := os.Chown(c.Lower[1], IDs, 0); err != nil {
			t.Fatal(err)
		}
	},
	"another range for a read-only root": func(t *testing.T, c *Config) {
		c.IDBase += IDs
		c.Upper, c.Work = "", ""
	},
	"a read-only layer of other ids": func(t *testing.T, c *Config) {
		if err := os.Chown(c.Lower[2], 1<<20, 0); err != nil {
			t.Fatal(err)
		}
		c.Upper, c.Work = "", ""
	},
	"a writable layer of other ids": func(t *testing.T, c *Config) {
		if err := os.Chown(c.Upper, testBase, testBase); err != nil {
			t.Fatal(err)
		}
	},
	"a file system without idmapped mounts": func(t *testing.T, c *Config) { c.Lower[1] = "/proc/sys/kernel" },
	"a symbolic link on the way": func(t *testing.T, c *Config) {
		link := t.TempDir() + "/link"
		if err := os.Symlink(filepath.Dir(c.Lower[1]), link); err != nil {
			t.Fatal(err)
		}
		c.Lower[1] = link + "/fs"
	},
	"a target that is a symbolic link": func(t *testing.T, c *Config) {
		link := t.TempDir() + "/link"
		if err := os.Symlink(c.Target, link); err != nil {
			t.Fatal(err)
		}
		c.Target = link
	},
	"a path with dots":          func(t *testing.T, c *Config) { c.Lower[1] += "/../fs" },
	"a missing layer":           func(t *testing.T, c *Config) { c.Lower[1] += "x" },
	"no layer":                  func(t *testing.T, c *Config) { c.Lower = nil },
	"too many layers":           func(t *testing.T, c *Config) { c.Lower = make([]string, MaxLayers+1) },
	"upper without work":        func(t *testing.T, c *Config) { c.Work = "" },
	"work somewhere else":       func(t *testing.T, c *Config) { c.Work = t.TempDir() },
	"on disk and in memory":     func(t *testing.T, c *Config) { c.Memory = true },
	"files for a layer on disk": func(t *testing.T, c *Config) { c.Files = []File{{Path: "a"}} },
	"another range for a layer in memory": func(t *testing.T, c *Config) {
		c.IDBase += IDs
		c.Upper, c.Work, c.Memory = "", "", true
	},
	"a file that leads out of the layer": func(t *testing.T, c *Config) {
		c.Upper, c.Work, c.Memory = "", "", true
		c.Files = []File{{Path: "../a"}}
	},
}

func TestMountRefuses(t *testing.T) {
	if !inMountNS(t) {
		return
	}
	for name, change := range refusals {
		for way, mount := range ways {
			t.Run(way+": "+name, func(t *testing.T) {
				c := newConfig(t, 3)
				change(t, &c)
				before, _ := os.ReadFile("/proc/self/mountinfo")
				err := mount(c)
				if err == nil {
					_ = unix.Unmount(c.Target, unix.MNT_DETACH)
					t.Fatal("it was mounted")
				}
				if after, _ := os.ReadFile("/proc/self/mountinfo"); string(before) != string(after) {
					t.Errorf("a mount was left behind:\n%s", after)
				}
				t.Log(err)
			})
		}
	}
}

func BenchmarkMount(b *testing.B) {
	if !inMountNS(b) {
		return
	}
	for way, mount := range ways {
		for _, n := range []int{1, 10, 60} {
			b.Run(fmt.Sprintf("%s/%d", way, n), func(b *testing.B) {
				c := newConfig(b, n+1)
				for b.Loop() {
					if err := mount(c); err != nil {
						b.Fatal(err)
					}
					b.StopTimer()
					_ = unix.Unmount(c.Target, 0)
					b.StartTimer()
				}
			})
		}
	}
}
