package logfile

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// LastText returns what was logged in about the last n bytes of the current
// file, both streams together.
func LastText(path string, n int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	raw, err := io.ReadAll(io.NewSectionReader(f, max(0, info.Size()-n), n))
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	var text []byte
	for line := range bytes.Lines(raw) {
		if l, err := parse(line); err == nil {
			text = append(text, l.Text...)
		}
	}
	return text, nil
}
