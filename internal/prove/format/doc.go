// Package format writes what a proof found: for people as tables, for programs
// as JSON, SARIF and JUnit.
package format

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/bailey-run/bailey/internal/prove"
)

// Write writes a report in a format: table, json, sarif or junit.
func Write(w io.Writer, format string, r prove.Report) error {
	switch format {
	case "table":
		return Table(w, r)
	case "json":
		return indented(w, r)
	case "sarif":
		return indented(w, sarif(r))
	case "junit":
		return junit(w, r)
	}
	return fmt.Errorf("format %q: say table, json, sarif or junit", format)
}

// Of is the format that the end of a file's name asks for.
func Of(extension string) (string, error) {
	format, ok := map[string]string{".json": "json", ".sarif": "sarif", ".xml": "junit", ".txt": "table"}[extension]
	if !ok {
		return "", fmt.Errorf("a file that ends in %q: let it end in .json, .sarif, .xml (JUnit) or .txt (table)", extension)
	}
	return format, nil
}

func indented(w io.Writer, value any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(value)
}
