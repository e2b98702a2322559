package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"

	"github.com/bailey-run/bailey/internal/image/imagetest"
)

// deletions is what a removal answered, in short.
func deletions(d []Deleted) string {
	var out []string
	for _, x := range d {
		if x.Untagged != "" {
			out = append(out, "untagged "+x.Untagged)
		} else {
			out = append(out, "deleted")
		}
	}
	return strings.Join(out, ", ")
}

func TestSaveAndLoadRoundTrip(t *testing.T) {
	s := openStore(t, nil)
	two := one("two:1", "g", "y")
	two.Layers = append(two.Layers, imagetest.Layer{Files: []imagetest.File{imagetest.Reg("h", "z")}, Compression: "gzip"})
	before := load(t, s, imagetest.DockerArchive(one("one:1", "f", "x"), two))
	if err := s.Tag(ctx, "two:1", "r.example.org/two:2"); err != nil {
		t.Fatal(err)
	}
	var a, b bytes.Buffer
	refs := []string{"one:1", "two:1", "r.example.org/two:2"}
	if err := errors.Join(s.Save(ctx, refs, &a), s.Save(ctx, refs, &b)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("two archives of one image differ")
	}
	other := openStore(t, nil)
	after := load(t, other, a.Bytes())
	if len(after) != 2 || after[0].ID != before[0].ID || after[1].ID != before[1].ID || strings.Join(after[1].RepoTags, " ") != "r.example.org/two:2 two:1" {
		t.Errorf("before %+v\nafter %+v", before, after)
	}
	if err := s.Save(ctx, []string{"nothing:1"}, io.Discard); !errors.Is(err, errdefs.ErrNotFound) || !strings.Contains(err.Error(), "bailey pull nothing:1") {
		t.Errorf("got %v", err)
	}
}

// TestDockerCanReadWhatWeSave reads manifest.json as docker before OCI layouts does.
func TestDockerCanReadWhatWeSave(t *testing.T) {
	s := openStore(t, nil)
	load(t, s, imagetest.DockerArchive(one("one:1", "f", "x")))
	var a bytes.Buffer
	if err := s.Save(ctx, []string{"one:1"}, &a); err != nil {
		t.Fatal(err)
	}
	// A store that sees only manifest.json finds the same configuration and layers.
	stripped := imagetest.Tar(without(t, a.Bytes(), "index.json", "oci-layout")...)
	other := openStore(t, nil)
	if got := load(t, other, stripped); got[0].RepoTags[0] != "one:1" || len(got[0].DiffIDs) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestNamesMoveAndImagesBecomeUnnamed(t *testing.T) {
	s := openStore(t, nil)
	first := load(t, s, imagetest.DockerArchive(one("app:1", "f", "1")))[0]
	second := load(t, s, imagetest.DockerArchive(one("app:1", "f", "2")))[0]
	got, err := s.Get(ctx, "app:1")
	if err != nil || got.ID != second.ID {
		t.Fatalf("app:1 is %s, %v", got.ID, err)
	}
	if got, err = s.Get(ctx, first.ID.String()); err != nil || len(got.Names)+len(got.RepoTags)+len(got.RepoDigests) != 0 {
		t.Errorf("the first image: %+v %v", got, err)
	}
	if images, err := s.List(ctx); err != nil || len(images) != 2 {
		t.Errorf("%d images, %v", len(images), err)
	}
	if err := s.Tag(ctx, first.ID.String(), "app:old"); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Get(ctx, first.ID.String()); err != nil || strings.Join(got.RepoTags, " ") != "app:old" {
		t.Errorf("%+v %v", got, err)
	}
	if err := s.Tag(ctx, "app:1", "app:1@"+first.ID.String()); class(err) != "reference" {
		t.Errorf("got %v", err)
	}
	if err := s.Tag(ctx, "app:1", "UPPER"); class(err) != "reference" {
		t.Errorf("got %v", err)
	}
}

func TestGetAmbiguousAndMissing(t *testing.T) {
	s := openStore(t, nil)
	byPrefix := map[string]bool{}
	ambiguous := ""
	for i := 0; ambiguous == "" && i < 2000; i++ {
		img := one("", "f", fmt.Sprint(i))
		prefix := img.Build().Manifest.Descriptor.Digest.Encoded()[:4]
		if byPrefix[prefix] {
			ambiguous = prefix
		}
		byPrefix[prefix] = true
	}
	found := 0
	for i := 0; found < 2; i++ {
		img := one("", "f", fmt.Sprint(i))
		if strings.HasPrefix(img.Build().Manifest.Descriptor.Digest.Encoded(), ambiguous) {
			load(t, s, imagetest.DockerArchive(img))
			found++
		}
	}
	var several *AmbiguousError
	if _, err := s.Get(ctx, ambiguous); !errors.As(err, &several) || len(several.IDs) != 2 {
		t.Errorf("got %v", err)
	}
	for _, ref := range []string{"nothing", "abc", "deadbeef", "sha256:" + strings.Repeat("0", 64), "nothing@" + digest.FromString("").String()} {
		if _, err := s.Get(ctx, ref); !errors.Is(err, errdefs.ErrNotFound) {
			t.Errorf("%s: %v", ref, err)
		}
	}
}

func TestRemove(t *testing.T) {
	inUse := map[digest.Digest][]string{}
	s := openStore(t, func(o *Options) { o.InUse = func(id digest.Digest) []string { return inUse[id] } })
	base := imagetest.Layer{Files: []imagetest.File{imagetest.Reg("base", "b")}}
	a, b := one("a:1", "f", "1"), one("b:1", "f", "2")
	a.Layers, b.Layers = slices.Insert(a.Layers, 0, base), slices.Insert(b.Layers, 0, base)
	images := load(t, s, imagetest.DockerArchive(a, b))
	ida, idb := images[0].ID, images[1].ID
	for _, name := range []string{"a:2", "x/a:1"} {
		if err := s.Tag(ctx, "a:1", name); err != nil {
			t.Fatal(err)
		}
	}
	inUse[ida] = []string{"container"}
	if got, err := s.Remove(ctx, "a:2", RemoveOptions{}); err != nil || deletions(got) != "untagged a:2" {
		t.Errorf("one name of an image in use: %v %v", got, err)
	}
	if _, err := s.Remove(ctx, ida.String(), RemoveOptions{}); !errors.Is(err, errdefs.ErrFailedPrecondition) || !strings.Contains(err.Error(), "several repositories") {
		t.Errorf("names in two repositories: %v", err)
	}
	if got, err := s.Remove(ctx, "x/a:1", RemoveOptions{}); err != nil || deletions(got) != "untagged x/a:1" {
		t.Errorf("%v %v", got, err)
	}
	var used *InUseError
	if _, err := s.Remove(ctx, "a:1", RemoveOptions{}); !errors.As(err, &used) || !strings.Contains(err.Error(), "bailey rm container") {
		t.Errorf("the last name of an image in use: %v", err)
	}
	if got, err := s.Remove(ctx, "a:1", RemoveOptions{Force: true}); err != nil || deletions(got) != "untagged a:1" {
		t.Errorf("forced: %v %v", got, err)
	}
	img, err := s.Get(ctx, ida.String())
	if err != nil {
		t.Fatalf("an image in use is gone: %v", err)
	}
	root, err := s.Rootfs(ctx, img)
	if err != nil {
		t.Fatal(err)
	}
	delete(inUse, ida)
	if got, err := s.Remove(ctx, short(ida), RemoveOptions{}); err != nil || deletions(got) != "deleted" {
		t.Errorf("%v %v", got, err)
	}
	if _, err := os.Stat(filepath.Join(root.Lower[0], "f")); !os.IsNotExist(err) {
		t.Errorf("the layer is still there: %v", err)
	}
	if _, err := os.Stat(filepath.Join(root.Lower[1], "base")); err != nil {
		t.Errorf("the layer that b needs is gone: %v", err)
	}
	if got, err := s.Remove(ctx, idb.String(), RemoveOptions{}); err != nil || deletions(got) != "untagged b:1, deleted" {
		t.Errorf("%v %v", got, err)
	}
	if left := remains(t, s); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestPruneAndUsage(t *testing.T) {
	inUse := map[digest.Digest][]string{}
	s := openStore(t, func(o *Options) { o.InUse = func(id digest.Digest) []string { return inUse[id] } })
	base := imagetest.Layer{Files: []imagetest.File{imagetest.Reg("base", strings.Repeat("b", 100_000))}}
	a, b, c := one("a:1", "f", "1"), one("", "f", "2"), one("c:1", "f", strings.Repeat("3", 50_000))
	a.Layers, b.Layers = slices.Insert(a.Layers, 0, base), slices.Insert(b.Layers, 0, base)
	c.Config.Config.Labels = map[string]string{"keep": "yes"}
	images := load(t, s, imagetest.DockerArchive(a, b, c))
	inUse[images[0].ID] = []string{"x"}
	u, err := s.Usage(ctx)
	if err != nil || len(u.Images) != 3 || u.Layers < 150_000 || u.Content < 150_000 || u.Reclaimable < 50_000 || u.Reclaimable > 100_000 {
		t.Errorf("%+v %v", u, err)
	}
	for _, i := range u.Images {
		if i.Image.ID == images[0].ID && (i.Shared < 100_000 || i.Containers != 1) {
			t.Errorf("%+v", i)
		}
	}
	report, err := s.Prune(ctx, PruneOptions{})
	if err != nil || deletions(report.Deleted) != "deleted" {
		t.Errorf("unnamed: %+v %v", report, err)
	}
	if report, err = s.Prune(ctx, PruneOptions{All: true, NotLabels: []string{"keep=yes"}}); err != nil || len(report.Deleted) != 0 {
		t.Errorf("spared by label: %+v %v", report, err)
	}
	if report, err = s.Prune(ctx, PruneOptions{All: true, Until: images[2].Created}); err != nil || len(report.Deleted) != 0 {
		t.Errorf("spared by age: %+v %v", report, err)
	}
	if report, err = s.Prune(ctx, PruneOptions{All: true, Labels: []string{"keep"}}); err != nil || deletions(report.Deleted) != "untagged c:1, deleted" || report.Reclaimed < 100_000 {
		t.Errorf("all: %+v %v", report, err)
	}
	if _, err := s.Get(ctx, "a:1"); err != nil {
		t.Errorf("the image in use is gone: %v", err)
	}
}

func TestImport(t *testing.T) {
	s := openStore(t, nil)
	rootfs := imagetest.Tar(imagetest.Dir("bin"), imagetest.Reg("bin/x", "1"))
	for _, data := range [][]byte{rootfs, imagetest.Gzip(rootfs), imagetest.Zstd(rootfs)} {
		img, err := s.Import(ctx, bytes.NewReader(data), ImportOptions{Name: "own:1", Message: "mine", Changes: []string{
			`CMD ["/bin/x", "-v"]`, `ENTRYPOINT run it`, `ENV A=1 B="two words" C=3\ 4`, "ENV D five six", "EXPOSE 80 53/udp", "USER 1:1", "WORKDIR /bin",
			"VOLUME /data", "LABEL a=b", "STOPSIGNAL SIGINT", "ONBUILD RUN x", "HEALTHCHECK --interval=5s --retries=2 CMD true",
		}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		c := img.Config.Config
		got := fmt.Sprintln(c.Cmd, c.Entrypoint, strings.Join(c.Env, "|"), len(c.ExposedPorts), c.User, c.WorkingDir, len(c.Volumes), c.Labels, c.StopSignal, c.OnBuild, c.Healthcheck.Test, c.Healthcheck.Interval, c.Healthcheck.Retries)
		want := `[/bin/x -v] [/bin/sh -c run it] A=1|B=two words|C=3 4|D=five six 2 1:1 /bin 1 map[a:b] SIGINT [RUN x] [CMD-SHELL true] 5s 2` + "\n"
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		h, err := s.History(ctx, "own:1")
		if err != nil || len(h) != 1 || h[0].Comment != "mine" || h[0].Size == 0 || h[0].ID != img.ID || h[0].Tags[0] != "own:1" {
			t.Errorf("%+v %v", h, err)
		}
	}
	if _, err := s.Remove(ctx, "own:1", RemoveOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Prune(ctx, PruneOptions{}); err != nil {
		t.Fatal(err)
	}
	for want, changes := range map[string]string{"config-working-dir": "WORKDIR ../x", "config-user": "USER 99999999999", "?": "RUN true"} {
		if _, err := s.Import(ctx, bytes.NewReader(rootfs), ImportOptions{Changes: []string{changes}}, nil); class(err) != want || !errors.Is(err, errdefs.ErrInvalidArgument) {
			t.Errorf("%s: %v", changes, err)
		}
	}
	if _, err := s.Import(ctx, bytes.NewReader(imagetest.Tar(imagetest.Reg("../x", ""))), ImportOptions{Name: "evil"}, nil); class(err) != "path-traversal" {
		t.Errorf("got %v", err)
	}
	if left := remains(t, s); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestEmptyImage(t *testing.T) {
	s := openStore(t, nil)
	img := load(t, s, imagetest.OCIArchive(imagetest.Image{Tags: []string{"empty:1"}}))[0]
	r, err := s.Rootfs(ctx, img)
	if err != nil || len(r.Lower) != 1 {
		t.Fatalf("%+v %v", r, err)
	}
	if names, err := os.ReadDir(r.Lower[0]); err != nil || len(names) != 0 {
		t.Errorf("%v %v", names, err)
	}
}

func TestConcurrentLoads(t *testing.T) {
	s := openStore(t, nil)
	s.streamFrom = 0
	base := imagetest.Layer{Files: []imagetest.File{imagetest.Reg("base", strings.Repeat("b", 1<<20))}}
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			img := one(fmt.Sprintf("app:%d", i%4), "f", fmt.Sprint(i%4))
			img.Layers = slices.Insert(img.Layers, 0, base)
			if i%5 == 4 {
				img.Layers = append(img.Layers, imagetest.Layer{Files: []imagetest.File{imagetest.Reg("../x", "")}})
				img.Tags = nil
			}
			_, err := s.Load(ctx, bytes.NewReader(imagetest.DockerArchive(img)), nil)
			if i%5 == 4 && class(err) != "path-traversal" || i%5 != 4 && err != nil {
				t.Errorf("load %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	images, err := s.List(ctx)
	if err != nil || len(images) != 4 {
		t.Fatalf("%d images, %v", len(images), err)
	}
	bases := map[string]bool{}
	for _, img := range images {
		r, err := s.Rootfs(ctx, img)
		if err != nil {
			t.Fatal(err)
		}
		bases[r.Lower[1]] = true
		if b, _ := os.ReadFile(filepath.Join(r.Lower[0], "f")); "app:"+string(b) != img.RepoTags[0] {
			t.Errorf("%v has %q", img.RepoTags, b)
		}
	}
	if len(bases) != 1 {
		t.Errorf("the shared layer is there %d times", len(bases))
	}
	for _, img := range images {
		if _, err := s.Remove(ctx, img.ID.String(), RemoveOptions{}); err != nil {
			t.Error(err)
		}
	}
	if left := remains(t, s); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestLoadStopsAnywhere cancels a load after each number of bytes and after each event.
func TestLoadStopsAnywhere(t *testing.T) {
	s := openStore(t, nil)
	t.Run("unpacked while read", func(t *testing.T) { stopAnywhere(t, s) })
	s.streamFrom = 1 << 40
	t.Run("unpacked afterwards", func(t *testing.T) { stopAnywhere(t, s) })
}

// stopAnywhere leaves the store as empty as it was.
func stopAnywhere(t *testing.T, s *Store) {
	img := one("app:1", "f", strings.Repeat("x", 300<<10))
	img.Layers = append(img.Layers, imagetest.Layer{Files: []imagetest.File{imagetest.Reg("g", strings.Repeat("y", 300<<10))}, Compression: "gzip"})
	data := imagetest.DockerArchive(img)
	for step := 0; step <= len(data); step += len(data)/20 + 1 {
		c, cancel := context.WithCancel(ctx)
		_, err := s.Load(c, io.MultiReader(bytes.NewReader(data[:step]), cancelling{cancel}, bytes.NewReader(data[step:])), nil)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled at byte %d: %v", step, err)
		}
		if left := remains(t, s); len(left) > 0 {
			t.Errorf("cancelled at byte %d, left behind: %v", step, left)
		}
	}
	for step := 1; ; step++ {
		c, cancel := context.WithCancel(ctx)
		seen := 0
		_, err := s.Load(c, bytes.NewReader(data), func(Event) {
			if seen++; seen == step {
				cancel()
			}
		})
		cancel()
		if err == nil {
			_, err := s.Remove(ctx, "app:1", RemoveOptions{})
			if err != nil {
				t.Error(err)
			}
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled at event %d: %v", step, err)
		}
		if left := remains(t, s); len(left) > 0 {
			t.Errorf("cancelled at event %d, left behind: %v", step, left)
		}
	}
}

// cancelling is a reader that has nothing and cancels.
type cancelling struct{ cancel func() }

func (c cancelling) Read([]byte) (int, error) {
	c.cancel()
	return 0, io.EOF
}

// TestCrashInTheMiddle closes the databases under a load, as a crash does, and opens the store again.
func TestCrashInTheMiddle(t *testing.T) {
	s := openStore(t, nil)
	kept := load(t, s, imagetest.DockerArchive(one("kept:1", "f", "x")))[0]
	c, x, err := s.begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	built := one("lost:1", "g", "y").Build()
	for _, b := range []imagetest.Blob{built.Manifest, built.Config, built.Layers[0]} {
		if _, err := x.Put(c, bytes.NewReader(b.Data), ""); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := x.admit(c, built.Manifest.Descriptor, s.opts.Platform, &reporter{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(ctx, Options{Root: s.opts.Root})
	if err != nil {
		t.Fatal(err)
	}
	*s = Store{} // openStore closes nothing twice
	t.Cleanup(func() { _ = again.Close() })
	got, err := again.Get(ctx, "kept:1")
	if err != nil || got.ID != kept.ID {
		t.Fatalf("%v", err)
	}
	if _, err := again.Rootfs(ctx, got); err != nil {
		t.Error(err)
	}
	if _, err := again.Remove(ctx, "kept:1", RemoveOptions{}); err != nil {
		t.Error(err)
	}
	if left := remains(t, again); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestOpenTwice(t *testing.T) {
	s := openStore(t, nil)
	if _, err := Open(ctx, Options{Root: s.opts.Root}); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("got %v", err)
	}
	for _, root := range []string{"relative", "/a:b", "/a,b", "/a/../b", "", "/" + strings.Repeat("x", 600)} {
		if _, err := Open(ctx, Options{Root: root}); err == nil {
			t.Errorf("a store at %q was opened", root)
		}
	}
	st, err := os.Stat(s.opts.Root)
	if err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("the store is open to others: %v %v", st.Mode(), err)
	}
}

// TestLayersAreOrdinaryDirectories checks what an overlay mount needs: the roots of layers can be passed by anybody.
func TestLayersAreOrdinaryDirectories(t *testing.T) {
	s := openStore(t, nil)
	img := load(t, s, imagetest.DockerArchive(one("a:1", "d/f", "x")))[0]
	r, err := s.Rootfs(ctx, img)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{r.Lower[0], filepath.Join(r.Lower[0], "d")} {
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil || st.Mode&0o777 != 0o755 || st.Uid != 0 {
			t.Errorf("%s is %o of %d, %v", path, st.Mode, st.Uid, err)
		}
	}
}

// TestLongestPath loads, commits and removes the longest path that is allowed.
func TestLongestPath(t *testing.T) {
	s := openStore(t, nil)
	long := strings.Repeat(strings.Repeat("d", 250)+"/", 12) + strings.Repeat("f", 3072-12*251)
	load(t, s, imagetest.DockerArchive(one("long:1", long, "x")))
	if _, err := s.Remove(ctx, "long:1", RemoveOptions{}); err != nil {
		t.Fatal(err)
	}
	if left := remains(t, s); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func BenchmarkRootfs(b *testing.B) {
	s := openStore(b, nil)
	img := load(b, s, imagetest.DockerArchive(one("a:1", "d/f", "x")))[0]
	for b.Loop() {
		if _, err := s.Rootfs(ctx, img); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	s := openStore(b, nil)
	load(b, s, imagetest.DockerArchive(one("a:1", "d/f", "x")))
	for b.Loop() {
		if _, err := s.Get(ctx, "a:1"); err != nil {
			b.Fatal(err)
		}
	}
}
