package api

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/bailey-run/bailey/internal/engine"
	"github.com/moby/moby/api/types/container"
)

// statHeader carries what a path is, as base64 of JSON.
const statHeader = "X-Docker-Container-Path-Stat"

// pathRequest is a path inside a container.
type pathRequest string

func decodePath(c *call) (pathRequest, error) {
	p := c.q.text("path")
	if p == "" {
		return "", invalid("bad parameter: path cannot be empty")
	}
	return pathRequest(p), nil
}

func (c *call) setStat(stat container.PathStat) error {
	text, err := json.Marshal(stat)
	if err != nil {
		return err
	}
	c.w.Header().Set(statHeader, base64.StdEncoding.EncodeToString(text))
	return nil
}

func headArchive(c *call, path pathRequest) error {
	stat, err := c.s.engine.StatPath(c.ctx(), c.name, string(path))
	if err != nil {
		return err
	}
	if err := c.setStat(stat); err != nil {
		return err
	}
	return c.empty(http.StatusOK)
}

func getArchive(c *call, path pathRequest) error {
	archive, stat, err := c.s.engine.CopyFrom(c.ctx(), c.name, string(path))
	if err != nil {
		return err
	}
	if err := c.setStat(stat); err != nil {
		_ = archive.Close() // err says why
		return err
	}
	return c.sendTar(archive)
}

func getExport(c *call) error {
	archive, err := c.s.engine.Export(c.ctx(), c.name)
	if err != nil {
		return err
	}
	return c.sendTar(archive)
}

// sendTar answers with an archive. One that can not be read to its end breaks
// the answer off, so that the client does not take the part for the whole.
func (c *call) sendTar(archive io.ReadCloser) error {
	c.w.Header().Set("Content-Type", "application/x-tar")
	c.w.WriteHeader(http.StatusOK)
	_, err := io.Copy(c.w, archive)
	if closeErr := archive.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("send the archive: %w", err)
	}
	return nil
}

// copyRequest is an archive to lay into a container.
type copyRequest struct {
	path string
	opts engine.CopyOptions
}

func decodeCopy(c *call) (copyRequest, error) {
	c.takeBody()
	path, err := decodePath(c)
	return copyRequest{path: string(path), opts: engine.CopyOptions{
		NoOverwriteDirNonDir: c.q.flag("noOverwriteDirNonDir"), CopyUIDGID: c.q.flag("copyUIDGID"),
	}}, err
}

func putArchive(c *call, r copyRequest) error {
	if err := c.s.engine.CopyTo(c.ctx(), c.name, r.path, c.r.Body, r.opts); err != nil {
		return err
	}
	return c.empty(http.StatusOK)
}
