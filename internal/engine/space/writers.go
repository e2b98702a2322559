package space

import (
	"time"

	"github.com/bailey-run/bailey/internal/runtime/quota"
)

// Writers remembers what each container had written in all when the disk was
// not nearly full. When it is, and no place grew, somebody may hold what no
// measuring finds.
type Writers struct {
	at      time.Time
	free    int64
	written map[string]int64
}

// Calm takes note, now and then, of a disk that has room.
func (w *Writers) Calm(now time.Time, free quota.Usage, written func() map[string]int64) {
	if now.Sub(w.at) >= period {
		w.at, w.free, w.written = now, free.Bytes, written()
	}
}

// Filler is who wrote most since, if that is most of what the disk lost.
func (w *Writers) Filler(free quota.Usage, written map[string]int64) (id string, wrote int64) {
	lost := w.free - free.Bytes
	for c, n := range written {
		if g := n - w.written[c]; g >= growing && g >= lost/2 && (g > wrote || g == wrote && c < id) {
			id, wrote = c, g
		}
	}
	return id, wrote
}
