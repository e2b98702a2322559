package dockerfile

import (
	"maps"
	"strings"

	"github.com/bailey-run/bailey/internal/build/pattern"
	"github.com/moby/buildkit/frontend/dockerfile/command"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// MaxExpansion bounds what all instructions of a Dockerfile together grow to
// when their variables are replaced, in bytes.
const MaxExpansion = 4 << 20

// reference finds where a variable may be meant. That is more than BuildKit
// replaces (escaped ones, quoted ones), which is on the safe side.
var reference = pattern.Lazy(`\$\{?([A-Za-z_][A-Za-z0-9_]*)`)

// CheckExpansion refuses, with an [*Error], a Dockerfile whose variables
// expand to more than [MaxExpansion]. It costs time in proportion to the size
// of the file. A Dockerfile that cannot be parsed is none of its business.
func CheckExpansion(data []byte, buildArgs map[string]string) error {
	tree, err := parser.Parse(strings.NewReader(string(data)))
	if err != nil {
		return nil
	}
	return checkExpansion(tree.AST, buildArgs)
}

// checkExpansion adds up an upper bound of the size of every instruction. A
// variable counts with its largest size so far, whichever stage it was set in.
func checkExpansion(ast *parser.Node, buildArgs map[string]string) error {
	sizes := map[string]int{}
	for name, value := range buildArgs {
		sizes[name] = len(value)
	}
	total := 0
	for _, node := range ast.Children {
		switch strings.ToLower(node.Value) {
		case command.Env, command.Arg:
			assign(node, sizes)
		}
		total += bound(node.Original, sizes)
		for _, doc := range node.Heredocs {
			total += bound(doc.Content, sizes)
		}
		if total > MaxExpansion {
			return &Error{Line: node.StartLine, Reason: "its variables expand to more than 4 MiB up to here; set them without repeating one inside another"}
		}
	}
	return nil
}

// assign notes the sizes of what an ENV or ARG sets. An ENV has three words
// for each variable: its name, its value, and what stands between.
func assign(node *parser.Node, sizes map[string]int) {
	before := maps.Clone(sizes)
	for word := node.Next; word != nil; word = word.Next {
		name, value, _ := strings.Cut(word.Value, "=")
		if strings.EqualFold(node.Value, command.Env) {
			if word.Next == nil || word.Next.Next == nil {
				return // not what BuildKit would accept
			}
			name, value = word.Value, word.Next.Value
			word = word.Next.Next
		}
		sizes[name] = max(sizes[name], bound(value, before))
	}
}

// bound returns how long a text can become at most, and no more than a little
// over [MaxExpansion].
func bound(text string, sizes map[string]int) int {
	length, largest := len(text), 0
	for _, match := range reference().FindAllStringSubmatch(text, -1) {
		size := sizes[match[1]]
		largest = max(largest, size)
		if length += size; length > MaxExpansion {
			return MaxExpansion + 1
		}
	}
	// ${name/pattern/replacement} puts a text in as often as another has characters.
	if strings.Contains(text, "${") && strings.Contains(text, "/") && replaces().MatchString(text) {
		length *= 1 + largest
	}
	return min(length, MaxExpansion+1)
}

var replaces = pattern.Lazy(`\$\{[A-Za-z_][A-Za-z0-9_]*/`)
