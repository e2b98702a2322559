package client

import (
	"context"
	"io"
	"io/fs"
	"os"
)

// emptyFS is a context without files.
type emptyFS struct{}

// Walk finds nothing.
func (emptyFS) Walk(context.Context, string, fs.WalkDirFunc) error { return nil }

// Open finds nothing.
func (emptyFS) Open(string) (io.ReadCloser, error) { return nil, os.ErrNotExist }
