package debian

import (
	"archive/tar"
	"bytes"
	"io"
	"slices"
	"testing"

	"github.com/bailey-run/bailey/internal/image/imagetest"
)

// TestLayerTar: what overlayfs removed or replaced becomes what the image specification says, device nodes stay out.
func TestLayerTar(t *testing.T) {
	upper := imagetest.Tar(
		imagetest.Dir("."),
		imagetest.Dir("./dev"), imagetest.File{Name: "./dev/null", Type: tar.TypeChar, Edit: func(h *tar.Header) { h.Devmajor, h.Devminor = 1, 3 }},
		imagetest.Dir("./etc"), imagetest.Reg("./etc/new", "text"),
		imagetest.File{Name: "./etc/gone", Type: tar.TypeChar},
		imagetest.File{Name: "./srv/", Xattrs: map[string]string{"trusted.overlay.opaque": "y"}},
		imagetest.Reg("./srv/x", "x"),
	)
	var out bytes.Buffer
	if err := layerTar(bytes.NewReader(upper), &out); err != nil {
		t.Fatal(err)
	}
	var names []string
	for r := tar.NewReader(&out); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
		if h.Typeflag == tar.TypeChar || len(h.PAXRecords) > 0 {
			t.Errorf("%s: type %c, records %v", h.Name, h.Typeflag, h.PAXRecords)
		}
	}
	want := []string{"./etc/", "./etc/new", "etc/.wh.gone", "./srv/", "srv/.wh..wh..opq", "./srv/x"}
	if !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
}
