// Command termsvg turns the text of a terminal session on its standard input into a picture of it on its standard
// output. The picture in the README is made so: make demo | go run ./hack/termsvg > docs/demo.svg
package main

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

const (
	columnWidth, lineHeight = 7.8, 18 // pixels
	margin                  = 18
	maxColumns              = 132 // longer lines are cut
)

func main() {
	if err := draw(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "termsvg:", err)
		os.Exit(1)
	}
}

// draw reads text and writes a picture of it.
func draw(in io.Reader, out io.Writer) error {
	var lines []string
	columns := 0
	for scanner := bufio.NewScanner(in); ; {
		if !scanner.Scan() {
			if err := scanner.Err(); err != nil {
				return err
			}
			break
		}
		line := strings.ReplaceAll(scanner.Text(), "\t", "    ")
		if utf8.RuneCountInString(line) > maxColumns {
			line = string([]rune(line)[:maxColumns-1]) + "…"
		}
		lines = append(lines, line)
		columns = max(columns, utf8.RuneCountInString(line))
	}
	width, height := int(float64(columns)*columnWidth)+2*margin, len(lines)*lineHeight+2*margin
	fmt.Fprintf(out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d">`+"\n", width, height)
	fmt.Fprintf(out, `<rect width="100%%" height="100%%" rx="8" fill="#16181d"/>`+"\n")
	fmt.Fprintf(out, `<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="13" xml:space="preserve">`+"\n")
	for i, line := range lines {
		if line == "" {
			continue
		}
		var escaped strings.Builder
		if err := xml.EscapeText(&escaped, []byte(line)); err != nil {
			return err
		}
		fmt.Fprintf(out, `<text x="%d" y="%d" fill="%s">%s</text>`+"\n", margin, margin+(i+1)*lineHeight-5, colour(line), escaped.String())
	}
	_, err := fmt.Fprintln(out, "</g>\n</svg>")
	return err
}

// colour is that of a line by what it begins with.
func colour(line string) string {
	trimmed := strings.TrimSpace(line)
	switch {
	case strings.HasPrefix(trimmed, "▶"):
		return "#7fd1ff"
	case strings.HasPrefix(trimmed, "blocked:"):
		return "#8fe388"
	case strings.Contains(trimmed, "refused"):
		return "#ffb86b"
	case strings.HasPrefix(trimmed, "==>"), strings.HasPrefix(trimmed, "CONTROL"):
		return "#9aa4b2"
	}
	return "#e4e7ec"
}
