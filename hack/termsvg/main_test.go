package main

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

// TestDraw: the picture is well-formed whatever the text holds, and long lines are cut.
func TestDraw(t *testing.T) {
	var out strings.Builder
	if err := draw(strings.NewReader("▶ a <b> & \x01\n\n"+strings.Repeat("x", 500)+"\n"), &out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "&lt;b&gt; &amp;") || strings.Contains(out.String(), strings.Repeat("x", maxColumns)) {
		t.Errorf("drawn: %s", out.String())
	}
	for decoder := xml.NewDecoder(strings.NewReader(out.String())); ; {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
