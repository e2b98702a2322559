package space

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/bailey-run/bailey/internal/runtime/quota"
)

// BenchmarkWalk tells what a look at a volume costs by file.
func BenchmarkWalk(b *testing.B) {
	const files = 20_000
	dir := b.TempDir()
	for i := range files {
		write(b, filepath.Join(dir, fmt.Sprint(i%100), fmt.Sprint(i)), 1)
	}
	for b.Loop() {
		if use, err := Walk(b.Context(), dir, quota.Cap{}); err != nil || use.Inodes != files+101 {
			b.Fatal(use, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/files, "ns/file")
}
