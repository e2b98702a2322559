package scaffold

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/bailey-run/bailey/internal/build/pattern"
)

// maxRead bounds a file that is looked at, in bytes.
const maxRead = 1 << 20

// word is a text that may stand in a Dockerfile wherever a template puts it:
// in a shell command, in a JSON list, in a path, in a tag. It has letters,
// digits, and . _ - / in the middle.
type word string

var wordPattern = pattern.Lazy(`^[A-Za-z0-9_]([A-Za-z0-9._/-]{0,98}[A-Za-z0-9_])?$`)

// newWord checks a text. what says where it comes from.
func newWord(what, text string) (word, error) {
	if !wordPattern().MatchString(text) || strings.Contains(text, "..") || strings.Contains(text, "//") {
		return "", fmt.Errorf("%s %.60q: only letters, digits, '.', '_', '-' and '/' can be written into a Dockerfile; rename it, or write the Dockerfile by hand", what, text)
	}
	return word(text), nil
}

// directory is what is looked at.
type directory struct{ fsys fs.FS }

// has tells whether a regular file is there.
func (d *directory) has(name string) bool {
	info, err := fs.Stat(d.fsys, name)
	return err == nil && info.Mode().IsRegular()
}

// first returns the first file that is there.
func (d *directory) first(names ...string) (string, bool) {
	for _, name := range names {
		if d.has(name) {
			return name, true
		}
	}
	return "", false
}

// read returns a regular file. One that is not there is empty.
func (d *directory) read(name string) (string, error) {
	info, err := fs.Stat(d.fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a regular file", name)
	}
	f, err := d.fsys.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxRead+1))
	if err == nil && len(data) > maxRead {
		err = fmt.Errorf("%s is larger than 1 MiB", name)
	}
	return string(data), err
}

// readJSON decodes a file, whose fields of a wrong type are an error.
func (d *directory) readJSON(name string, v any) error {
	text, err := d.read(name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(text), v); err != nil {
		return fmt.Errorf("%s cannot be read: %w", name, err)
	}
	return nil
}

// names lists the entries of a directory, at most a thousand.
func (d *directory) names(dir string, keep func(fs.DirEntry) bool) []string {
	f, err := d.fsys.Open(dir)
	if err != nil {
		return nil
	}
	defer f.Close()
	reader, ok := f.(fs.ReadDirFile)
	if !ok {
		return nil
	}
	entries, _ := reader.ReadDir(1000)
	var found []string
	for _, entry := range entries {
		if keep(entry) {
			found = append(found, entry.Name())
		}
	}
	return found
}
