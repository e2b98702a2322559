package dockerfile

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	f, err := Parse([]byte(`# syntax=docker/dockerfile:1
ARG GO=1.26
FROM golang:${GO} AS build
ENV A=one
ENV B=${A}/two
USER $B
FROM build AS more
ARG GO
RUN true
FROM scratch
COPY --from=build /a /a
COPY --from=0 /a /a
COPY --from=busybox:1 /a /a
`), map[string]string{"GO": "1.27"})
	if err != nil {
		t.Fatal(err)
	}
	if f.Syntax != "docker/dockerfile:1" || len(f.Stages) != 3 || len(f.Lines) != 13 {
		t.Fatalf("read %q, %d stages, %d lines", f.Syntax, len(f.Stages), len(f.Lines))
	}
	build, more, last := f.Stages[0], f.Stages[1], f.Stages[2]
	if build.Base != "golang:1.27" || build.Line != 3 {
		t.Errorf("the first stage starts from %q at line %d", build.Base, build.Line)
	}
	if got := build.Instructions[2].Expand("$B"); got != "one/two" {
		t.Errorf("$B is %q", got)
	}
	if more.Parent != build || len(more.Lineage()) != 2 || last.Parent != nil {
		t.Error("the stages do not stand on each other as written")
	}
	if got := more.Instructions[1].Expand("$GO $A $NONE"); got != "1.27 one $NONE" {
		t.Errorf("the second stage sees %q", got)
	}
	if last.Instructions[0].From(f, "build") != build || last.Instructions[1].From(f, "0") != build || last.Instructions[2].From(f, "busybox:1") != nil {
		t.Error("COPY --from names the wrong stages")
	}
	if f.Target("") != last || f.Target("MORE") != more || f.Target("none") != nil {
		t.Error("targets are not found")
	}
}

// TestErrorsKeepSecrets: an error names the line and repeats no value.
func TestErrorsKeepSecrets(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "no instructions",
		"FROM a\nFORM b":               "line 2 of the Dockerfile cannot be read: there is no instruction FORM",
		"RUN true":                     "no build stage in current context",
		"ARG A=1":                      "no FROM",
		"FROM a\nCOPY --x=hunter2 a b": "line 2",
		"FROM a\nENV A=1 hunter2":      "line 2",
		"FROM a\nENV A=1\n  B=hunter2": "this is not an instruction",
		"FROM a\nRUN <<hunter2\n":      "unterminated heredoc",
		"FROM a\nEXPOSE":               "line 2",
		"FROM a\nHEALTHCHECK --interval=hunter2 CMD x": "line 2",
		"FROM a\x00": "not text",
		"FROM a\n#" + strings.Repeat("x", MaxSize): "larger than 256 KiB",
	} {
		_, err := Parse([]byte(text), nil)
		var typed *Error
		if !errors.As(err, &typed) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%.60q: %v, want %q", text, err, want)
		}
	}
}

// TestExpansion: what doubles with every line is refused before anything is
// expanded, and what real Dockerfiles do is not.
func TestExpansion(t *testing.T) {
	bomb := func(line string) string {
		var b strings.Builder
		b.WriteString("FROM a\nARG X\nENV a0=aaaaaaaaaaaaaaaa\n")
		for i := range 40 {
			fmt.Fprintln(&b, strings.NewReplacer("NEXT", fmt.Sprint("a", i+1), "LAST", fmt.Sprint("a", i)).Replace(line))
		}
		return b.String()
	}
	for name, text := range map[string]string{
		"doubled":      bomb("ENV NEXT=$LAST$LAST"),
		"braces":       bomb("ENV NEXT=${LAST}${LAST}"),
		"quoted":       bomb(`ENV NEXT="$LAST $LAST"`),
		"default":      bomb("ENV NEXT=${LAST:-x}${LAST:+${LAST}}"),
		"legacy":       bomb("ENV NEXT $LAST $LAST"),
		"arg":          bomb("ARG NEXT=$LAST$LAST"),
		"itself":       bomb("ENV X=$X$a0$X"),
		"several":      bomb("ENV NEXT=$LAST$LAST OTHER=1"),
		"replacement":  bomb("ENV NEXT=${LAST//a/$LAST}"),
		"before FROM":  strings.ReplaceAll(bomb("ARG NEXT=$LAST$LAST"), "FROM a\nARG X\nENV a0", "ARG a0") + "FROM $a40",
		"used at last": "FROM a\nENV A=" + strings.Repeat("x", 30000) + "\nLABEL L=" + strings.Repeat("$A", 1000),
		"heredoc":      "FROM a\nENV A=" + strings.Repeat("x", 30000) + "\nCOPY <<E /x\n" + strings.Repeat("$A", 1000) + "\nE\n",
	} {
		start := time.Now()
		_, err := Parse([]byte(text), nil)
		if err == nil || !strings.Contains(err.Error(), "4 MiB") {
			t.Errorf("%s: %v after %v", name, err, time.Since(start))
		}
		if CheckExpansion([]byte(text), nil) == nil {
			t.Errorf("%s: not refused by CheckExpansion", name)
		}
	}
	if CheckExpansion([]byte("FROM a\nLABEL L="+strings.Repeat("$A", 1000)+"\nENV B=$A"), map[string]string{"A": strings.Repeat("x", 10000)}) == nil {
		t.Error("a large build argument is not counted")
	}
	var long strings.Builder
	long.WriteString("FROM a\n")
	for i := range 60 {
		fmt.Fprintf(&long, "ENV PATH=$PATH:/opt/%d/bin LD_LIBRARY_PATH=$LD_LIBRARY_PATH:/opt/%d/lib\n", i, i)
	}
	if _, err := Parse([]byte(long.String()), nil); err != nil {
		t.Errorf("paths that grow: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("ARG A=b\nFROM a:$A AS b\nRUN <<E\nx\nE\nFROM b\nENV A=${A:-b} C=\"d\"\nCOPY --from=b . .\nUSER ${A%b}\n"))
	f.Add([]byte("FROM a\nENV A=${A//x/$B} B=${A#*}\nONBUILD ONBUILD RUN x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse(data, nil)
		if err != nil {
			if typed := (*Error)(nil); !errors.As(err, &typed) || typed.Line < 0 || typed.Line > strings.Count(string(data), "\n")+1 {
				t.Fatalf("%#v", err)
			}
			return
		}
		for _, stage := range file.Stages {
			if stage.Line < 1 || stage.End > len(file.Lines) || len(stage.Lineage()) > len(file.Stages) {
				t.Fatalf("stage %+v of %d lines", stage.Range, len(file.Lines))
			}
			for _, i := range stage.Instructions {
				if i.Line < stage.Line || i.End > len(file.Lines) {
					t.Fatalf("%+v in %+v of %d lines", i.Range, stage.Range, len(file.Lines))
				}
			}
		}
	})
}
