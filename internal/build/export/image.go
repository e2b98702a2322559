package export

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/platforms"
	"github.com/moby/buildkit/cache"
	cacheconfig "github.com/moby/buildkit/cache/config"
	"github.com/moby/buildkit/exporter"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/util/progress"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/bailey-run/bailey/internal/image"
)

// Images takes what was built into the store.
type Images interface {
	Adopt(ctx context.Context, b image.Built) (image.Image, error)
}

// Image is BuildKit's exporter of images with the store of this node in the place of BuildKit's own.
func Image(inner exporter.Exporter, images Images) exporter.Exporter {
	return &imageExporter{inner: inner, images: images}
}

type imageExporter struct {
	inner  exporter.Exporter
	images Images
}

// Resolve reads the attributes. What is about BuildKit's store is ours to do.
func (e *imageExporter) Resolve(ctx context.Context, id int, attrs map[string]string) (exporter.ExporterInstance, error) {
	attrs = maps.Clone(attrs)
	if attrs == nil {
		attrs = map[string]string{}
	}
	keep := attrs["store"] != "false"
	for _, key := range []string{"unpack", "dangling-name-prefix", "danglingPrefix"} {
		delete(attrs, key)
	}
	attrs["store"] = "false"
	if attrs["compression"] == "" && attrs["compression-level"] == "" {
		// What is built is mostly run here, where its layers are unpacked already: a third of the time for a tenth more bytes.
		attrs["compression-level"] = "1"
	}
	inner, err := e.inner.Resolve(ctx, id, attrs)
	if err != nil {
		return nil, err
	}
	return &imageInstance{ExporterInstance: inner, images: e.images, keep: keep, names: attrs["name"]}, nil
}

type imageInstance struct {
	exporter.ExporterInstance
	images Images
	keep   bool
	names  string
}

// Export writes the image's documents and blobs, and makes an image of them.
func (i *imageInstance) Export(ctx context.Context, src *exporter.Source, info exporter.ExportBuildInfo) (map[string]string, exporter.FinalizeFunc, exporter.DescriptorReference, error) {
	src = withSource(src)
	resp, finalize, ref, err := i.ExporterInstance.Export(ctx, src, info)
	if err != nil || !i.keep {
		return resp, finalize, ref, err
	}
	if err := i.adopt(ctx, src, info, ref, resp); err != nil {
		if ref != nil {
			_ = ref.Release() // the error that counts is the other one
		}
		return nil, nil, nil, err
	}
	return resp, finalize, ref, nil
}

func (i *imageInstance) adopt(ctx context.Context, src *exporter.Source, info exporter.ExportBuildInfo, ref exporter.DescriptorReference, resp map[string]string) (err error) {
	done := progress.OneOff(ctx, "taking the image into the store")
	defer func() { err = done(err) }()
	if ref == nil {
		return fmt.Errorf("the image has no descriptor")
	}
	cfg := cacheconfig.RefConfig{Compression: i.Config().Compression()}
	if err := fetchAll(ctx, src, cfg, info.SessionID); err != nil {
		return err
	}
	layers, err := layersOf(ctx, src, cfg, info.SessionID)
	if err != nil {
		return err
	}
	built := image.Built{Target: ref.Descriptor(), Layers: layers.dirs}
	defer func() { _ = layers.release() }()
	names := i.names
	if n, ok := src.Metadata["image.name"]; ok && names == "*" {
		names = string(n)
	}
	for name := range strings.SplitSeq(names, ",") {
		if name != "" {
			built.Names = append(built.Names, name)
		}
	}
	img, err := i.images.Adopt(ctx, built)
	if err != nil {
		return err
	}
	resp[exptypes.ExporterImageDigestKey] = img.ID.String()
	return nil
}

// refs are all results of a build.
func refs(src *exporter.Source) []cache.ImmutableRef {
	var all []cache.ImmutableRef
	if src.Ref != nil {
		all = append(all, src.Ref)
	}
	for _, r := range src.Refs {
		if r != nil {
			all = append(all, r)
		}
	}
	return all
}

// fetchAll fetches layers of base images that no step has needed so far.
func fetchAll(ctx context.Context, src *exporter.Source, cfg cacheconfig.RefConfig, sid string) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, ref := range refs(src) {
		group.Go(func() error {
			remotes, err := ref.GetRemotes(ctx, false, cfg, false, session.NewGroup(sid))
			if err != nil {
				return err
			}
			if lazy, ok := remotes[0].Provider.(cache.Unlazier); ok {
				return lazy.Unlazy(ctx)
			}
			return nil
		})
	}
	return group.Wait()
}

// unpacked are the layers of a result as directories.
type unpacked struct {
	dirs    map[digest.Digest]string
	release func() error
}

// layersOf says where the layers of this machine's variant are unpacked already. That is known when each of them is a
// snapshot of its own; where snapshots were merged (COPY --link), the archives are unpacked instead.
func layersOf(ctx context.Context, src *exporter.Source, cfg cacheconfig.RefConfig, sid string) (unpacked, error) {
	none := unpacked{release: func() error { return nil }}
	ref := own(src)
	if ref == nil {
		return none, nil
	}
	group := session.NewGroup(sid)
	remotes, err := ref.GetRemotes(ctx, false, cfg, false, group)
	if err != nil {
		return none, err
	}
	mountable, err := ref.Mount(ctx, true, group)
	if err != nil {
		return none, err
	}
	mounts, release, err := mountable.Mount()
	if err != nil {
		return none, err
	}
	if release == nil {
		release = none.release
	}
	lowers := lowersOf(mounts)
	blobs := remotes[0].Descriptors
	if len(lowers) != len(blobs) {
		return none, release()
	}
	out := unpacked{dirs: map[digest.Digest]string{}, release: release}
	for n, blob := range blobs {
		out.dirs[blob.Digest] = lowers[len(lowers)-1-n]
	}
	return out, nil
}

// own is the result for this machine's platform.
func own(src *exporter.Source) cache.ImmutableRef {
	if src.Ref != nil {
		return src.Ref
	}
	ps, err := exptypes.ParsePlatforms(src.Metadata)
	if err != nil {
		return nil
	}
	for _, p := range ps.Platforms {
		if r, ok := src.FindRef(p.ID); ok && platforms.Default().Match(p.Platform) {
			return r
		}
	}
	return nil
}

// lowersOf are the directories of a snapshot that is read, the topmost first.
func lowersOf(mounts []mount.Mount) []string {
	if len(mounts) != 1 {
		return nil
	}
	if m := mounts[0]; m.Type == "bind" || m.Type == "rbind" {
		return []string{m.Source}
	}
	for _, o := range mounts[0].Options {
		if list, ok := strings.CutPrefix(o, "lowerdir="); ok {
			return strings.Split(list, ":")
		}
	}
	return nil
}
