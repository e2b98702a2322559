package runtime

import (
	"context"
	"testing"
	"time"
)

func TestOpenTime(t *testing.T) {
	n := newNode(t)
	for range 3 {
		t0 := time.Now()
		if _, err := Open(context.Background(), n.opts); err != nil {
			t.Fatal(err)
		}
		t.Log(time.Since(t0))
		t0 = time.Now()
		identifyRuntime(context.Background(), n.oci.Path)
		t.Log(time.Since(t0))
	}
}
