package archive

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/bailey-run/bailey/internal/image/config"
	"github.com/bailey-run/bailey/internal/image/hostile"
	"github.com/bailey-run/bailey/internal/image/refs"
	"github.com/bailey-run/bailey/internal/image/unpack"
)

// maxEntries is how many entries an archive may have. Old docker wrote three per layer.
const maxEntries = 20_000

// Blobs is where the content of an archive goes.
type Blobs interface {
	// Put stores r durably; with want it must have this digest.
	Put(ctx context.Context, r io.Reader, want digest.Digest) (ocispec.Descriptor, error)
	// Layer is Put for what could be a layer, so that it can be unpacked while it is read.
	Layer(ctx context.Context, r io.Reader, want digest.Digest, compression unpack.Compression) (ocispec.Descriptor, error)
	// Document reads a small blob that was put.
	Document(ctx context.Context, id digest.Digest) ([]byte, error)
}

// Options bound what an archive may be.
type Options struct {
	// Bytes is the most the archive may have, uncompressed.
	Bytes int64
	// Ratio bounds the compression of the archive as a whole.
	Ratio unpack.Ratio
	// Documents bounds manifests and indexes.
	Documents config.Limits
	// Platform chooses among images of one name.
	Platform ocispec.Platform
	// StreamFrom is the size from which what may be a layer goes to Blobs.Layer, in bytes.
	StreamFrom int64
	// Watch, when set, may wrap the content of a large entry to see how it is read; size is in bytes.
	Watch func(name string, size int64, r io.Reader) io.Reader
}

// Image is one image that an archive holds.
type Image struct {
	// Target is its manifest or index, which was put with everything that the archive has of it.
	Target ocispec.Descriptor
	// Names are what the archive calls it.
	Names []refs.Name
}

// Read stores everything that an archive holds and returns its images. What it returns is consistent as far as names,
// digests and documents go; layers are not looked into.
func Read(ctx context.Context, r io.Reader, blobs Blobs, opts Options) ([]Image, error) {
	plain, _, err := unpack.Decompress(r, opts.Ratio)
	if err != nil {
		return nil, err
	}
	defer func() { _ = plain.Close() }()
	src := &origin{Reader: plain}
	a := &reader{ctx: ctx, src: src, blobs: blobs, opts: opts, entries: map[string]entry{}, docs: map[string][]byte{}}
	if err := a.readAll(tar.NewReader(src)); err != nil {
		return nil, err
	}
	// What follows the end of the tar is of no interest, but whoever sends it wants to be heard out.
	if _, err := io.Copy(io.Discard, io.LimitReader(plain, 1<<20)); err != nil {
		return nil, err
	}
	return a.images()
}

// entry is what is known of an entry of the archive.
type entry struct {
	ocispec.Descriptor
	compression unpack.Compression
	link        string // the entry that it is a link to
	dir         bool
	skipped     bool
}

// reader is the state of one Read.
type reader struct {
	ctx     context.Context
	src     *origin
	blobs   Blobs
	opts    Options
	entries map[string]entry
	docs    map[string][]byte
	total   int64
}

// documents are the entries that are read into memory. The rest of the archive says nothing about itself.
var documents = map[string]bool{"manifest.json": true, "index.json": true, "oci-layout": true}

// legacy are the entries that docker wrote for docker before 1.10; nothing reads them.
var legacy = regexp.MustCompile(`^(repositories|[0-9a-f]{64}/(VERSION|json))$`)

// blobName is how an OCI layout names its blobs.
var blobName = regexp.MustCompile(`^blobs/sha256/([0-9a-f]{64})$`)

// readAll stores all entries.
func (a *reader) readAll(in *tar.Reader) error {
	last := ""
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return a.malformed(last, err)
		}
		if h.Typeflag == tar.TypeXGlobalHeader {
			return hostile.Refuse("pax-global", h.Name, "an archive of images has no use for global headers")
		}
		if err := a.entry(h, in); errors.Is(err, io.ErrUnexpectedEOF) {
			return a.malformed(h.Name, err)
		} else if err != nil {
			return err
		}
		last = h.Name
	}
}

// malformed tells errors of the tar format from those of its source.
func (a *reader) malformed(after string, err error) error {
	if a.src.err != nil {
		return a.src.err
	}
	return hostile.Refuse("tar-malformed", after, "the archive is broken or cut off after this entry: %v", err)
}

// origin remembers what went wrong below the tar reader.
type origin struct {
	io.Reader
	err error
}

// Read reads and remembers errors.
func (o *origin) Read(p []byte) (int, error) {
	n, err := o.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		o.err = err
	}
	return n, err
}

// entry stores one entry.
func (a *reader) entry(h *tar.Header, body io.Reader) error {
	name, err := unpack.CleanName(h.Name)
	if err != nil {
		return err
	}
	if len(a.entries) >= maxEntries {
		return hostile.Refuse("too-many-entries", h.Name, "an archive of images has at most %d entries", maxEntries)
	}
	old, had := a.entries[name]
	if had && !(old.dir && h.Typeflag == tar.TypeDir) {
		return hostile.Refuse("duplicate-entry", h.Name, "the archive has this name twice, and readers differ in which one counts")
	}
	if a.total += h.Size; h.Size < 0 || a.total > a.opts.Bytes {
		return hostile.Refuse("archive-too-large", h.Name, "the archive has more than %d bytes", a.opts.Bytes)
	}
	switch h.Typeflag {
	case tar.TypeDir:
		a.entries[name] = entry{dir: true}
		return nil
	case tar.TypeReg:
		return a.file(h, name, body)
	case tar.TypeSymlink, tar.TypeLink:
		return a.link(h, name)
	}
	return hostile.Refuse("archive-entry-type", h.Name, "an archive of images has files, directories and links, and this is of type %q", h.Typeflag)
}

// file stores a regular file.
func (a *reader) file(h *tar.Header, name string, body io.Reader) error {
	switch {
	case documents[name]:
		if h.Size > a.opts.Documents.Document {
			return hostile.Refuse("document-too-large", h.Name, "it has %d bytes, at most %d are allowed", h.Size, a.opts.Documents.Document)
		}
		data, err := io.ReadAll(io.LimitReader(body, h.Size))
		if err != nil {
			return err
		}
		a.docs[name] = data
		a.entries[name] = entry{skipped: true}
		return nil
	case legacy.MatchString(name):
		a.entries[name] = entry{skipped: true}
		return nil
	case strings.HasPrefix(name, "blobs/"):
		m := blobName.FindStringSubmatch(name)
		if m == nil {
			return hostile.Refuse("blob-name", h.Name, "blobs of a layout are named blobs/sha256/ and 64 hex digits")
		}
		return a.store(h, name, body, digest.NewDigestFromEncoded(digest.SHA256, m[1]))
	}
	return a.store(h, name, body, "")
}

// store puts the content of an entry.
func (a *reader) store(h *tar.Header, name string, body io.Reader, want digest.Digest) error {
	if a.opts.Watch != nil {
		body = a.opts.Watch(name, h.Size, body)
	}
	compression, layer, body, err := unpack.Sniff(body)
	if err != nil {
		return err
	}
	var d ocispec.Descriptor
	if layer && h.Size >= a.opts.StreamFrom {
		d, err = a.blobs.Layer(a.ctx, body, want, compression)
	} else {
		d, err = a.blobs.Put(a.ctx, body, want)
	}
	if err != nil {
		return fmt.Errorf("entry %q: %w", name, err)
	}
	a.entries[name] = entry{Descriptor: d, compression: compression}
	return nil
}

// link remembers a link. Docker before version 25 wrote layers that several images share as links; they are looked up among
// the names of the archive and nowhere else.
func (a *reader) link(h *tar.Header, name string) error {
	target := h.Linkname
	if h.Typeflag == tar.TypeSymlink && !strings.HasPrefix(target, "/") {
		target = path.Join(path.Dir(name), target)
	}
	clean, err := unpack.CleanName(target)
	if err != nil {
		return hostile.Refuse("archive-link", h.Name, "it is a link to %q, outside of the archive", h.Linkname)
	}
	a.entries[name] = entry{link: clean}
	return nil
}

// find is the stored file that a name means, through at most one link.
func (a *reader) find(what, name string) (entry, error) {
	clean, err := unpack.CleanName(name)
	if err != nil {
		return entry{}, err
	}
	e, ok := a.entries[clean]
	if ok && e.link != "" {
		e, ok = a.entries[e.link]
	}
	switch {
	case !ok:
		return entry{}, hostile.Refuse("entry-missing", name, "the archive names it as %s and does not have it", what)
	case e.link != "" || e.dir || e.skipped:
		return entry{}, hostile.Refuse("entry-type", name, "the archive names it as %s, and it is no file that could be one", what)
	}
	return e, nil
}

// images makes sense of what was stored.
func (a *reader) images() ([]Image, error) {
	_, docker := a.docs["manifest.json"]
	_, oci := a.docs["index.json"]
	switch {
	case oci:
		if err := a.checkLayout(); err != nil {
			return nil, err
		}
		images, err := a.layout()
		if err != nil || !docker {
			return images, err
		}
		return a.compare(images)
	case docker:
		return a.dockerImages()
	}
	return nil, hostile.Refuse("not-an-image-archive", "", "it has neither manifest.json nor index.json: to make an image from a root filesystem, use `bailey import FILE NAME`")
}

// checkLayout checks the file that marks an OCI layout.
func (a *reader) checkLayout() error {
	var marker ocispec.ImageLayout
	data, ok := a.docs["oci-layout"]
	if !ok {
		return hostile.Refuse("layout-marker", "oci-layout", "the archive has an index.json and not the oci-layout that belongs to it")
	}
	if err := config.Decode("oci-layout", data, &marker); err != nil {
		return err
	}
	if marker.Version != ocispec.ImageLayoutVersion {
		return hostile.Refuse("layout-marker", "oci-layout", "the layout has version %q, only %s is known", marker.Version, ocispec.ImageLayoutVersion)
	}
	return nil
}
