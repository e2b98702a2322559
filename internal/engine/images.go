package engine

import (
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bailey-run/bailey/internal/image"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	"github.com/moby/moby/api/types/events"
	apiimage "github.com/moby/moby/api/types/image"
	"github.com/moby/moby/api/types/registry"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// ImageUsers names the containers made from an image; the image store asks
// before it removes one.
func (e *Engine) ImageUsers(id digest.Digest) []string {
	var out []string
	for _, c := range e.all() {
		if rec := c.record(); rec.ImageID == string(id) {
			out = append(out, rec.ID)
		}
	}
	return out
}

// ImageListOptions chooses images and how much to tell of them.
type ImageListOptions struct {
	Filters Filters
	// SharedSize counts what images have in common, which takes a look at all of them.
	SharedSize bool
	// Manifests lists the variants of each.
	Manifests bool
}

// ImageInspectOptions chooses what to tell of an image. A platform that it is not for is an error.
type ImageInspectOptions struct {
	Platform  *ocispec.Platform
	Manifests bool
}

// ImageList shows the images that are wanted.
func (e *Engine) ImageList(ctx context.Context, o ImageListOptions) ([]apiimage.Summary, error) {
	f := o.Filters
	if err := checkFilters(f, []string{"before", "dangling", "label", "reference", "since", "until"}); err != nil {
		return nil, err
	}
	all, err := e.opts.Images.List(ctx)
	if err != nil {
		return nil, err
	}
	shared, err := e.sharedSizes(ctx, o.SharedSize)
	if err != nil {
		return nil, err
	}
	out := []apiimage.Summary{}
	for _, img := range all {
		ok, err := e.imageMatches(ctx, f, img)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		if patterns := f["reference"]; len(patterns) > 0 { // its other names were not asked for
			img.RepoTags = slices.DeleteFunc(slices.Clone(img.RepoTags), func(tag string) bool { return !tagMatches(tag, patterns) })
			img.RepoDigests = slices.DeleteFunc(slices.Clone(img.RepoDigests), func(digest string) bool {
				name, _, _ := strings.Cut(digest, "@")
				return !slices.ContainsFunc(img.RepoTags, func(tag string) bool { return repository(tag) == name })
			})
		}
		s := e.imageSummary(img)
		if size, known := shared[img.ID]; known {
			s.SharedSize = size
		}
		if o.Manifests {
			if s.Manifests, err = e.variants(ctx, img); err != nil {
				return nil, err
			}
		}
		out = append(out, s)
	}
	return out, nil
}

// sharedSizes are how much of each image another one has too, in bytes; none when that is not wanted.
func (e *Engine) sharedSizes(ctx context.Context, wanted bool) (map[digest.Digest]int64, error) {
	if !wanted {
		return nil, nil
	}
	usage, err := e.opts.Images.Usage(ctx)
	if err != nil {
		return nil, err
	}
	out := make(map[digest.Digest]int64, len(usage.Images))
	for _, u := range usage.Images {
		out[u.Image.ID] = u.Shared
	}
	return out, nil
}

// variants shows what an image consists of.
func (e *Engine) variants(ctx context.Context, img image.Image) ([]apiimage.ManifestSummary, error) {
	found, err := e.opts.Images.Variants(ctx, img)
	if err != nil {
		return nil, err
	}
	out := make([]apiimage.ManifestSummary, 0, len(found))
	for _, v := range found {
		m := apiimage.ManifestSummary{ID: string(v.Descriptor.Digest), Descriptor: v.Descriptor, Available: v.Available, Kind: apiimage.ManifestKindUnknown}
		m.Size.Content, m.Size.Total = v.Content, v.Content
		switch {
		case v.Attests != "":
			m.Kind, m.AttestationData = apiimage.ManifestKindAttestation, &apiimage.AttestationProperties{For: v.Attests}
		case v.Platform.OS != "":
			m.Kind, m.ImageData = apiimage.ManifestKindImage, &apiimage.ImageProperties{Platform: v.Platform, Containers: []string{}}
			if v.Descriptor.Digest == img.Manifest {
				m.ImageData.Size.Unpacked, m.ImageData.Containers = img.Size, orEmpty(e.ImageUsers(img.ID))
				m.Size.Total += img.Size
			}
		}
		out = append(out, m)
	}
	return out, nil
}

// imageFor finds an image that is for a platform; nil is any.
func (e *Engine) imageFor(ctx context.Context, ref string, want *ocispec.Platform) (image.Image, error) {
	img, err := e.opts.Images.Get(ctx, ref)
	if err == nil && want != nil && !img.Fits(*want) {
		err = fmt.Errorf("image with reference %s was found but does not provide the specified platform (%s): %w", ref, platforms.Format(*want), errdefs.ErrNotFound)
	}
	return img, err
}

func (e *Engine) imageSummary(img image.Image) apiimage.Summary {
	d := img.Descriptor
	return apiimage.Summary{
		ID: string(img.ID), Created: img.Created.Unix(), Size: img.Size, SharedSize: -1,
		Labels: img.Config.Config.Labels, RepoTags: orEmpty(img.RepoTags), RepoDigests: orEmpty(img.RepoDigests),
		Containers: int64(len(e.ImageUsers(img.ID))), Descriptor: &d,
	}
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func (e *Engine) imageMatches(ctx context.Context, f Filters, img image.Image) (bool, error) {
	for key, values := range f {
		for _, v := range values {
			ok := true
			switch key {
			case "dangling":
				ok = (v == "true" || v == "1") == (len(img.RepoTags) == 0)
			case "label":
				ok = hasLabel(img.Config.Config.Labels, v)
			case "reference":
				ok = slices.ContainsFunc(img.RepoTags, func(tag string) bool { return tagMatches(tag, values) })
			case "until":
				t, err := parseTime(v, time.Now())
				if err != nil {
					return false, err
				}
				ok = img.Created.Before(t)
			case "before", "since":
				other, err := e.opts.Images.Get(ctx, v)
				if err != nil {
					return false, err
				}
				ok = key == "before" && img.Created.Before(other.Created) || key == "since" && img.Created.After(other.Created)
			}
			if !ok {
				return false, nil
			}
		}
	}
	return true, nil
}

// repository is a tag without its last part; a colon before belongs to the registry's port.
func repository(tag string) string { return tag[:max(strings.LastIndexByte(tag, ':'), 0)] }

// tagMatches tells whether a pattern fits a tag, short or in full, with or without its last part.
func tagMatches(tag string, patterns []string) bool {
	names := []string{tag, repository(tag)}
	if full, err := reference.ParseNormalizedNamed(tag); err == nil {
		names = append(names, full.String(), full.Name())
	}
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		return slices.ContainsFunc(names, func(name string) bool {
			ok, _ := path.Match(pattern, name)
			return ok
		})
	})
}

// ImageInspect shows one image.
func (e *Engine) ImageInspect(ctx context.Context, ref string, o ImageInspectOptions) (apiimage.InspectResponse, error) {
	img, err := e.imageFor(ctx, ref, o.Platform)
	if err != nil {
		return apiimage.InspectResponse{}, err
	}
	d, cfg := img.Descriptor, img.Config.Config
	out := apiimage.InspectResponse{
		ID: string(img.ID), RepoTags: orEmpty(img.RepoTags), RepoDigests: orEmpty(img.RepoDigests),
		Created: stamp(img.Created), Author: img.Config.Author, Config: &cfg,
		Architecture: img.Platform.Architecture, Variant: img.Platform.Variant, Os: img.Platform.OS, OsVersion: img.Platform.OSVersion,
		Size: img.Size, RootFS: apiimage.RootFS{Type: "layers"}, Metadata: apiimage.Metadata{LastTagTime: img.Tagged}, Descriptor: &d,
	}
	for _, id := range img.Config.RootFS.DiffIDs {
		out.RootFS.Layers = append(out.RootFS.Layers, string(id))
	}
	if n := len(img.Config.History); n > 0 {
		out.Comment = img.Config.History[n-1].Comment
	}
	if o.Manifests {
		out.Manifests, err = e.variants(ctx, img)
	}
	return out, err
}

// ImageAttestations lists what came with an image as statements about it.
func (e *Engine) ImageAttestations(ctx context.Context, ref string, platform *ocispec.Platform) ([]image.Attestation, error) {
	img, err := e.imageFor(ctx, ref, platform)
	if err != nil {
		return nil, err
	}
	return e.opts.Images.Attestations(ctx, img)
}

// ImageHistory shows how an image was built, newest step first.
func (e *Engine) ImageHistory(ctx context.Context, ref string, platform *ocispec.Platform) ([]apiimage.HistoryResponseItem, error) {
	if _, err := e.imageFor(ctx, ref, platform); err != nil {
		return nil, err
	}
	steps, err := e.opts.Images.History(ctx, ref)
	if err != nil {
		return nil, err
	}
	out := []apiimage.HistoryResponseItem{}
	for _, h := range steps {
		item := apiimage.HistoryResponseItem{ID: string(h.ID), Created: h.Created.Unix(), CreatedBy: h.CreatedBy, Comment: h.Comment, Tags: h.Tags, Size: h.Size}
		if item.ID == "" {
			item.ID = "<missing>"
		}
		out = append(out, item)
	}
	return out, nil
}

// ImagePull fetches an image.
func (e *Engine) ImagePull(ctx context.Context, ref string, o image.PullOptions, p image.Progress) error {
	img, err := e.opts.Images.Pull(ctx, ref, o, p)
	if err == nil {
		e.emitImage(img.ID, ref, events.ActionPull)
	}
	return err
}

// ImagePush sends an image to its registry.
func (e *Engine) ImagePush(ctx context.Context, ref string, o image.PushOptions, p image.Progress) error {
	if o.Platform != nil {
		if _, err := e.imageFor(ctx, ref, o.Platform); err != nil {
			return err
		}
	}
	err := e.opts.Images.Push(ctx, ref, o, p)
	if err == nil {
		e.emitImage("", ref, events.ActionPush)
	}
	return err
}

// Distribution says what a registry has under a name.
func (e *Engine) Distribution(ctx context.Context, ref string, o image.PullOptions) (registry.DistributionInspect, error) {
	found, err := e.opts.Images.Distribution(ctx, ref, o)
	return registry.DistributionInspect{Descriptor: found.Target, Platforms: found.Platforms}, err
}

// ImageLoad takes images from an archive and reports each.
func (e *Engine) ImageLoad(ctx context.Context, archive io.Reader, platform *ocispec.Platform, p image.Progress) error {
	own := image.Image{Platform: ocispec.Platform{OS: "linux", Architecture: e.opts.Facts.Architecture}}
	if platform != nil && !own.Fits(*platform) {
		return fmt.Errorf("load takes from an archive the variant for this machine, and %s is another; pull --platform fetches others: %w", platforms.Format(*platform), errdefs.ErrNotImplemented)
	}
	images, err := e.opts.Images.Load(ctx, archive, p)
	for _, img := range images {
		e.emitImage(img.ID, string(img.ID), events.ActionLoad)
	}
	return err
}

// ImageSave writes images as one archive.
func (e *Engine) ImageSave(ctx context.Context, refs []string, platform *ocispec.Platform, w io.Writer) error {
	if platform != nil {
		for _, ref := range refs {
			if _, err := e.imageFor(ctx, ref, platform); err != nil {
				return err
			}
		}
	}
	return e.opts.Images.Save(ctx, refs, w)
}

// ImageImport makes an image of the archive of a root file system.
func (e *Engine) ImageImport(ctx context.Context, archive io.Reader, o image.ImportOptions, p image.Progress) (string, error) {
	img, err := e.opts.Images.Import(ctx, archive, o, p)
	if err != nil {
		return "", err
	}
	e.emitImage(img.ID, o.Name, events.ActionImport)
	return string(img.ID), nil
}

// ImageTag gives an image one more name.
func (e *Engine) ImageTag(ctx context.Context, ref, name string) error {
	if err := e.opts.Images.Tag(ctx, ref, name); err != nil {
		return err
	}
	e.emitImage("", name, events.ActionTag)
	return nil
}

// ImageRemove takes a name, and with the last one the image.
func (e *Engine) ImageRemove(ctx context.Context, ref string, o image.RemoveOptions) ([]apiimage.DeleteResponse, error) {
	gone, err := e.opts.Images.Remove(ctx, ref, o)
	if err != nil {
		return nil, err
	}
	return e.imagesGone(gone), nil
}

// ImagePrune removes images that nobody uses.
func (e *Engine) ImagePrune(ctx context.Context, f Filters) (apiimage.PruneReport, error) {
	if err := checkFilters(f, []string{"dangling", "label", "label!", "until"}); err != nil {
		return apiimage.PruneReport{}, err
	}
	o := image.PruneOptions{Labels: f["label"], NotLabels: f["label!"]}
	for _, v := range f["dangling"] {
		dangling, err := strconv.ParseBool(v)
		if err != nil {
			return apiimage.PruneReport{}, fmt.Errorf("filter dangling=%q: %w", v, err)
		}
		o.All = !dangling
	}
	for _, v := range f["until"] {
		t, err := parseTime(v, time.Now())
		if err != nil {
			return apiimage.PruneReport{}, err
		}
		o.Until = t
	}
	report, err := e.opts.Images.Prune(ctx, o)
	if err != nil {
		return apiimage.PruneReport{}, err
	}
	e.events.Publish(events.ImageEventType, events.ActionPrune, "", map[string]string{"reclaimed": fmt.Sprint(report.Reclaimed)})
	return apiimage.PruneReport{ImagesDeleted: e.imagesGone(report.Deleted), SpaceReclaimed: uint64(report.Reclaimed)}, nil
}

func (e *Engine) imagesGone(gone []image.Deleted) []apiimage.DeleteResponse {
	out := []apiimage.DeleteResponse{}
	for _, d := range gone {
		out = append(out, apiimage.DeleteResponse{Untagged: d.Untagged, Deleted: d.Deleted})
		if d.Untagged != "" {
			e.emitImage("", d.Untagged, events.ActionUnTag)
		} else {
			e.emitImage(digest.Digest(d.Deleted), d.Deleted, events.ActionDelete)
		}
	}
	return out
}

func (e *Engine) emitImage(id digest.Digest, name string, action events.Action) {
	actor := string(id)
	if actor == "" {
		actor = name
	}
	e.events.Publish(events.ImageEventType, action, actor, map[string]string{"name": name})
}
