package config

import (
	"regexp"
	"strconv"

	"github.com/containerd/platforms"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/bailey-run/bailey/internal/image/hostile"
)

// maxHistory is how many history entries an image may have; its layers are far fewer.
const maxHistory = 1024

// Image reads an image configuration and checks every field that the engine acts on, or shows, against what is sensible. want
// is the platform that can run here; the zero value takes any. The error is a *hostile.Error whose Entry names the field, for example "config.Env[3]".
func Image(data []byte, want ocispec.Platform) (dockerspec.DockerOCIImage, error) {
	var img dockerspec.DockerOCIImage
	if err := Decode("config", data, &img); err != nil {
		return img, err
	}
	if err := checkPlatform(img.Platform, want); err != nil {
		return img, err
	}
	for _, check := range []func(*dockerspec.DockerOCIImage) error{
		checkRootFS, checkHistory, checkUser, checkWorkingDir, checkVolumes, checkEnv, checkArgs, checkPorts, checkHealth, checkStopSignal, checkLabels,
	} {
		if err := check(&img); err != nil {
			return img, err
		}
	}
	return img, nil
}

// checkPlatform refuses images that cannot run here, in words that say so.
func checkPlatform(got, want ocispec.Platform) error {
	if got.OS == "" || got.Architecture == "" {
		return hostile.Refuse("config-platform", "architecture", "the image does not say for which operating system and architecture it is made (os %q, architecture %q)", got.OS, got.Architecture)
	}
	if want.OS != "" && !platforms.OnlyStrict(want).Match(platforms.Normalize(got)) {
		return hostile.Refuse("config-platform", "architecture", "the image is made for %s and this machine runs %s: get the variant for %s", show(got), show(want), show(want))
	}
	return nil
}

// plainPlatform is how honest platforms are spelled.
var plainPlatform = regexp.MustCompile(`^[A-Za-z0-9._/-]{1,64}$`)

// show writes a platform as os/architecture[/variant].
func show(p ocispec.Platform) string {
	s := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	if !plainPlatform.MatchString(s) {
		return strconv.QuoteToASCII(clip(s))
	}
	return s
}

// checkRootFS checks the list of layers.
func checkRootFS(img *dockerspec.DockerOCIImage) error {
	if img.RootFS.Type != "layers" {
		return hostile.Refuse("config-rootfs", "rootfs.type", "the root filesystem is of type %q, only \"layers\" exists", img.RootFS.Type)
	}
	for i, id := range img.RootFS.DiffIDs {
		if err := CheckDigest(id); err != nil {
			return hostile.Refuse("config-rootfs", field("rootfs.diff_ids", i), "%v", err)
		}
	}
	return nil
}

// CheckDigest accepts sha256 digests in their one spelling.
func CheckDigest(d digest.Digest) error {
	if err := d.Validate(); err != nil {
		return hostile.Refuse("digest-malformed", string(d), "it is no digest: %v", err)
	}
	if d.Algorithm() != digest.SHA256 {
		return hostile.Refuse("digest-algorithm", string(d), "only sha256 digests are supported")
	}
	return nil
}

// checkHistory bounds the history and refuses one that tells of more layers than there are.
func checkHistory(img *dockerspec.DockerOCIImage) error {
	if len(img.History) > maxHistory {
		return hostile.Refuse("config-history", "history", "it has %d entries, at most %d are allowed", len(img.History), maxHistory)
	}
	layers := 0
	for i, h := range img.History {
		if !h.EmptyLayer {
			layers++
		}
		for name, text := range map[string]string{"created_by": h.CreatedBy, "comment": h.Comment, "author": h.Author} {
			if err := checkText(field("history", i)+"."+name, text, maxText); err != nil {
				return err
			}
		}
	}
	if layers > len(img.RootFS.DiffIDs) {
		return hostile.Refuse("config-history", "history", "it tells of %d layers and the image has %d", layers, len(img.RootFS.DiffIDs))
	}
	return checkText("author", img.Author, maxText)
}
