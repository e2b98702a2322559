package client

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	bkclient "github.com/moby/buildkit/client"
	"github.com/moby/buildkit/session/upload/uploadprovider"
	"github.com/tonistiigi/fsutil"
)

// maxDockerfile is the most bytes of a Dockerfile that comes on standard input.
const maxDockerfile = 8 << 20

// files says where the files of the build come from. clean, when it is not nil, removes what was made for it.
func (o *Options) files(opt *bkclient.SolveOpt) (clean func(), err error) {
	if err := o.contexts(opt); err != nil {
		return nil, err
	}
	switch {
	case o.Context == "-":
		return o.fromInput(opt)
	case isAddress(o.Context):
		opt.FrontendAttrs["context"] = o.Context
		if o.File != "" {
			opt.FrontendAttrs["filename"] = o.File
		}
		return nil, nil
	}
	dir, err := fsutil.NewFS(o.Context)
	if err != nil {
		return nil, fmt.Errorf("the directory of the build: %w", err)
	}
	opt.LocalMounts["context"] = dir
	file, clean, err := o.dockerfile()
	if err != nil {
		return clean, err
	}
	in, err := fsutil.NewFS(filepath.Dir(file))
	if err != nil {
		return clean, fmt.Errorf("the Dockerfile's directory: %w", err)
	}
	opt.LocalMounts["dockerfile"] = in
	opt.FrontendAttrs["filename"] = filepath.Base(file)
	return clean, nil
}

// dockerfile is where the Dockerfile is, written there first when it comes on standard input.
func (o *Options) dockerfile() (path string, clean func(), err error) {
	switch o.File {
	case "":
		path := filepath.Join(o.Context, "Dockerfile")
		if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
			return "", nil, fmt.Errorf("%s has no Dockerfile; name one with -f FILE, or have one written: bailey init %s", o.Context, o.Context)
		}
		return path, nil, nil
	case "-":
		text, err := bounded(o.In)
		if err != nil {
			return "", nil, err
		}
		return keep(text)
	}
	return o.File, nil, nil
}

// fromInput takes an archive, or a Dockerfile that needs no other file, from standard input.
func (o *Options) fromInput(opt *bkclient.SolveOpt) (clean func(), err error) {
	if o.File == "-" {
		return nil, errors.New("the context and the Dockerfile cannot both come on standard input")
	}
	in := bufio.NewReaderSize(o.In, 1024)
	head, err := in.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("standard input: %w", err)
	}
	if !isArchive(head) {
		text, err := bounded(in)
		if err != nil {
			return nil, err
		}
		file, clean, err := keep(text)
		if err != nil {
			return clean, err
		}
		dir, err := fsutil.NewFS(filepath.Dir(file))
		if err != nil {
			return clean, err
		}
		opt.LocalMounts["context"], opt.LocalMounts["dockerfile"] = emptyFS{}, dir
		opt.FrontendAttrs["filename"] = filepath.Base(file)
		return clean, nil
	}
	up := uploadprovider.New()
	opt.FrontendAttrs["context"] = up.Add(io.NopCloser(in))
	opt.Session = append(opt.Session, up)
	if o.File != "" {
		opt.FrontendAttrs["filename"] = o.File
	}
	return nil, nil
}

// bounded reads a Dockerfile.
func bounded(in io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(in, maxDockerfile+1))
	if err == nil && len(text) > maxDockerfile {
		err = fmt.Errorf("the Dockerfile on standard input has more than %d bytes", maxDockerfile)
	}
	return text, err
}

// keep writes a Dockerfile into a directory of its own.
func keep(text []byte) (path string, clean func(), err error) {
	dir, err := os.MkdirTemp("", "bailey-build-")
	if err != nil {
		return "", nil, err
	}
	clean = func() { _ = os.RemoveAll(dir) } // ours, and temporary
	path = filepath.Join(dir, "Dockerfile")
	return path, clean, os.WriteFile(path, text, 0o600)
}

// contexts are further ones: a directory, or something that the node fetches or has.
func (o *Options) contexts(opt *bkclient.SolveOpt) error {
	for _, c := range o.Contexts {
		name, place, ok := strings.Cut(c, "=")
		if !ok || name == "" {
			return fmt.Errorf("--build-context %q: say NAME=DIRECTORY or NAME=ADDRESS", c)
		}
		if strings.HasPrefix(place, "docker-image://") || isAddress(place) {
			opt.FrontendAttrs["context:"+name] = place
			continue
		}
		dir, err := fsutil.NewFS(place)
		if err != nil {
			return fmt.Errorf("--build-context %s: %w", name, err)
		}
		opt.LocalMounts[name] = dir
		opt.FrontendAttrs["context:"+name] = "local:" + name
	}
	return nil
}

// isAddress tells what the node is to fetch from a directory.
func isAddress(s string) bool {
	for _, prefix := range []string{"http://", "https://", "git://", "ssh://", "git@", "github.com/"} {
		if strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return false
}

// isArchive recognises a tar, plain or compressed, by its beginning.
func isArchive(head []byte) bool {
	for _, magic := range [][]byte{{0x1f, 0x8b}, {'B', 'Z', 'h'}, {0xfd, '7', 'z', 'X', 'Z', 0}, {0x28, 0xb5, 0x2f, 0xfd}} {
		if bytes.HasPrefix(head, magic) {
			return true
		}
	}
	return len(head) > 262 && string(head[257:262]) == "ustar"
}
