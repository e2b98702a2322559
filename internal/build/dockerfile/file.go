package dockerfile

import (
	"bytes"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// MaxSize bounds a Dockerfile, in bytes. The longest ones in public use are a
// tenth of it.
const MaxSize = 256 << 10

// Scratch is the base that is no image.
const Scratch = "scratch"

// File is a Dockerfile that was read.
type File struct {
	Lines  []string // its text, line by line, without line ends
	Args   []instructions.ArgCommand
	Stages []*Stage
	// Syntax is what its first lines name as the image to read it with ("# syntax="), or empty.
	Syntax string

	escape rune
}

// Stage is one FROM and what follows it.
type Stage struct {
	Index    int
	Name     string // after AS, or empty
	Base     string // the image or stage that it starts from, with its variables replaced
	Parent   *Stage // the stage that it starts from; nil for an image
	Platform string
	Range
	Instructions []*Instruction
	Vars         *Vars // the variables after its last instruction
}

// Instruction is one instruction of a stage.
type Instruction struct {
	instructions.Command
	Range
	Stage *Stage
	Vars  *Vars // the variables that it sees
}

// Range is where something stands: its first and last line, counted from 1.
type Range struct{ Line, End int }

// Parse reads a Dockerfile. buildArgs are the values given to its ARGs. All
// its errors are of type [*Error].
func Parse(data []byte, buildArgs map[string]string) (*File, error) {
	if len(data) > MaxSize {
		return nil, &Error{Reason: "it is larger than 256 KiB; build steps belong in scripts that it copies"}
	}
	if bytes.IndexByte(data, 0) >= 0 {
		return nil, &Error{Reason: "it is not text"}
	}
	tree, err := parser.Parse(bytes.NewReader(data))
	if err != nil {
		return nil, Explain(err)
	}
	if err := checkExpansion(tree.AST, buildArgs); err != nil {
		return nil, err
	}
	stages, args, err := instructions.Parse(tree.AST, nil)
	if err != nil {
		return nil, Explain(err)
	}
	if len(stages) == 0 {
		return nil, &Error{Reason: "it has no FROM, with which the first stage begins"}
	}
	text := strings.TrimSuffix(string(data), "\n")
	f := &File{Args: args, escape: tree.EscapeToken}
	for line := range strings.SplitSeq(text, "\n") {
		f.Lines = append(f.Lines, strings.TrimSuffix(line, "\r"))
	}
	f.Syntax, _, _, _ = parser.DetectSyntax(data)
	f.resolve(stages, buildArgs)
	return f, nil
}

// Target returns the stage of that name or number, or the last one for an
// empty name; nil when there is none such.
func (f *File) Target(name string) *Stage {
	if name == "" {
		return f.Stages[len(f.Stages)-1]
	}
	return f.stage(name, len(f.Stages))
}

// stage finds a stage by its name or number among the first n.
func (f *File) stage(name string, n int) *Stage {
	for i := n - 1; i >= 0; i-- {
		if s := f.Stages[i]; s.Name != "" && strings.EqualFold(s.Name, name) {
			return s
		}
	}
	return nil
}

// Lineage returns the stage and those that it stands on, the oldest first.
// Their layers are what an image of the stage consists of.
func (s *Stage) Lineage() []*Stage {
	var line []*Stage
	for ; s != nil; s = s.Parent {
		line = append([]*Stage{s}, line...)
	}
	return line
}

// Expand replaces variables in a word as the instruction sees them. What
// cannot be replaced is returned as it is.
func (i *Instruction) Expand(word string) string { return expand(shell.NewLex('\\'), word, i.Vars) }

func expand(lex *shell.Lex, word string, vars *Vars) string {
	lex.SkipUnsetEnv = true
	result, _, err := lex.ProcessWord(word, vars)
	if err != nil {
		return word
	}
	return result
}

func rangeOf(ranges []parser.Range) Range {
	var r Range
	for _, p := range ranges {
		if r.Line == 0 || p.Start.Line < r.Line {
			r.Line = p.Start.Line
		}
		r.End = max(r.End, p.End.Line)
	}
	return r
}

// Chomp removes the tabs that a here-document with <<- may be indented with.
func Chomp(text string) string { return parser.ChompHeredocContent(text) }

// RangeOf returns where an instruction stands that is not in a stage.
func RangeOf(cmd instructions.Command) Range { return rangeOf(cmd.Location()) }
