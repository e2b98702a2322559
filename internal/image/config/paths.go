package config

import (
	"path"
	"slices"
	"strings"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/bailey-run/bailey/internal/image/hostile"
)

// maxVolumes is how many volumes an image may ask for: each becomes a directory and a mount at every start.
const maxVolumes = 64

// kernel are the trees that the kernel and the engine own in a container. A working directory in /proc/self/fd once led to the
// host (CVE-2024-21626).
var kernel = []string{"/proc", "/sys", "/dev"}

// system are the directories whose whole content belongs to the image; a volume in their place would hide it.
var system = []string{"/", "/bin", "/boot", "/etc", "/lib", "/lib32", "/lib64", "/sbin", "/usr", "/usr/bin", "/usr/lib", "/usr/sbin"}

// checkPath accepts absolute paths without "..", NUL and control characters, that do not lie in the kernel's trees; it
// returns them clean.
func checkPath(class, name, p string) (string, error) {
	switch {
	case !strings.HasPrefix(p, "/"):
		return "", hostile.Refuse(class, name, "%q is not absolute", clip(p))
	case len(p) >= 4096:
		return "", hostile.Refuse(class, name, "it has %d bytes, Linux takes 4095", len(p))
	case strings.ContainsAny(p, "\x00\n\r\t") || control(p) >= 0:
		return "", hostile.Refuse(class, name, "%q has a NUL or control character", clip(p))
	case slices.Contains(strings.Split(p, "/"), ".."):
		return "", hostile.Refuse(class, name, "%q has a \"..\"", clip(p))
	}
	clean := path.Clean(p)
	for _, tree := range kernel {
		if clean == tree || strings.HasPrefix(clean, tree+"/") {
			return "", hostile.Refuse(class, name, "%q lies in %s, which belongs to the kernel", clip(p), tree)
		}
	}
	return clean, nil
}

// checkWorkingDir checks where the program starts.
func checkWorkingDir(img *dockerspec.DockerOCIImage) error {
	if img.Config.WorkingDir == "" {
		return nil
	}
	_, err := checkPath("config-working-dir", "config.WorkingDir", img.Config.WorkingDir)
	return err
}

// checkVolumes checks the mount points that the image asks for.
func checkVolumes(img *dockerspec.DockerOCIImage) error {
	if len(img.Config.Volumes) > maxVolumes {
		return hostile.Refuse("config-volumes", "config.Volumes", "it has %d volumes, at most %d are allowed", len(img.Config.Volumes), maxVolumes)
	}
	for volume := range img.Config.Volumes {
		clean, err := checkPath("config-volumes", "config.Volumes", volume)
		if err != nil {
			return err
		}
		if slices.Contains(system, clean) {
			return hostile.Refuse("config-volumes", "config.Volumes", "a volume on %q would hide the image itself", clean)
		}
	}
	return nil
}
