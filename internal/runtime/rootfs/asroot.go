package rootfs

// AsRootOf runs f on a thread of its own whose file-system ids are those of
// the root of a container: what f creates through an idmapped mount belongs
// to that root. base 0 keeps the ids of the caller.
func AsRootOf(base uint32, f func() error) error {
	return onOwnThread(func() error {
		if base != 0 {
			if err := becomeRootOf(base); err != nil {
				return err
			}
		}
		return f()
	})
}
