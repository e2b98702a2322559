package scenes

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/bailey-run/bailey/internal/prove/archive"
	"github.com/bailey-run/bailey/internal/prove/probe"
	"github.com/bailey-run/bailey/internal/prove/scene"
	"github.com/moby/moby/client"
)

// copies are what `docker cp` does on behalf of the host's root in a tree that
// the container arranges.
func copies() []scene.Scene {
	const races = "CVE-2018-15664"
	return []scene.Scene{
		{ID: control + "/copy-in-link", Control: control, Source: races, Tries: "have a file written to the host by a copy into a link", Attack: copiesIn("/data/link", "evil", true), Twin: copiesIn("/data", "good", false)},
		{ID: control + "/copy-in-below-link", Control: control, Source: "CVE-2026-42306", Tries: "have a file written to the host by a copy below a link", Attack: copiesIn("/data", "link/evil", true), Twin: copiesIn("/data", "good", false)},
		{ID: control + "/copy-in-up", Control: control, Source: "CVE-2026-41568", Tries: "have a file written to the host by an archive that climbs", Attack: copiesIn("/data", "../../../../../../../../MARK/evil", true), Twin: copiesIn("/data", "good", false)},
		{ID: control + "/copy-in-by-proc", Control: control, Source: "CVE-2019-14271", Tries: "have a file written to the host by way of /proc", Attack: copiesIn("/proc/1/root/MARK", "evil", true), Twin: copiesIn("/data", "good", false)},
		{ID: control + "/copy-out-link", Control: control, Source: races, Tries: "have a file of the host read by a copy from a link", Attack: copiesOut("/data/link/secret"), Twin: copiesOut("/data/plain")},
		{ID: control + "/copy-xz", Control: control, Source: "CVE-2026-41567", Tries: "have a program of the container's executed to unpack a copy", Attack: copiesData([]byte("\xfd7zXZ\x00\x00\x04\xe6\xd6\xb4F")), Twin: copiesData(archive.Tar(archive.File("plain", "x")))},
	}
}

// arranged is a container whose volume has a link to a directory of the host,
// and a file.
func arranged(ctx context.Context, s scene.Stage, dir string) (scene.Actor, error) {
	a, err := idle(ctx, s)
	if err != nil {
		return nil, err
	}
	link := "/data/link"
	if err := remove(ctx, a, link); err != nil {
		return nil, err
	}
	if _, err := a.Do(ctx, "link", dir, link); err != nil {
		return nil, probe.Untried("%w", err)
	}
	if _, err := a.Do(ctx, "write", "/data/plain", "1"); err != nil {
		return nil, probe.Untried("%w", err)
	}
	return a, nil
}

func remove(ctx context.Context, a scene.Actor, path string) error {
	if _, err := a.Do(ctx, "remove", path); err != nil {
		return probe.Untried("%w", err)
	}
	return nil
}

// copiesIn copies a file into a directory and looks for it, on the host or in
// the container.
func copiesIn(to, name string, host bool) func(context.Context, scene.Stage) error {
	return func(ctx context.Context, s scene.Stage) error {
		return withMark(func(dir string) error {
			a, err := arranged(ctx, s, dir)
			if err != nil {
				return err
			}
			place := func(path string) string { return string(bytes.ReplaceAll([]byte(path), []byte("/MARK"), []byte(dir))) }
			_, err = s.API().CopyToContainer(ctx, a.ID(), client.CopyToContainerOptions{
				DestinationPath: place(to), Content: bytes.NewReader(archive.Tar(archive.File(place(name), "x"))),
			})
			if host {
				return marked(dir, err)
			}
			if err == nil {
				_, err = a.Do(ctx, "read", filepath.Join(to, name))
			}
			return err
		})
	}
}

// copiesOut copies a file out of the container.
func copiesOut(path string) func(context.Context, scene.Stage) error {
	return func(ctx context.Context, s scene.Stage) error {
		return withMark(func(dir string) error {
			if err := os.WriteFile(filepath.Join(dir, "secret"), []byte("x"), 0o644); err != nil {
				return probe.Untried("%w", err)
			}
			a, err := arranged(ctx, s, dir)
			if err != nil {
				return err
			}
			res, err := s.API().CopyFromContainer(ctx, a.ID(), client.CopyFromContainerOptions{SourcePath: path})
			if err != nil {
				return err
			}
			n, err := io.Copy(io.Discard, res.Content)
			if err == nil && n == 0 {
				err = errors.New("nothing was copied")
			}
			return errors.Join(err, res.Content.Close())
		})
	}
}

// copiesData sends an archive as it is.
func copiesData(data []byte) func(context.Context, scene.Stage) error {
	return func(ctx context.Context, s scene.Stage) error {
		a, err := idle(ctx, s)
		if err != nil {
			return err
		}
		_, err = s.API().CopyToContainer(ctx, a.ID(), client.CopyToContainerOptions{DestinationPath: "/data", Content: bytes.NewReader(data)})
		return err
	}
}
