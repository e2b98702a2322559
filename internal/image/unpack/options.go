package unpack

import (
	"sync/atomic"

	"github.com/opencontainers/go-digest"

	"github.com/bailey-run/bailey/internal/image/hostile"
)

// IDs is how many user and group ids an image may use, 0 to IDs-1: as many as a container's range has.
const IDs = 65536

// Bounds of a single entry. They are those of Linux where Linux has one; deeper or larger things are attacks, not images.
const (
	maxName   = 255       // bytes of one path component (NAME_MAX)
	maxPath   = 3072      // bytes of a path: PATH_MAX less what the store puts in front of it
	maxTarget = 4096 - 1  // bytes of a link target (PATH_MAX)
	maxDepth  = 256       // components of a path
	maxXattrs = 64        // extended attributes of one entry
	maxXattr  = 64 << 10  // bytes of one attribute's value (XATTR_SIZE_MAX)
	maxKept   = 128 << 20 // bytes of memory for directories until the end of a layer
	maxImply  = 32 << 10  // parent directories that a layer does not list
	maxTail   = 512 << 20 // bytes of zeros after the end of a tar
)

// Options says how one layer is applied.
type Options struct {
	// KeepSetID keeps setuid and setgid bits of files; by default they are dropped and counted.
	KeepSetID bool
	// SkipDevices leaves device nodes out and counts them; by default they refuse the layer.
	SkipDevices bool
	// LayerBytes is the most the layer may unpack to, in bytes.
	LayerBytes int64
	// NoDigest leaves Result.DiffID empty: the caller knows the digest of the stream already.
	NoDigest bool
	// Budget is shared by all layers of an image.
	Budget *Budget
}

// Budget is what all layers of one image may use together. It may be shared by layers that are applied at the same time.
type Budget struct {
	// MaxEntries and MaxBytes are the limits.
	MaxEntries, MaxBytes int64
	entries, bytes       atomic.Int64
}

// take uses up one entry of size bytes.
func (b *Budget) take(entry string, size int64) error {
	if n := b.entries.Add(1); n > b.MaxEntries {
		return hostile.Refuse("too-many-entries", entry, "the image has more than %d files and directories", b.MaxEntries)
	}
	// The first comparison keeps a size near the end of the range from overflowing the sum.
	if b.bytes.Add(min(size, b.MaxBytes+1)) > b.MaxBytes {
		return hostile.Refuse("image-too-large", entry, "the image unpacks to more than %d bytes", b.MaxBytes)
	}
	return nil
}

// Add uses up what a layer took that was applied under another budget.
func (b *Budget) Add(r Result) error {
	if b.entries.Add(r.Entries) > b.MaxEntries {
		return hostile.Refuse("too-many-entries", "", "the image has more than %d files and directories", b.MaxEntries)
	}
	if b.bytes.Add(r.Bytes) > b.MaxBytes {
		return hostile.Refuse("image-too-large", "", "the image unpacks to more than %d bytes", b.MaxBytes)
	}
	return nil
}

// Exceeded reports whether anything was refused because of the budget.
func (b *Budget) Exceeded() bool {
	return b.entries.Load() > b.MaxEntries || b.bytes.Load() > b.MaxBytes
}

// Warnings counts what was left out of a layer to make it harmless.
type Warnings struct {
	// SetID is the files whose setuid or setgid bit was dropped.
	SetID int
	// Capabilities is the files whose file capabilities were dropped.
	Capabilities int
	// Xattrs is the other extended attributes that were dropped.
	Xattrs int
	// Devices is the device nodes that were skipped.
	Devices int
}

// Result is what Apply found in a layer.
type Result struct {
	// DiffID is the digest of the uncompressed tar, to the last byte; empty with Options.NoDigest.
	DiffID digest.Digest
	// Bytes is the sum of the file sizes, and Entries the number of entries.
	Bytes, Entries int64
	// Implied are directories that the layer needs but does not list, parents first; Inherit gives them the attributes
	// they have in the layers below. The root is ".".
	Implied  []string
	Warnings Warnings
}
