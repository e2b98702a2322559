package archive

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/bailey-run/bailey/internal/image/config"
	"github.com/bailey-run/bailey/internal/image/hostile"
	"github.com/bailey-run/bailey/internal/image/imagetest"
	"github.com/bailey-run/bailey/internal/image/unpack"
)

// memory keeps blobs in a map.
type memory map[digest.Digest][]byte

func (m memory) Put(_ context.Context, r io.Reader, want digest.Digest) (ocispec.Descriptor, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	id := digest.FromBytes(data)
	if want != "" && want != id {
		return ocispec.Descriptor{}, hostile.Refuse("digest-mismatch", string(want), "the content has the digest %s", id)
	}
	m[id] = data
	return ocispec.Descriptor{Digest: id, Size: int64(len(data))}, nil
}

func (m memory) Layer(ctx context.Context, r io.Reader, want digest.Digest, _ unpack.Compression) (ocispec.Descriptor, error) {
	return m.Put(ctx, r, want)
}

func (m memory) Document(_ context.Context, id digest.Digest) ([]byte, error) {
	if data, ok := m[id]; ok {
		return data, nil
	}
	return nil, hostile.Refuse("blob-missing", string(id), "it is not in the archive")
}

// options are small limits.
func options() Options {
	return Options{
		Bytes: 1 << 20, Ratio: unpack.Ratio{Max: 200, Free: 1 << 20}, Documents: config.Limits{Layers: 8, Document: 64 << 10, Blob: 1 << 20, Image: 1 << 20},
		Platform: ocispec.Platform{OS: "linux", Architecture: "amd64"},
	}
}

// sample is an image with a name and two layers.
func sample(tag, body string) imagetest.Image {
	return imagetest.Image{Tags: []string{tag}, Layers: []imagetest.Layer{
		{Files: []imagetest.File{imagetest.Reg("f", body)}}, {Files: []imagetest.File{imagetest.Reg("g", body)}, Compression: "gzip"},
	}}
}

func TestReadBothFormsGiveOneImage(t *testing.T) {
	img := sample("a:1", "x")
	both := imagetest.Tar(append(imagetest.OCIEntries(img), imagetest.DockerEntries(img)...)...)
	built := img.Build()
	for name, data := range map[string][]byte{"docker": imagetest.DockerArchive(img), "oci": imagetest.OCIArchive(img), "both": both, "zstd": imagetest.Zstd(both)} {
		blobs := memory{}
		got, err := Read(context.Background(), bytes.NewReader(data), blobs, options())
		if err != nil || len(got) != 1 || len(got[0].Names) != 1 || got[0].Names[0].Familiar() != "a:1" {
			t.Fatalf("%s: %+v %v", name, got, err)
		}
		m, err := config.Manifest(got[0].Target.MediaType, blobs[got[0].Target.Digest], options().Documents)
		if err != nil || m.Config.Digest != built.Config.Descriptor.Digest || len(m.Layers) != 2 || m.Layers[1].Digest != built.Layers[1].Descriptor.Digest {
			t.Errorf("%s: %+v %v", name, m, err)
		}
	}
}

// TestReadSharedLayersAsLinks reads what docker 20.10 wrote for images that share a layer.
func TestReadSharedLayersAsLinks(t *testing.T) {
	img := sample("a:1", "x")
	entries := imagetest.DockerEntries(img)
	layer, id := entries[1].Name, strings.Repeat("b", 64)
	entries = append(entries[:3:3], imagetest.Dir(id), imagetest.Reg(id+"/VERSION", "1.0"), imagetest.Reg(id+"/json", "{}"), imagetest.Reg("repositories", "{}"),
		imagetest.Symlink(id+"/layer.tar", "../"+layer),
		imagetest.Reg("manifest.json", `[{"Config":"`+entries[0].Name+`","RepoTags":["a:1"],"Layers":["`+id+`/layer.tar","`+entries[2].Name+`"]}]`))
	blobs := memory{}
	got, err := Read(context.Background(), bytes.NewReader(imagetest.Tar(entries...)), blobs, options())
	if err != nil {
		t.Fatal(err)
	}
	m, err := config.Manifest(got[0].Target.MediaType, blobs[got[0].Target.Digest], options().Documents)
	if err != nil || m.Layers[0].Digest != img.Build().Layers[0].Descriptor.Digest {
		t.Errorf("%+v %v", m, err)
	}
}

func TestReadTakesNamesFromEitherList(t *testing.T) {
	unnamed, named := sample("a:1", "x"), sample("a:1", "x")
	unnamed.Tags = nil
	got, err := Read(context.Background(), bytes.NewReader(imagetest.Tar(append(imagetest.OCIEntries(unnamed), imagetest.DockerEntries(named)...)...)), memory{}, options())
	if err != nil || len(got) != 1 || got[0].Names[0].Familiar() != "a:1" {
		t.Errorf("%+v %v", got, err)
	}
}

func TestReadLeavesOutWhatIsNoImage(t *testing.T) {
	entries := imagetest.OCIEntries(sample("a:1", "x"))
	index := &entries[len(entries)-1]
	att := `{"mediaType":"` + ocispec.MediaTypeImageManifest + `","digest":"` + digest.FromString("").String() + `","size":1,`
	index.Body = bytes.Replace(index.Body, []byte(`"manifests":[`), []byte(`"manifests":[`+att+`"platform":{"os":"unknown","architecture":"unknown"}},`+att+`"artifactType":"application/x"},`+att+`"platform":{"os":"linux","architecture":"arm64"}},`), 1)
	got, err := Read(context.Background(), bytes.NewReader(imagetest.Tar(entries...)), memory{}, options())
	if err != nil || len(got) != 1 {
		t.Errorf("%+v %v", got, err)
	}
}

func TestReadReportsTheSourcesErrors(t *testing.T) {
	broken := errors.New("the client is gone")
	data := imagetest.DockerArchive(sample("a:1", "x"))
	for _, at := range []int{0, 100, 600, 3000} {
		_, err := Read(context.Background(), io.MultiReader(bytes.NewReader(data[:at]), failing{broken}), memory{}, options())
		if !errors.Is(err, broken) {
			t.Errorf("at byte %d: %v", at, err)
		}
	}
}

// failing is a source that breaks.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func FuzzRead(f *testing.F) {
	a, b := sample("a:1", "x"), sample("b:1", "y")
	f.Add(imagetest.DockerArchive(a, b))
	f.Add(imagetest.OCIArchive(a, b))
	f.Add(imagetest.Tar(append(imagetest.OCIEntries(a), imagetest.DockerEntries(a)...)...))
	f.Add(imagetest.Tar(append(imagetest.OCIEntries(a), imagetest.DockerEntries(b)...)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		blobs := memory{}
		images, err := Read(context.Background(), bytes.NewReader(data), blobs, options())
		var refusal *hostile.Error
		if err != nil && !errors.As(err, &refusal) {
			t.Errorf("%v is no refusal", err)
		}
		names := map[string]bool{}
		for _, img := range images {
			if blobs[img.Target.Digest] == nil {
				t.Errorf("target %s was not put", img.Target.Digest)
			}
			for _, n := range img.Names {
				if names[n.String()] {
					t.Errorf("%s was given out twice", n)
				}
				names[n.String()] = true
			}
		}
	})
}
