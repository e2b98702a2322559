package image

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/bailey-run/bailey/internal/image/imagetest"
)

// TestCommit: a commit has its base's layers and one more, which hides what it deletes, and can leave the layer out.
func TestCommit(t *testing.T) {
	s := openStore(t, nil)
	img := one("base:1", "f", "x")
	img.Config.History = nil
	if _, err := s.Load(ctx, bytes.NewReader(imagetest.DockerArchive(img)), nil); err != nil {
		t.Fatal(err)
	}
	layer := imagetest.Tar(imagetest.Reg("g", "y"), imagetest.Reg(".wh.f", ""))
	opts := CommitOptions{Name: "made:1", Author: "somebody", Message: "why", CreatedBy: "sh -c ..."}
	opts.Config.Cmd = []string{"run"}
	if err := Change(&opts.Config, []string{"ENV a=${x}b", "USER 7", `LABEL l="$a c" m='$a'`}, []string{"x=-", "x="}); err != nil {
		t.Fatal(err)
	}
	made, err := s.Commit(ctx, "base:1", bytes.NewReader(layer), opts)
	if err != nil {
		t.Fatal(err)
	}
	cfg := made.Config
	if !slices.Equal(made.RepoTags, []string{"made:1"}) || cfg.Author != "somebody" || cfg.Config.User != "7" || !slices.Equal(cfg.Config.Env, []string{"a=b"}) || cfg.Config.Labels["l"] != "b c" || cfg.Config.Labels["m"] != "$a" || len(made.DiffIDs) != 2 {
		t.Errorf("%+v", made)
	}
	steps, err := s.History(ctx, "made:1")
	if err != nil || len(steps) != 2 || steps[0].Comment != "why" || steps[0].CreatedBy != "sh -c ..." || steps[0].Size == 0 {
		t.Errorf("%+v %v", steps, err)
	}
	root, err := s.Rootfs(ctx, made)
	if err != nil || len(root.Lower) != 2 {
		t.Fatalf("%+v %v", root, err)
	}
	if _, err := os.Stat(filepath.Join(root.Lower[0], "g")); err != nil {
		t.Error(err)
	}
	same, err := s.Commit(ctx, "made:1", nil, CommitOptions{Config: dockerspec.DockerOCIImageConfig{ImageConfig: ocispec.ImageConfig{User: "8"}}})
	if err != nil || len(same.DiffIDs) != 2 || same.Config.Config.User != "8" || len(same.RepoTags) != 0 {
		t.Errorf("%+v %v", same, err)
	}
	if _, err := s.Commit(ctx, "base:1", bytes.NewReader(imagetest.Tar(imagetest.Reg("../out", "z"))), CommitOptions{}); err == nil {
		t.Error("a layer that leads out of the root was taken")
	}
}

// TestDistribution: what a registry has is told without keeping anything of it.
func TestDistribution(t *testing.T) {
	reg := imagetest.NewRegistry()
	addr, certs := reg.StartTLS(t)
	s := openStore(t, func(o *Options) { o.CertsDir = certs })
	built := reg.Add("team/app:1", one("", "f", "x"))
	got, err := s.Distribution(ctx, addr+"/team/app:1", PullOptions{})
	if err != nil || got.Target.Digest != built.Manifest.Descriptor.Digest || len(got.Platforms) != 1 || got.Platforms[0].OS != "linux" {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := s.Distribution(ctx, addr+"/team/app@"+built.Config.Descriptor.Digest.String(), PullOptions{}); err == nil {
		t.Error("something that is no manifest was taken for one")
	}
	if list, err := s.List(ctx); err != nil || len(list) != 0 {
		t.Errorf("it was kept: %v %v", list, err)
	}
}
