package rootfs

import "errors"

// User is who a container's process runs as, in the container's own ids.
type User struct {
	UID, GID uint32
	Groups   []uint32 // supplementary, sorted, without duplicates
	Name     string   // empty when the image does not know the uid
	Home     string   // "/" when the image does not know it
}

// Layers reads files through read-only layers without mounting them.
type Layers struct{}

// OpenLayers opens layer directories, the topmost first.
func OpenLayers(dirs []string) (*Layers, error) { return nil, errors.New("rootfs: being written") }

// Close releases the layers.
func (l *Layers) Close() error { return nil }

// ReadFile returns a regular file's content, at most max bytes of it (an
// error beyond). Symbolic links are resolved inside the layers.
func (l *Layers) ReadFile(path string, max int) ([]byte, error) {
	return nil, errors.New("rootfs: being written")
}

// LookupUser resolves a "name[:group]" as an image or a request gives it,
// against the image's own /etc/passwd and /etc/group; extra are further
// groups (names or numbers) to add.
func (l *Layers) LookupUser(spec string, extra []string) (User, error) {
	return User{}, errors.New("rootfs: being written")
}

// ParseUser is LookupUser on the bytes of the two files.
func ParseUser(passwd, group []byte, spec string, extra []string) (User, error) {
	return User{}, errors.New("rootfs: being written")
}
