package image

import (
	"log/slog"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Options is what Open needs.
type Options struct {
	// Root is the store's directory, absolute; it is made (0700) when missing. It may not contain ':', ',' or '\',
	// which overlay mount options cannot carry.
	Root string
	// Log receives warnings; nil discards them.
	Log *slog.Logger
	// Limits bound what an archive, a registry or a layer may make the store do; zero fields take DefaultLimits.
	Limits Limits
	// KeepSetID keeps setuid and setgid bits of files in layers. By default they are dropped, with a warning.
	KeepSetID bool
	// SkipDevices leaves device nodes out of an unpacked layer, with a warning. By default they refuse the layer.
	SkipDevices bool
	// InUse tells which containers use the image (their ids); nil means none. It is called without any lock held.
	InUse func(id digest.Digest) []string
	// Platform is what images must be made for; the zero value means this machine.
	Platform ocispec.Platform
	// CertsDir holds one directory per registry, named HOST or HOST:PORT, with the files of Docker's certs.d: *.crt
	// (certificate authorities), *.cert with *.key (client certificates). Empty means the system's authorities only.
	CertsDir string
}

// Limits bound what hostile input may cost. All sizes are in bytes.
type Limits struct {
	// LayerBytes is the most one layer may unpack to.
	LayerBytes int64
	// ImageBytes is the most all layers of one image may unpack to.
	ImageBytes int64
	// ArchiveBytes is the most that one Load or Import may read, uncompressed.
	ArchiveBytes int64
	// Entries is the most files, directories and links that all layers of one image may have.
	Entries int64
	// Layers is the most layers of one image.
	Layers int
	// Ratio is the most uncompressed bytes per compressed byte, looked at beyond RatioFree bytes.
	Ratio, RatioFree int64
	// Document is the most bytes of one manifest, index or configuration.
	Document int64
}

// DefaultLimits returns the limits used when Options names no others: 16 GiB per layer and per image, 64 GiB per archive,
// 1,000,000 entries, 127 layers, a ratio of 200 beyond 64 MiB, 4 MiB per document.
func DefaultLimits() Limits {
	const mib, gib = 1 << 20, 1 << 30
	return Limits{
		LayerBytes: 16 * gib, ImageBytes: 16 * gib, ArchiveBytes: 64 * gib,
		Entries: 1_000_000, Layers: 127, Ratio: 200, RatioFree: 64 * mib, Document: 4 * mib,
	}
}

// complete replaces zero fields by the defaults.
func (l *Limits) complete() {
	def := DefaultLimits()
	for _, f := range []struct{ field, value *int64 }{
		{&l.LayerBytes, &def.LayerBytes}, {&l.ImageBytes, &def.ImageBytes}, {&l.ArchiveBytes, &def.ArchiveBytes}, {&l.Entries, &def.Entries},
		{&l.Ratio, &def.Ratio}, {&l.RatioFree, &def.RatioFree}, {&l.Document, &def.Document},
	} {
		if *f.field == 0 {
			*f.field = *f.value
		}
	}
	if l.Layers == 0 {
		l.Layers = def.Layers
	}
}
