package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// limits are small ones.
var limits = Limits{Layers: 3, Document: 1 << 20, Blob: 1 << 30, Image: 25}

// descriptor is one as JSON.
func descriptor(mediaType string, extra string) string {
	return fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":10%s}`, mediaType, digest.FromString("x"), extra)
}

// manifest is one with the given configuration, layers and further fields.
func manifest(config, layers, extra string) string {
	return `{"schemaVersion":2,"config":` + config + `,"layers":[` + layers + `]` + extra + `}`
}

func TestManifest(t *testing.T) {
	cfg, layer := descriptor(ocispec.MediaTypeImageConfig, ""), descriptor(ocispec.MediaTypeImageLayerGzip, "")
	good := manifest(cfg, layer, `,"mediaType":"`+ocispec.MediaTypeImageManifest+`"`)
	if m, err := Manifest(ocispec.MediaTypeImageManifest, []byte(good), limits); err != nil || len(m.Layers) != 1 {
		t.Fatalf("%v", err)
	}
	for name, text := range map[string]string{
		"manifest-ambiguous both":     manifest(cfg, layer, `,"manifests":[]`),
		"manifest-ambiguous null":     manifest(cfg, layer, `,"manifests":null`),
		"manifest-ambiguous fs":       manifest(cfg, layer, `,"fsLayers":[]`),
		"manifest-ambiguous index":    `{"schemaVersion":2,"manifests":[]}`,
		"manifest-ambiguous none":     `{"schemaVersion":2}`,
		"media-type-mismatch":         manifest(cfg, layer, `,"mediaType":"`+ocispec.MediaTypeImageIndex+`"`),
		"manifest-version":            strings.Replace(good, "2", "1", 1),
		"json-duplicate-key":          manifest(cfg, layer, `,"config":`+cfg),
		"json-key-case":               manifest(cfg, layer, `,"Config":`+cfg),
		"media-type helm":             manifest(descriptor("application/vnd.cncf.helm.config.v1+json", ""), layer, ""),
		"media-type layer":            manifest(cfg, descriptor("application/vnd.oci.image.layer.v1.tar+xz", ""), ""),
		"media-type foreign":          manifest(cfg, descriptor("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", ""), ""),
		"media-type swapped":          manifest(cfg, cfg, ""),
		"foreign-url":                 manifest(cfg, descriptor(ocispec.MediaTypeImageLayer, `,"urls":["http://169.254.169.254/"]`), ""),
		"too-many-layers":             manifest(cfg, layer+","+layer+","+layer+","+layer, ""),
		"digest-malformed traversal":  manifest(cfg, strings.Replace(layer, "sha256:", "sha256:../", 1), ""),
		"digest-malformed upper":      manifest(cfg, strings.ToUpper(layer[:0])+strings.Replace(layer, digest.FromString("x").Encoded(), strings.ToUpper(digest.FromString("x").Encoded()), 1), ""),
		"size-out-of-range negative":  manifest(cfg, strings.Replace(layer, "10", "-1", 1), ""),
		"size-out-of-range huge":      manifest(cfg, strings.Replace(layer, ":10", ":9223372036854775807", 1), ""),
		"json-type overflow":          manifest(cfg, strings.Replace(layer, ":10", ":92233720368547758070", 1), ""),
		"image-too-large":             manifest(cfg, layer+","+layer+","+layer, ""),
		"size-out-of-range config":    manifest(strings.Replace(cfg, ":10", ":2000000", 1), layer, ""),
		"document-too-large document": good + strings.Repeat(" ", 1<<20),
	} {
		want, _, _ := strings.Cut(name, " ")
		if _, err := Manifest(ocispec.MediaTypeImageManifest, []byte(text), limits); class(err) != want {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := Manifest("application/vnd.docker.distribution.manifest.v1+prettyjws", []byte(good), limits); class(err) != "media-type" {
		t.Errorf("a manifest of the first format: %v", err)
	}
}

func TestIndex(t *testing.T) {
	entry := descriptor(ocispec.MediaTypeImageManifest, "")
	if _, err := Index(ocispec.MediaTypeImageIndex, []byte(`{"schemaVersion":2,"manifests":[`+entry+`]}`), limits); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"manifest-ambiguous config":   `{"schemaVersion":2,"manifests":[],"config":{}}`,
		"manifest-ambiguous layers":   `{"schemaVersion":2,"manifests":[],"layers":[]}`,
		"manifest-ambiguous manifest": manifest(descriptor(ocispec.MediaTypeImageConfig, ""), "", ""),
		"media-type-mismatch":         `{"schemaVersion":2,"mediaType":"` + ocispec.MediaTypeImageManifest + `","manifests":[]}`,
		"too-many-manifests":          `{"schemaVersion":2,"manifests":[` + entry + strings.Repeat(","+entry, maxManifests) + `]}`,
		"foreign-url":                 `{"schemaVersion":2,"manifests":[` + descriptor(ocispec.MediaTypeImageManifest, `,"urls":["https://evil/"]`) + `]}`,
		"manifest-version":            `{"manifests":[]}`,
	} {
		want, _, _ := strings.Cut(name, " ")
		if _, err := Index(ocispec.MediaTypeImageIndex, []byte(text), limits); class(err) != want {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// platformed is a descriptor for a platform.
func platformed(p, digestOf string) string {
	os, arch, _ := strings.Cut(p, "/")
	return fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":1,"platform":{"os":"%s","architecture":"%s"}}`, ocispec.MediaTypeImageManifest, digest.FromString(digestOf), os, arch)
}

func TestChoose(t *testing.T) {
	read := func(entries ...string) ocispec.Index {
		t.Helper()
		idx, err := Index(ocispec.MediaTypeImageIndex, []byte(`{"schemaVersion":2,"manifests":[`+strings.Join(entries, ",")+`]}`), limits)
		if err != nil {
			t.Fatal(err)
		}
		return idx
	}
	d, err := Choose(read(platformed("unknown/unknown", "att"), platformed("linux/386", "i"), platformed("linux/arm64", "r"), platformed("linux/amd64", "a")), amd64)
	if err != nil || d.Digest != digest.FromString("a") {
		t.Errorf("chose %s, %v", d.Digest, err)
	}
	if d, err := Choose(read(descriptor(ocispec.MediaTypeImageManifest, "")), amd64); err != nil || d.Digest != digest.FromString("x") {
		t.Errorf("a single entry without a platform: %v", err)
	}
	_, err = Choose(read(platformed("linux/386", "i"), platformed(`linux/\u001b[2J`, "r"), platformed("unknown/unknown", "u")), amd64)
	if class(err) != "no-platform" || !strings.Contains(err.Error(), "linux/386") || strings.Contains(err.Error(), "\x1b") || strings.Contains(err.Error(), "unknown") {
		t.Errorf("got %q", err)
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(manifest(descriptor(ocispec.MediaTypeImageConfig, ""), descriptor(ocispec.MediaTypeImageLayer, ""), "")))
	f.Add([]byte(`{"schemaVersion":2,"manifests":[` + platformed("linux/amd64", "a") + `]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, asManifest := Manifest(ocispec.MediaTypeImageManifest, data, limits)
		_, asIndex := Index(ocispec.MediaTypeImageIndex, data, limits)
		if asManifest == nil && asIndex == nil {
			t.Errorf("both a manifest and an index: %s", data)
		}
	})
}
