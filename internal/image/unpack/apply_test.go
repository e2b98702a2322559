package unpack

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"

	"github.com/bailey-run/bailey/internal/image/hostile"
	"github.com/bailey-run/bailey/internal/image/imagetest"
)

// root skips tests that make whiteouts and change owners.
func root(tb testing.TB) {
	tb.Helper()
	if os.Getuid() != 0 {
		tb.Skip("needs root: whiteouts are device nodes and layers have owners")
	}
}

// options are limits large enough for every honest layer of the tests.
func options() Options {
	return Options{LayerBytes: 8 << 20, Budget: &Budget{MaxEntries: 1000, MaxBytes: 64 << 20}}
}

// applyTo unpacks a tar into a new directory.
func applyTo(tb testing.TB, data []byte, opts Options) (string, Result, error) {
	tb.Helper()
	path := tb.TempDir()
	dir, err := os.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = dir.Close() }()
	res, err := Apply(context.Background(), dir, bytes.NewReader(data), opts)
	return path, res, err
}

// apply unpacks what must be unpackable.
func apply(tb testing.TB, files ...imagetest.File) (string, Result) {
	tb.Helper()
	path, res, err := applyTo(tb, imagetest.Tar(files...), options())
	if err != nil {
		tb.Fatal(err)
	}
	return path, res
}

// stat is lstat with everything.
func stat(tb testing.TB, parts ...string) unix.Stat_t {
	tb.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(filepath.Join(parts...), &st); err != nil {
		tb.Fatalf("%s: %v", filepath.Join(parts...), err)
	}
	return st
}

func TestApplyKeepsWhatTheLayerSays(t *testing.T) {
	root(t)
	when := time.Date(2001, 2, 3, 4, 5, 6, 7000, time.UTC)
	files := []imagetest.File{
		{Name: "./", Mode: 0o751, UID: 3, GID: 4, Time: when},
		{Name: "./d/", Mode: 0o2770, UID: 1, GID: 65535, Time: when, Xattrs: map[string]string{"user.note": "dir"}},
		{Name: "d/f", Mode: 0o640, UID: 5, GID: 6, Body: []byte("hello"), Time: when, Xattrs: map[string]string{"user.note": "file"}},
		imagetest.Symlink("d/abs", "/etc/passwd"), imagetest.Symlink("d/rel", "../d/f"), imagetest.Hardlink("hard", "./d/f"), imagetest.Hardlink("hardsym", "d/abs"),
		{Name: "pipe", Type: tar.TypeFifo, Mode: 0o622}, imagetest.Reg("d/x//./y", "deep"),
		{Name: "tmp/", Mode: 0o1777}, {Name: "old", Body: []byte("1"), Time: time.Date(2500, 1, 1, 0, 0, 0, 0, time.UTC)},
	}
	dir, res := apply(t, files...)
	if st := stat(t, dir); st.Mode&0o7777 != 0o751 || st.Uid != 3 || st.Gid != 4 || st.Mtim.Sec != when.Unix() {
		t.Errorf("root: %o %d:%d", st.Mode, st.Uid, st.Gid)
	}
	if st := stat(t, dir, "d"); st.Mode&0o7777 != 0o2770 || st.Uid != 1 || st.Gid != 65535 || st.Mtim.Sec != when.Unix() {
		t.Errorf("d: %o %d:%d %v", st.Mode, st.Uid, st.Gid, st.Mtim)
	}
	if st := stat(t, dir, "d/f"); st.Mode&0o7777 != 0o640 || st.Uid != 5 || st.Gid != 6 || st.Mtim.Nano() != when.UnixNano() || st.Nlink != 2 {
		t.Errorf("d/f: %o %d:%d %v", st.Mode, st.Uid, st.Gid, st.Mtim)
	}
	if st := stat(t, dir, "hardsym"); st.Mode&unix.S_IFMT != unix.S_IFLNK {
		t.Errorf("hardsym: %o, want a link", st.Mode)
	}
	if st := stat(t, dir, "pipe"); st.Mode != unix.S_IFIFO|0o622 {
		t.Errorf("pipe: %o", st.Mode)
	}
	if st := stat(t, dir, "tmp"); st.Mode&0o7777 != 0o1777 {
		t.Errorf("tmp: %o", st.Mode)
	}
	for _, name := range []string{"d", "d/f"} {
		var value [8]byte
		if n, err := unix.Lgetxattr(filepath.Join(dir, name), "user.note", value[:]); err != nil || n == 0 {
			t.Errorf("%s has no user.note: %v", name, err)
		}
	}
	if res.DiffID != digest.NewDigestFromBytes(digest.SHA256, sum(imagetest.Tar(files...))) {
		t.Errorf("diff id %s", res.DiffID)
	}
	if fmt.Sprint(res.Implied) != "[d/x]" || res.Entries != int64(len(files)) || res.Bytes != 10 {
		t.Errorf("result %+v", res)
	}
}

// sum is SHA-256 of data.
func sum(data []byte) []byte {
	s := sha256.Sum256(data)
	return s[:]
}

func TestApplyNeutralises(t *testing.T) {
	root(t)
	dir, res := apply(t,
		imagetest.File{Name: "su", Mode: 0o6755, Body: []byte("x"), Xattrs: map[string]string{"security.capability": "\x01", "security.selinux": "x", "trusted.other": "y", "system.posix_acl_access": "z"}},
		imagetest.Symlink("l", "su"),
	)
	if st := stat(t, dir, "su"); st.Mode&0o7777 != 0o755 {
		t.Errorf("su: %o, want 755", st.Mode)
	}
	if n, err := unix.Llistxattr(filepath.Join(dir, "su"), nil); err != nil || n != 0 {
		t.Errorf("su has %d bytes of attribute names (%v), want none", n, err)
	}
	if w := res.Warnings; w.SetID != 1 || w.Capabilities != 1 || w.Xattrs != 3 {
		t.Errorf("warnings %+v", w)
	}
	opts := options()
	opts.KeepSetID, opts.SkipDevices = true, true
	dir, res, err := applyTo(t, imagetest.Tar(imagetest.File{Name: "su", Mode: 0o4711, UID: 9}, device("null", tar.TypeChar, 1, 3)), opts)
	if err != nil {
		t.Fatal(err)
	}
	if st := stat(t, dir, "su"); st.Mode&0o7777 != 0o4711 || st.Uid != 9 {
		t.Errorf("su: %o, want 4711: chown after chmod clears the bit", st.Mode)
	}
	if _, err := os.Lstat(filepath.Join(dir, "null")); err == nil || res.Warnings.Devices != 1 {
		t.Error("the device was made")
	}
}

func TestApplyWhiteouts(t *testing.T) {
	root(t)
	dir, _ := apply(t,
		imagetest.Reg(".wh.gone", ""), imagetest.Reg(".wh.gone", ""), imagetest.Dir("o"), imagetest.Reg("o/.wh..wh..opq", ""), imagetest.Reg("o/f", "x"),
		imagetest.Reg(".wh.back", ""), imagetest.Reg("back", "new"), imagetest.Reg(".wh.dir", ""), imagetest.Dir("dir"), imagetest.Reg(".wh.imp", ""), imagetest.Reg("imp/f", "x"),
	)
	if st := stat(t, dir, "gone"); !isWhiteout(&st) {
		t.Error("no whiteout")
	}
	if st := stat(t, dir, "back"); st.Mode&unix.S_IFMT != unix.S_IFREG {
		t.Error("the new file did not replace the whiteout")
	}
	for _, name := range []string{"o", "dir", "imp"} {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if !isOpaque(int(f.Fd())) {
			t.Errorf("%s is not opaque", name)
		}
		_ = f.Close()
	}
}

func TestApplyDuplicatesOfOneTypeReplace(t *testing.T) {
	root(t)
	dir, _ := apply(t, imagetest.Reg("a", "first"), imagetest.Hardlink("b", "a"), imagetest.Reg("a", "second"), imagetest.Symlink("s", "1"), imagetest.Symlink("s", "2"), imagetest.Dir("d"), imagetest.File{Name: "d/", Mode: 0o700})
	for name, want := range map[string]string{"a": "second", "b": "first"} {
		if got, _ := os.ReadFile(filepath.Join(dir, name)); string(got) != want {
			t.Errorf("%s = %q, want %q: the hard link was written through", name, got, want)
		}
	}
	if got, _ := os.Readlink(filepath.Join(dir, "s")); got != "2" {
		t.Errorf("s -> %s", got)
	}
	if st := stat(t, dir, "d"); st.Mode&0o777 != 0o700 {
		t.Errorf("d: %o", st.Mode)
	}
}

// device is a device node.
func device(name string, kind byte, major, minor int64) imagetest.File {
	return imagetest.File{Name: name, Type: kind, Edit: func(h *tar.Header) { h.Devmajor, h.Devminor = major, minor }}
}

// raw edits a header after the fact.
func raw(f imagetest.File, edit func(*tar.Header)) imagetest.File {
	f.Edit = edit
	return f
}

// hostileLayers is the corpus: each layer is named by its failure class, which the error must carry.
func hostileLayers() map[string][]byte {
	long := strings.Repeat("n", 256)
	deep := strings.Repeat("d/", 300) + "f"
	out := map[string][]byte{}
	for class, files := range map[string][]imagetest.File{
		"path-absolute":        {imagetest.Reg("/etc/x", "")},
		"path-traversal":       {imagetest.Reg("a/../../x", "")},
		"path-traversal#2":     {imagetest.Dir("..")},
		"path-traversal#3":     {imagetest.Reg("a/..", "")},
		"name-too-long":        {imagetest.Reg(long, "")},
		"path-too-long":        {imagetest.Reg(strings.Repeat("0123456789/", 400)+"x", "")},
		"path-too-deep":        {imagetest.Reg(deep, "")},
		"symlink-escape":       {imagetest.Symlink("a/b", "../../etc")},
		"symlink-escape#2":     {imagetest.Symlink("a", "/x/../../etc")},
		"symlink-empty":        {imagetest.Symlink("a", "")},
		"symlink-too-long":     {imagetest.Symlink("a", strings.Repeat("x/", 2048))},
		"symlink-traversal":    {imagetest.Symlink("a", "/etc"), imagetest.Reg("a/passwd", "x")},
		"symlink-traversal#2":  {imagetest.Symlink("a", "d"), imagetest.Dir("d"), imagetest.Reg("a/b/c", "x")},
		"symlink-traversal#3":  {imagetest.Dir("d"), imagetest.Symlink("d/a", "/etc"), imagetest.Reg("d/a/.wh.passwd", "")},
		"symlink-traversal#4":  {imagetest.Symlink("a", "/"), imagetest.Dir("a/etc")},
		"symlink-traversal#5":  {imagetest.Dir("d"), imagetest.Dir("d/b"), imagetest.Symlink("a", "d"), imagetest.Reg("a/b/c", "x")},
		"symlink-traversal#6":  {imagetest.Dir("d"), imagetest.Symlink("a", "d"), imagetest.Reg("a/c", "x")},
		"hardlink-target#5":    {imagetest.Dir("d"), imagetest.Dir("d/b"), imagetest.Reg("d/b/f", ""), imagetest.Symlink("a", "d"), imagetest.Hardlink("h", "a/b/f")},
		"path-through-file":    {imagetest.Reg("a", ""), imagetest.Reg("a/b", "")},
		"hardlink-escape":      {imagetest.Hardlink("a", "/etc/passwd")},
		"hardlink-escape#2":    {imagetest.Hardlink("a", "../../etc/passwd")},
		"hardlink-target":      {imagetest.Hardlink("a", "etc/passwd")},
		"hardlink-target#2":    {imagetest.Symlink("l", "/etc"), imagetest.Hardlink("a", "l/passwd")},
		"hardlink-target#3":    {imagetest.Dir("d"), imagetest.Hardlink("a", "d")},
		"hardlink-target#4":    {imagetest.Reg(".wh.d", ""), imagetest.Hardlink("a", "d")},
		"hardlink-self":        {imagetest.Reg("a", ""), imagetest.Hardlink("a", "a")},
		"device-node":          {device("sda", tar.TypeBlock, 8, 0)},
		"device-node#2":        {device("null", tar.TypeChar, 1, 3)},
		"device-node#whiteout": {{Name: "f", Type: tar.TypeChar}},
		"xattr-overlay":        {{Name: "d/", Xattrs: map[string]string{"trusted.overlay.opaque": "y"}}},
		"xattr-overlay#2":      {{Name: "d/", Xattrs: map[string]string{"trusted.overlay.redirect": "/etc"}}},
		"xattr-overlay#3":      {{Name: "f", Xattrs: map[string]string{"user.overlay.metacopy": ""}}},
		"xattr-overlay#4":      {{Name: "l", Type: tar.TypeSymlink, Link: "x", Xattrs: map[string]string{"trusted.overlay.origin": "x"}}},
		"xattr-too-large":      {{Name: "f", Xattrs: map[string]string{"user.x": strings.Repeat("x", 70<<10)}}},
		"xattr-too-large#2":    {{Name: "f", Xattrs: map[string]string{"user." + long: "x"}}},
		"xattr-too-large#3":    {{Name: "f", Xattrs: manyXattrs()}},
		"id-out-of-range":      {{Name: "f", UID: 65536}},
		"id-out-of-range#2":    {{Name: "f", GID: 1 << 31}},
		"id-out-of-range#3":    {{Name: "d/", UID: 1<<32 - 1}},
		"duplicate-type":       {imagetest.Reg("a", ""), imagetest.Symlink("a", "b")},
		"duplicate-type#2":     {imagetest.Dir("a"), imagetest.Reg("a", "")},
		"duplicate-type#3":     {imagetest.Symlink("a", "/etc"), imagetest.Dir("a")},
		"duplicate-type#4":     {imagetest.Reg("t", ""), imagetest.Dir("a"), imagetest.Hardlink("a", "t")},
		"whiteout-name":        {imagetest.Reg("d/.wh...", "")},
		"whiteout-name#2":      {imagetest.Reg(".wh..", "")},
		"whiteout-name#3":      {imagetest.Reg(".wh.", "")},
		"whiteout-type":        {imagetest.Dir(".wh.x")},
		"whiteout-type#2":      {imagetest.Reg(".wh.x", "content")},
		"whiteout-type#3":      {imagetest.Symlink(".wh.x", "/etc")},
		"whiteout-aufs":        {imagetest.Reg(".wh..wh.plnk", "")},
		"whiteout-in-path":     {imagetest.Reg(".wh.d/f", "")},
		"whiteout-own-file":    {imagetest.Reg("f", "x"), imagetest.Reg(".wh.f", "")},
		"root-not-directory":   {{Name: "./", Type: tar.TypeSymlink, Link: "/etc"}},
		"entry-type":           {raw(imagetest.Reg("f", ""), func(h *tar.Header) { h.Typeflag = '7' })},
		"pax-global": {{Name: "g", Edit: func(h *tar.Header) {
			*h = tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"path": "x"}}
		}}},
	} {
		out[class] = imagetest.Tar(files...)
	}
	many := make([]imagetest.File, 1001)
	for i := range many {
		many[i] = imagetest.Reg(fmt.Sprint(i), "")
	}
	out["too-many-entries"] = imagetest.Tar(many...)
	out["layer-too-large"] = imagetest.Tar(imagetest.File{Name: "big", Body: make([]byte, 9<<20)})
	out["tar-malformed"] = bytes.Repeat([]byte("not a tar "), 100)
	out["tar-malformed#cut"] = imagetest.Tar(imagetest.Reg("f", strings.Repeat("x", 4096)))[:1024]
	out["data-after-end"] = append(imagetest.Tar(imagetest.Reg("a", "1")), imagetest.Tar(imagetest.Reg("b", "2"))...)
	out["sparse-file"] = sparse()
	out["name-type"] = patched(imagetest.Tar(imagetest.Dir("d")), func(block []byte) { block[156] = tar.TypeReg })
	return out
}

// manyXattrs is more attributes than an entry may have.
func manyXattrs() map[string]string {
	m := map[string]string{}
	for i := range maxXattrs + 1 {
		m[fmt.Sprint("user.", i)] = "x"
	}
	return m
}

// sparse is a tar with an old GNU sparse file of 1 TiB without data.
func sparse() []byte {
	data := imagetest.Tar(imagetest.File{Name: "s", Edit: func(h *tar.Header) { h.Format, h.ModTime = tar.FormatGNU, time.Unix(0, 0) }})
	return patched(data, func(block []byte) {
		block[156] = tar.TypeGNUSparse
		copy(block[386:], "00000000000\x0000000000000\x00")
		copy(block[483:], "\x80\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00")
	})
}

// patched edits the first header of a tar and mends its checksum.
func patched(data []byte, edit func(block []byte)) []byte {
	edit(data[:512])
	check := 8 * 32
	for i, c := range data[:512] {
		if i < 148 || i >= 156 {
			check += int(c)
		}
	}
	copy(data[148:], fmt.Sprintf("%06o\x00 ", check))
	return data
}

func TestApplyRefusesHostileLayers(t *testing.T) {
	root(t)
	for class, data := range hostileLayers() {
		t.Run(class, func(t *testing.T) {
			outside := t.TempDir()
			_, _, err := applyTo(t, data, options())
			want, _, _ := strings.Cut(class, "#")
			var refusal *hostile.Error
			if !errors.As(err, &refusal) {
				t.Fatalf("got %v, want a refusal of class %s", err, want)
			}
			if refusal.Class != want {
				t.Fatalf("got class %s (%v), want %s", refusal.Class, err, want)
			}
			if refusal.Entry == "" && want != "tar-malformed" && want != "layer-too-large" {
				t.Errorf("%v names no entry", err)
			}
			if names, _ := os.ReadDir(outside); len(names) != 0 {
				t.Error("something was written outside")
			}
		})
	}
}

// TestAttributesOfDirectoriesAreBounded lists one directory again and again with as many attributes as an entry may have.
func TestAttributesOfDirectoriesAreBounded(t *testing.T) {
	root(t)
	xattrs := map[string]string{}
	for i := range 15 {
		xattrs[fmt.Sprint("user.", i)] = strings.Repeat("x", maxXattr-1)
	}
	files := make([]imagetest.File, maxKept/(15*maxXattr)+2)
	for i := range files {
		files[i] = imagetest.File{Name: "d/", Xattrs: xattrs}
	}
	opts := options()
	opts.LayerBytes = 1 << 30
	_, _, err := applyTo(t, imagetest.Tar(files...), opts)
	if err == nil || !strings.Contains(err.Error(), "too-many-directories") {
		t.Errorf("got %v", err)
	}
}

func TestBudgetIsShared(t *testing.T) {
	root(t)
	opts := options()
	opts.Budget = &Budget{MaxEntries: 3, MaxBytes: 5}
	if _, _, err := applyTo(t, imagetest.Tar(imagetest.Reg("a", "1234")), opts); err != nil {
		t.Fatal(err)
	}
	if _, _, err := applyTo(t, imagetest.Tar(imagetest.Reg("a", "12")), opts); err == nil || !strings.Contains(err.Error(), "image-too-large") {
		t.Errorf("got %v", err)
	}
}

func TestApplyStopsWithItsContext(t *testing.T) {
	root(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	dir, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = dir.Close() }()
	if _, err := Apply(ctx, dir, bytes.NewReader(imagetest.Tar(imagetest.Reg("a", ""))), options()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
