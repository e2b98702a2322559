package hint

import "testing"

func TestFull(t *testing.T) {
	for text, want := range map[string]bool{
		"dd: error writing '/data/b': No space left on device\n":     true,
		"sh: can't create /data/f2558: Disk quota exceeded\n":        true,
		"Error: ENOSPC: no space left on device, write\n":            true,
		"OSError: [Errno 122] Disk quota exceeded: '/data/x'\n":      true,
		"open /data/x: disk quota exceeded\n":                        true,
		"open /data/x: permission denied, and there is no space bar": false,
	} {
		if got := Full([]byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
