package scenes

import (
	"archive/tar"
	"strings"

	"github.com/bailey-run/bailey/internal/prove/archive"
)

// layers are file trees that reach beyond their root, or that bring what no
// image needs.
func layers() []pair {
	dir, file, link, hard := archive.Dir, archive.File, archive.Symlink, archive.Hardlink
	node := func(name string, kind byte) archive.Entry { return archive.Entry{Name: name, Mode: 0o666, Type: kind} }
	steering := func(attribute string) []archive.Entry {
		return entries(archive.Entry{Name: "d/", Mode: 0o755, Attributes: map[string]string{attribute: "/etc"}})
	}
	const zipSlip = "CVE-2018-8115"
	return []pair{
		{"traversal", "write a file above the root of the image", zipSlip, image(entries(file("../evil", "x"))), image(entries(file("evil", "x"))), false},
		{"traversal-inside", "write a file above the root, past a directory", zipSlip, image(entries(dir("a"), file("a/../../evil", "x"))), image(entries(dir("a"), file("a/evil", "x"))), false},
		{"absolute", "write a file by an absolute name", zipSlip, image(entries(file("/etc/evil", "x"))), image(entries(dir("etc"), file("etc/evil", "x"))), false},
		{"link-then-file", "write through a symbolic link of the same layer", "CVE-2019-10152", image(entries(link("a", "/etc"), file("a/evil", "x"))), image(entries(link("a", "/etc"), file("b", "x"))), false},
		{"link-in-earlier-layer", "write through a symbolic link of an earlier layer", "CVE-2019-10152", image(entries(link("a", "/etc")), entries(file("a/evil", "x"))), image(entries(link("a", "/etc")), entries(file("b", "x"))), false},
		{"link-out", "bring a symbolic link that climbs above the root", "CVE-2021-30465", image(entries(link("a", "../../../etc/shadow"))), image(entries(dir("d"), link("d/a", "../etc/shadow"))), false},
		{"hard-link-out", "bring a hard link to a file of the host", "CVE-2018-15664", image(entries(hard("a", "../../etc/shadow"))), image(entries(file("b", "x"), hard("a", "b"))), false},
		{"hard-link-absolute", "bring a hard link to an absolute name", "CVE-2018-15664", image(entries(hard("a", "/etc/shadow"))), image(entries(file("b", "x"), hard("a", "b"))), false},
		{"hard-link-through-link", "bring a hard link to a file behind a symbolic link", "CVE-2018-15664", image(entries(link("a", "/etc"), hard("b", "a/shadow"))), image(entries(dir("a"), file("a/shadow", "x"), hard("b", "a/shadow"))), false},
		{"disk", "bring the node of a disk", "mknod(2)", image(entries(node("sda", tar.TypeBlock))), image(entries(file("sda", "x"))), false},
		{"character-device", "bring the node of a character device", "mknod(2)", image(entries(node("mem", tar.TypeChar))), image(entries(file("mem", "x"))), false},
		{"overlay-redirect", "have overlayfs take a directory from elsewhere", "linux/Documentation/filesystems/overlayfs.rst", image(steering("trusted.overlay.redirect")), image(steering("user.harmless")), false},
		{"overlay-opaque", "steer overlayfs by an attribute of its own", "linux/Documentation/filesystems/overlayfs.rst", image(steering("trusted.overlay.opaque")), image(steering("user.harmless")), false},
		{"overlay-metacopy", "have overlayfs take a file's content from elsewhere", "linux/Documentation/filesystems/overlayfs.rst", image(steering("trusted.overlay.metacopy")), image(steering("user.harmless")), false},
		{"user-overlay-redirect", "the same by the attributes of mounts in user namespaces", "linux/Documentation/filesystems/overlayfs.rst", image(steering("user.overlay.redirect")), image(steering("user.harmless")), false},
		{"whiteout-of-parent", "remove what lies above the root", "OCI image spec, layer.md", image(entries(file(".wh...", ""))), image(entries(file("a", "x")), entries(file(".wh.a", ""))), false},
		{"whiteout-through-link", "remove a file behind a symbolic link", "OCI image spec, layer.md", image(entries(link("a", "/etc")), entries(file("a/.wh.passwd", ""))), image(entries(dir("a"), file("a/passwd", "")), entries(file("a/.wh.passwd", ""))), false},
		{"twice", "bring a directory and a file of one name", "GHSA-xmmx-7jpf-fx42", image(entries(dir("a"), file("a/b", "x"), file("a", "x"))), image(entries(dir("a"), file("a/b", "x"))), false},
		{"root-as-link", "bring a symbolic link in place of the root", "CVE-2026-41579", image(entries(link("./", "/etc"))), image(entries(dir("."))), false},
		{"long-name", "bring a name that no file system takes", "path_resolution(7)", image(entries(file(strings.Repeat("a", 300), "x"))), image(entries(file(strings.Repeat("a", 200), "x"))), false},
		{"deep", "bring directories so deep that walking them hurts", "path_resolution(7)", image(entries(file(strings.Repeat("d/", 2500)+"f", "x"))), image(entries(file(strings.Repeat("d/", 20)+"f", "x"))), false},
		{"unknown-owner", "bring files of an owner that no container has", "CVE-2024-40635", image(entries(ownedBy(1 << 31))), image(entries(ownedBy(1000))), false},
	}
}

// ownedBy is a file of an owner.
func ownedBy(id int) archive.Entry {
	return archive.Entry{Name: "f", Mode: 0o644, Body: []byte("x"), Owner: id}
}
