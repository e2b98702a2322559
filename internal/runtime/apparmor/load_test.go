package apparmor

import (
	"bufio"
	"context"
	"os"
	"strings"
	"testing"
)

func TestListed(t *testing.T) {
	text := "docker-default (enforce)\nbailey-1234 (enforce)\nbailey-12345 (complain)\n"
	for name, want := range map[string]bool{"bailey-1234": true, "bailey-12345": true, "bailey-123": false, "": false} {
		if got := listed(bufio.NewScanner(strings.NewReader(text)), name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

func TestLoadFailsClosedWithoutAppArmor(t *testing.T) {
	if _, err := os.Stat(loaded); err == nil {
		t.Skip("this kernel has AppArmor")
	}
	l := &Loader{}
	if err := l.Load(context.Background(), "bailey-x", "profile bailey-x {}"); err == nil || l.done["bailey-x"] {
		t.Errorf("a profile that is nowhere counts as loaded: %v", err)
	}
}
