package files

import (
	"archive/tar"
	"bytes"
	"path"
	"strings"
	"testing"
)

// FuzzReadRegular: whatever is sent, what is read stays within the bounds and below the directory that it is for.
func FuzzReadRegular(f *testing.F) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range []string{"a", "d/../b", "/c", "./d"} {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: 3, Mode: 0o644}); err != nil {
			f.Fatal(err)
		}
		if _, err := w.Write([]byte("abc")); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, archive []byte) {
		const count, limit = 3, 64
		got, err := ReadRegular(bytes.NewReader(archive), count, limit)
		if err != nil {
			return
		}
		total := 0
		for _, r := range got {
			total += len(r.Data)
			if at := path.Join("/dir", r.Name); at != "/dir" && !strings.HasPrefix(at, "/dir/") || r.Mode > 0o777 {
				t.Errorf("read %q of mode %o", r.Name, r.Mode)
			}
		}
		if len(got) > count || total > limit {
			t.Errorf("read %d files, %d bytes", len(got), total)
		}
	})
}
