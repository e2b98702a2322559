package daemon

import (
	"os"
	"strings"
	"testing"
)

// TestUnmapProgram: the program's pages go, and the program runs on.
func TestUnmapProgram(t *testing.T) {
	before := programPages(t)
	if err := unmapProgram(); err != nil {
		t.Fatal(err)
	}
	if after := programPages(t); after >= before {
		t.Errorf("%d KiB of the program were mapped before, %d after", before, after)
	}
}

// programPages is how much of the test program's read-only parts this process has mapped, in KiB.
func programPages(t *testing.T) (sum int) {
	t.Helper()
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	ours := false
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		switch {
		case len(fields) >= 5 && strings.Contains(fields[0], "-"):
			ours = fields[len(fields)-1] == exe && fields[1][1] == '-'
		case ours && len(fields) == 3 && fields[0] == "Rss:":
			n := 0
			for _, d := range fields[1] {
				n = 10*n + int(d-'0')
			}
			sum += n
		}
	}
	return sum
}
