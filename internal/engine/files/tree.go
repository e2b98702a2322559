package files

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// CopyTree copies the contents of the directory name, with owners and modes,
// into the directory to, which gets the owner and mode of the original. A
// directory that is not there copies nothing. Both sides show the container's
// own ids.
func CopyTree(root *os.File, name string, to *os.File) error {
	_, err := Lstat(root, name+"/.")
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	if err != nil {
		return err
	}
	pr, pw := io.Pipe()
	packed := make(chan struct{})
	go func() {
		defer close(packed)
		pw.CloseWithError(TarFrom(root, name+"/.", Mapping{}, pw))
	}()
	err = Untar(to, "/", Mapping{}, pr, UntarOptions{KeepIDs: true})
	pr.CloseWithError(err)
	<-packed // root is the caller's to close
	return err
}
