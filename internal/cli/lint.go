package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/bailey-run/bailey/internal/build/dockerfile"
	"github.com/bailey-run/bailey/internal/build/lint"
	dockercli "github.com/docker/cli/cli"
)

// lintFailed is the exit status of a lint that could not be done, as against 1
// for one that found errors.
const lintFailed = 2

// lintOptions are the flags of `bailey build` that matter to --lint.
type lintOptions struct {
	file      string // -f: a path, "-" for standard input, or empty
	format    string // text, json or sarif
	target    string
	buildArgs map[string]string
}

// lint is `bailey build --lint DIR`: it says what is wrong with a Dockerfile,
// without a node. Its error has the exit status and, when something was found,
// no text.
func (a *app) lint(dir string, o lintOptions) error {
	in, complete, err := a.lintInput(dir, o)
	if err != nil {
		return dockercli.StatusError{Status: named(err).Error(), StatusCode: lintFailed}
	}
	if !complete {
		fmt.Fprintf(a.docker.Err(), "WARNING: %s has more than %d files; only these were looked at\n", dir, lint.MaxFiles)
	}
	report := lint.Run(in)
	switch o.format {
	case "json":
		err = report.WriteJSON(a.docker.Out())
	case "sarif":
		err = report.WriteSARIF(a.docker.Out(), a.Version)
	default:
		err = report.WriteText(a.docker.Out())
	}
	if err != nil {
		return dockercli.StatusError{Status: named(err).Error(), StatusCode: lintFailed}
	}
	if report.Count(lint.Error) > 0 {
		return dockercli.StatusError{StatusCode: 1}
	}
	return nil
}

// lintInput reads what is looked at. complete is false when the directory has
// more files than are looked at.
func (a *app) lintInput(dir string, o lintOptions) (in lint.Input, complete bool, err error) {
	in = lint.Input{File: "Dockerfile", Target: o.target, BuildArgs: o.buildArgs}
	switch o.format {
	case "", "text", "json", "sarif":
	default:
		return in, false, fmt.Errorf("--format %q: say text, json or sarif", o.format)
	}
	if strings.Contains(dir, "://") || dir == "-" {
		return in, false, fmt.Errorf("--lint looks at a directory, not at %s: fetch it first, and lint the copy", dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return in, false, fmt.Errorf("the directory of the build: %w", err)
	}
	defer root.Close()
	if in.Dockerfile, in.Ignore, in.File, err = a.readDockerfile(root, dir, o.file); err != nil {
		return in, false, err
	}
	in.Files, complete, err = listContext(root)
	return in, complete, err
}

// readDockerfile reads the Dockerfile and the ignore file that goes with it. A
// file that the user names may be anywhere; the one that the directory brings
// along is read from inside it, and its links lead nowhere else.
func (a *app) readDockerfile(root *os.Root, dir, file string) (text, ignore []byte, name string, err error) {
	switch file {
	case "-":
		text, err = bounded(a.docker.In(), "standard input", dockerfile.MaxSize)
		name = "Dockerfile"
	case "":
		text, err = readInside(root, "Dockerfile", dockerfile.MaxSize)
		name = shown(filepath.Join(dir, "Dockerfile"))
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%s has no Dockerfile; name one with -f FILE, or have one written: bailey init %s", dir, dir)
		}
	default:
		text, err = readFile(file, dockerfile.MaxSize)
		name = shown(file)
		if err == nil {
			if ignore, err = readFile(file+".dockerignore", lint.MaxIgnore); err == nil {
				return text, ignore, name, nil
			}
			if errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
		}
	}
	if err != nil {
		return nil, nil, "", err
	}
	ignore, err = readInside(root, ".dockerignore", lint.MaxIgnore)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return text, ignore, name, err
}

// shown is a path as the user would write it, relative to where they are when
// that is short.
func shown(name string) string {
	if wd, err := os.Getwd(); err == nil && filepath.IsAbs(name) {
		if rel, err := filepath.Rel(wd, name); err == nil && !strings.HasPrefix(rel, "..") {
			return rel
		}
	}
	return filepath.Clean(name)
}

// readInside reads a regular file of a directory.
func readInside(root *os.Root, name string, limit int64) ([]byte, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	return readRegular(f, limit)
}

func readFile(name string, limit int64) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	return readRegular(f, limit)
}

// readRegular reads an open file, which must be one that ends, and closes it.
func readRegular(f *os.File, limit int64) ([]byte, error) {
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", f.Name())
	}
	return bounded(f, f.Name(), limit)
}

// bounded reads everything up to a limit, in bytes, and refuses more.
func bounded(r io.Reader, name string, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s is larger than %d KiB", name, limit>>10)
	}
	return data, err
}

// listContext lists the files of a directory by their relative paths, without
// following links. Of a repository's own files one stands for all, and what a
// package manager installs is others' business.
func listContext(root *os.Root) (files []string, complete bool, err error) {
	complete = true
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch base := path.Base(name); {
		case err != nil:
			return nil // what cannot be read is not copied either
		case len(files) >= lint.MaxFiles:
			complete = false
			return fs.SkipAll
		case entry.IsDir() && base == ".git":
			files = append(files, path.Join(name, "HEAD"))
			return fs.SkipDir
		case entry.IsDir() && base == "node_modules":
			return fs.SkipDir
		case !entry.IsDir():
			files = append(files, name)
		}
		return nil
	})
	return files, complete, err
}
