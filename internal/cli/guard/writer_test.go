package guard

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestWriter(t *testing.T) {
	for _, c := range []struct {
		name, in           string
		text, colour, prog string
	}{
		{"plain", "a b\tc\n", "a b\tc\n", "a b\tc\n", "a b\tc\n"},
		{"utf-8", "grüße 世界\n", "grüße 世界\n", "grüße 世界\n", "grüße 世界\n"},
		{"title", "\x1b]0;owned\a", "^[]0;owned^G", "^[]0;owned^G", "^[]0;owned^G"},
		{"clipboard", "\x1b]52;c;cm0=\x1b\\", "^[]52;c;cm0=^[\\", "^[]52;c;cm0=^[\\", "^[]52;c;cm0=^[\\"},
		{"clear", "\x1b[2J\x1b[H", "^[[2J^[[H", "^[[2J^[[H", "\x1b[2J\x1b[H"},
		{"answerback", "\x1b[c\x1b[6n\x05", "^[[c^[[6n^E", "^[[c^[[6n^E", "^[[c^[[6n^E"},
		{"device control", "\x1bP$q\"p\x1b\\", "^[P$q\"p^[\\", "^[P$q\"p^[\\", "^[P$q\"p^[\\"},
		{"alternate screen", "\x1b[?1049h", "^[[?1049h", "^[[?1049h", "^[[?1049h"},
		{"cursor shown", "\x1b[?25h", "^[[?25h", "^[[?25h", "\x1b[?25h"},
		{"full reset", "\x1bc", "^[c", "^[c", "^[c"},
		{"C1 control sequence", "\u009b2J", "<U+009B>2J", "<U+009B>2J", "<U+009B>2J"},
		{"C1 as a byte", "\x9b2J", `\x9b2J`, `\x9b2J`, `\x9b2J`},
		{"forged line", "failed\rok    \n", "failed^Mok    \n", "failed^Mok    \n", "failed\rok    \n"},
		{"crlf", "line\r\n", "line\r\n", "line\r\n", "line\r\n"},
		{"backspace and delete", "a\bb\x7f", "a^Hb^?", "a^Hb^?", "a^Hb^?"},
		{"nul", "a\x00", "a^@", "a^@", "a^@"},
		{"bidi override", "\u202egnp.exe", "<U+202E>gnp.exe", "<U+202E>gnp.exe", "<U+202E>gnp.exe"},
		{"colour", "\x1b[1;31mred\x1b[0m\n", "^[[1;31mred^[[0m\n", "\x1b[1;31mred\x1b[0m\n", "\x1b[1;31mred\x1b[0m\n"},
		{"indexed colour 8", "\x1b[38;5;8mx\x1b[m", "^[[38;5;8mx^[[m", "\x1b[38;5;8mx\x1b[m", "\x1b[38;5;8mx\x1b[m"},
		{"true colour", "\x1b[48;2;8;5;6mx\x1b[0m", "^[[48;2;8;5;6mx^[[0m", "\x1b[48;2;8;5;6mx\x1b[0m", "\x1b[48;2;8;5;6mx\x1b[0m"},
		{"hidden", "\x1b[8mx", "^[[8mx", "^[[8mx", "^[[8mx"},
		{"hidden behind a colour", "\x1b[31;8mx", "^[[31;8mx", "^[[31;8mx", "^[[31;8mx"},
		{"hidden behind a broken index", "\x1b[38;9;8mx", "^[[38;9;8mx", "^[[38;9;8mx", "^[[38;9;8mx"},
		{"private rendition", "\x1b[>4;2m", "^[[>4;2m", "^[[>4;2m", "^[[>4;2m"},
		{"intermediate", "\x1b[0 m", "^[[0 m", "^[[0 m", "^[[0 m"},
		{"huge parameter", "\x1b[99999999999999999999m", "^[[99999999999999999999m", "^[[99999999999999999999m", "^[[99999999999999999999m"},
		{"escape inside a sequence", "\x1b[1\x1b[0mx", "^[[1^[[0mx", "^[[1\x1b[0mx", "^[[1\x1b[0mx"},
		{"never ends", "\x1b[" + strings.Repeat("1", 100), "^[[" + strings.Repeat("1", 100), "^[[" + strings.Repeat("1", 100), "^[[" + strings.Repeat("1", 100)},
		{"ends early", "\x1b[3", "^[[3", "^[[3", "^[[3"},
		{"ends in a character", "a\xe4\xb8", `a\xe4\xb8`, `a\xe4\xb8`, `a\xe4\xb8`},
	} {
		t.Run(c.name, func(t *testing.T) {
			for mode, want := range map[Mode]string{Text: c.text, Colour: c.colour, Progress: c.prog} {
				if got := through(mode, c.in); got != want {
					t.Errorf("mode %d: %q became %q, want %q", mode, c.in, got, want)
				}
				if got := bytewise(mode, c.in); got != want {
					t.Errorf("mode %d, byte by byte: %q became %q, want %q", mode, c.in, got, want)
				}
			}
		})
	}
}

func TestCloseResetsColour(t *testing.T) {
	if got, want := through(Colour, "\x1b[31mred"), "\x1b[31mred\x1b[0m"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWriterReportsFailure(t *testing.T) {
	g := New(failing{}, Text)
	if n, err := g.Write([]byte("x")); n != 0 || err == nil {
		t.Errorf("Write = %d, %v; want 0 and an error", n, err)
	}
}

func TestCell(t *testing.T) {
	for in, want := range map[string]string{
		"plain text":         "plain text",
		"a\nweb2  running":   "a^Jweb2  running",
		"a\tb\x1b[2J\r":      "a^Ib^[[2J^M",
		"bytes \xff":         `bytes \xff`,
		"\u009b\u202ex 世界":   "<U+009B><U+202E>x 世界",
		"replacement \ufffd": "replacement \ufffd",
	} {
		if got := Cell(in); got != want {
			t.Errorf("Cell(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestScrub(t *testing.T) {
	type inner struct{ Text string }
	v := struct {
		Name   string
		List   []string
		Map    map[string]string
		Deep   map[string]*inner
		Any    map[string]any
		Bytes  []byte
		Nil    *inner
		hidden string
	}{
		Name: "a\x1bb", List: []string{"\r"}, Map: map[string]string{"k\n": "v\n"}, Deep: map[string]*inner{"d": {"\a"}},
		Any: map[string]any{"x": []any{"\b", inner{"\x1b"}, 1}}, Bytes: []byte("\x1b"), hidden: "\x1b",
	}
	Scrub(&v)
	if v.Name != "a^[b" || v.List[0] != "^M" || v.Map["k^J"] != "v^J" || v.Deep["d"].Text != "^G" {
		t.Errorf("left as it was: %+v", v)
	}
	if list := v.Any["x"].([]any); list[0] != "^H" || list[1].(inner).Text != "^[" || list[2] != 1 {
		t.Errorf("inside an interface: %+v", list)
	}
	if string(v.Bytes) != "\x1b" || v.hidden != "\x1b" {
		t.Errorf("changed what is not shown: %q %q", v.Bytes, v.hidden)
	}
}

// FuzzWriter: whatever is written, nothing reaches the terminal that the mode
// does not allow, and how it is cut into writes makes no difference.
func FuzzWriter(f *testing.F) {
	for _, seed := range []string{"a\x1b[31mb\x1b[0m", "\x1b]0;t\a", "\xe4\xb8", "\r\r\n", "\x1b[38;2;1;2;3m\u009b", "\x1b[1\x1b[H"} {
		f.Add([]byte(seed), uint8(3))
	}
	f.Fuzz(func(t *testing.T, data []byte, cut uint8) {
		for _, mode := range []Mode{Text, Colour, Progress} {
			out := through(mode, string(data))
			check(t, mode, out)
			var pieces bytes.Buffer
			g := New(&pieces, mode)
			at := min(int(cut), len(data))
			_, _ = g.Write(data[:at])
			check(t, mode, pieces.String())
			_, _ = g.Write(data[at:])
			_ = g.Close()
			if pieces.String() != out {
				t.Errorf("mode %d: cut at %d %q becomes %q, whole %q", mode, at, data, pieces.String(), out)
			}
		}
	})
}

var (
	colours  = regexp.MustCompile("\x1b\\[[0-9;:]*m")
	progress = regexp.MustCompile("\x1b\\[([0-9;]*[A-HJKsu]|\\?25[lh])")
)

// check fails the test when out holds what mode does not allow.
func check(t *testing.T, mode Mode, out string) {
	t.Helper()
	if mode >= Colour {
		out = colours.ReplaceAllStringFunc(out, func(s string) string {
			if s == "\x1b[8m" || s == "\x1b[5m" {
				t.Errorf("%q passed", s)
			}
			return ""
		})
	}
	if mode == Progress {
		out = strings.ReplaceAll(progress.ReplaceAllString(out, ""), "\r", "")
	}
	out = strings.ReplaceAll(out, "\r\n", "\n")
	out = strings.TrimSuffix(out, "\r") // its line feed has been held back
	if !utf8.ValidString(out) {
		t.Errorf("mode %d: not UTF-8: %q", mode, out)
	}
	for _, r := range out {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r != utf8.RuneError && unsafeRune(r) {
			t.Errorf("mode %d: %U passed in %q", mode, r, out)
		}
	}
}

func through(mode Mode, s string) string {
	var out bytes.Buffer
	g := New(&out, mode)
	_, _ = g.Write([]byte(s))
	_ = g.Close()
	return out.String()
}

func bytewise(mode Mode, s string) string {
	var out bytes.Buffer
	g := New(&out, mode)
	for i := range len(s) {
		_, _ = g.Write([]byte{s[i]})
	}
	_ = g.Close()
	return out.String()
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("no room") }
