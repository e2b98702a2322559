package e2e

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bailey-run/bailey/test/harness"
)

// TestBuildOrigin: what an image says of where it is from, and that the same origin gives the same image.
func TestBuildOrigin(t *testing.T) {
	withStock(t, harness.Options{}, map[string]func(*testing.T, stock){
		"repository, commit and changes": originCommit,
		"a directory without repository": originUnknown,
		"by buildx":                      originBuildx,
		"the classic builder":            originClassic,
		"the same again":                 originReproducible,
	})
}

func sha256Of(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// configSource is where a predicate of SLSA v1 says the build's files are from.
type configSource struct {
	URI    string
	Digest map[string]string
	Dirty  *bool
}

// provenance reads the attestation from an image as it would be handed on.
func (s stock) provenance(t *testing.T, image string) configSource {
	t.Helper()
	file := filepath.Join(t.TempDir(), "image.tar")
	s.ok(t, "save", "-o", file, image)
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if err != nil {
			t.Fatalf("%s has no provenance: %v", image, err)
		}
		if h.Size > 1<<20 {
			continue
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		var statement struct {
			PredicateType string
			Predicate     struct {
				BuildDefinition struct {
					ExternalParameters   struct{ ConfigSource configSource }
					ResolvedDependencies []struct{ URI string }
				}
				RunDetails struct{ Builder struct{ ID string } }
			}
		}
		if json.Unmarshal(data, &statement) != nil || statement.PredicateType != "https://slsa.dev/provenance/v1" {
			continue
		}
		if strings.Contains(string(data), "buildkit-session") || statement.Predicate.RunDetails.Builder.ID == "" {
			t.Errorf("the provenance has an address of the build's own, or no builder: %s", data)
		}
		if strings.Contains(string(data), "hunter2") {
			t.Errorf("the provenance has a password: %s", data)
		}
		return statement.Predicate.BuildDefinition.ExternalParameters.ConfigSource
	}
}

func originCommit(t *testing.T, s stock) {
	repo := repository(t, filepath.Join(t.TempDir(), "r"), map[string]string{"Dockerfile": "FROM scratch\nCOPY f /\n", "f": "x"})
	git(t, repo, "remote", "add", "origin", "https://me:hunter2@git.example/team/app.git")
	commit := git(t, repo, "rev-parse", "HEAD")
	s.built(t, "-t", "clean", repo)
	got := s.provenance(t, "clean")
	if got.URI != "git+https://git.example/team/app.git" || got.Digest["gitCommit"] != commit || got.Dirty == nil || *got.Dirty {
		t.Errorf("%+v, want commit %s", got, commit)
	}
	if err := os.WriteFile(filepath.Join(repo, "f"), []byte("changed"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.built(t, "-t", "dirty", repo)
	if got := s.provenance(t, "dirty"); got.Digest["gitCommit"] != commit || got.Dirty == nil || !*got.Dirty {
		t.Errorf("%+v", got)
	}
}

func originUnknown(t *testing.T, s stock) {
	s.built(t, "-t", "unknown", directory(t, map[string]string{"Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"}))
	if got := s.provenance(t, "unknown"); got.URI != "" || got.Digest != nil {
		t.Errorf("%+v", got)
	}
}

func originBuildx(t *testing.T, s stock) {
	repo := repository(t, filepath.Join(t.TempDir(), "r"), map[string]string{"Dockerfile": "FROM scratch\nCOPY f /\n", "f": "x"})
	git(t, repo, "remote", "add", "origin", "https://me:hunter2@git.example/team/app.git")
	for _, args := range [][]string{nil, {"--provenance=false"}, {"--provenance=mode=max"}} {
		if r := s.buildx(t, append(args, "-t", "attested", repo)...); r.Code != 0 {
			t.Fatalf("%+v", r)
		}
		if got := s.provenance(t, "attested"); got.URI != "git+https://git.example/team/app.git" && args == nil {
			t.Errorf("%v: %+v", args, got)
		}
	}
}

func originClassic(t *testing.T, s stock) {
	if r := s.classic(t, "-t", "classic", directory(t, map[string]string{"Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"})); r.Code != 0 {
		t.Fatalf("%+v", r)
	}
	s.provenance(t, "classic")
}

func originReproducible(t *testing.T, s stock) {
	dir := directory(t, map[string]string{"Dockerfile": "FROM " + harness.Image + "\nCOPY f /\nRUN date > /dev/null; echo made > /made; mkdir /dir\n", "f": "x"})
	var ids []string
	for range 2 {
		file := filepath.Join(t.TempDir(), "id")
		if r := s.build(t, []string{"SOURCE_DATE_EPOCH=1700000000"}, "-t", "same", "--no-cache", "--iidfile", file, dir); r.Code != 0 {
			t.Fatalf("%+v", r)
		}
		ids = append(ids, read(t, file))
	}
	equal(t, "the second build", ids[1], ids[0])
	equal(t, "the time of a file", s.ok(t, "run", "--rm", "same", "stat", "-c", "%Y", "/made"), "1700000000")
	equal(t, "the time of the image", s.ok(t, "image", "inspect", "-f", "{{.Created}}", "same"), "2023-11-14T22:13:20Z")
	// Without a change, also without a time: the cache gives the same image.
	var again []string
	for range 2 {
		file := filepath.Join(t.TempDir(), "id")
		s.built(t, "-t", "again", "--iidfile", file, dir)
		again = append(again, read(t, file))
	}
	equal(t, "a build from the cache", again[1], again[0])
}
