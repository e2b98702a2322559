package lint

import (
	"path"
	"slices"
	"strings"

	"github.com/bailey-run/bailey/internal/build/dockerfile"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"mvdan.cc/sh/v3/syntax"
)

// maxScript bounds a script that is parsed, in bytes. The parser is recursive:
// 32 KiB of opening brackets take 130 MB of stack.
const maxScript = 32 << 10

// call is one command of a script, with its arguments as far as they are known
// before it runs; variables stand as $NAME.
type call struct {
	name   string // without its directory
	args   []string
	inner  []*call // commands whose output becomes an argument: $(...), <(...)
	output string  // the file that > or >> writes
}

// has tells whether one of the words is among the arguments.
func (c *call) has(words ...string) bool {
	return slices.ContainsFunc(c.args, func(arg string) bool { return slices.Contains(words, arg) })
}

// flag tells whether a short option is given, also among others behind one
// dash, or one of the long ones, also with a value.
func (c *call) flag(short byte, long ...string) bool {
	return slices.ContainsFunc(c.args, func(arg string) bool {
		if strings.HasPrefix(arg, "--") {
			name, _, _ := strings.Cut(arg, "=")
			return slices.Contains(long, name)
		}
		return short != 0 && len(arg) > 1 && arg[0] == '-' && strings.IndexByte(arg[1:], short) >= 0
	})
}

// words are the arguments that are no options.
func (c *call) words() []string {
	return slices.DeleteFunc(slices.Clone(c.args), func(arg string) bool { return strings.HasPrefix(arg, "-") })
}

// script is what a RUN executes.
type script struct {
	calls []*call
	pipes [][]*call // those that are joined by |
	// unread is set when it cannot be read as a shell reads it.
	unread bool
}

// each calls f for the commands of these names.
func (s *script) each(f func(*call), names ...string) {
	for _, c := range s.calls {
		if slices.Contains(names, c.name) {
			f(c)
		}
	}
}

// some tells whether a command of that name satisfies f.
func (s *script) some(name string, f func(*call) bool) bool {
	return slices.ContainsFunc(s.calls, func(c *call) bool { return c.name == name && f(c) })
}

// scriptOf reads the commands of a RUN, once.
func (l *linter) scriptOf(run *instructions.RunCommand) *script {
	s, done := l.scripts[run]
	if !done {
		s = readScript(run)
		l.scripts[run] = s
	}
	return s
}

func readScript(run *instructions.RunCommand) *script {
	s := &script{}
	if !run.PrependShell {
		s.exec(run.CmdLine, 0)
		return s
	}
	text := strings.Join(run.CmdLine, " ")
	for _, file := range run.Files {
		body := file.Data
		if file.Chomp {
			body = dockerfile.Chomp(body)
		}
		if first, _, _ := strings.Cut(body, "\n"); strings.HasPrefix(first, "#!") && !strings.HasSuffix(strings.TrimSpace(first), "sh") {
			continue // another language's
		}
		if strings.HasPrefix(strings.TrimSpace(text), "<<") {
			text = body
		} else {
			text += "\n" + body + "\n" + file.Name + "\n"
		}
	}
	s.unread = !s.parse(text, 0)
	return s
}

// parse adds the commands of a shell script.
func (s *script) parse(text string, depth int) bool {
	if len(text) > maxScript || depth > 3 {
		return false
	}
	tree, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), "")
	if err != nil {
		return false
	}
	joined := map[*syntax.BinaryCmd]bool{} // those inside a longer pipeline
	syntax.Walk(tree, func(node syntax.Node) bool {
		switch n := node.(type) {
		case *syntax.Stmt:
			if c, ok := n.Cmd.(*syntax.CallExpr); ok {
				s.add(c, n.Redirs, depth)
			}
		case *syntax.DeclClause: // export NAME=VALUE
			c := &call{name: n.Variant.Value}
			for _, a := range n.Args {
				if a.Name != nil && a.Value != nil {
					c.args = append(c.args, a.Name.Value+"="+wordText(a.Value))
				}
			}
			s.calls = append(s.calls, c)
		case *syntax.BinaryCmd:
			if (n.Op == syntax.Pipe || n.Op == syntax.PipeAll) && !joined[n] {
				var pipe []*call
				pipeline(&pipe, n, joined)
				s.pipes = append(s.pipes, pipe)
			}
		}
		return true
	})
	return true
}

// add adds one command.
func (s *script) add(expr *syntax.CallExpr, redirs []*syntax.Redirect, depth int) {
	if words := wordsOf(expr); len(words) > 0 {
		c := s.exec(words, depth)
		if c == nil {
			return
		}
		c.inner = innerOf(expr)
		for _, r := range redirs {
			if r.Op == syntax.RdrOut || r.Op == syntax.AppOut || r.Op == syntax.RdrClob {
				c.output = wordText(r.Word)
			}
		}
	}
}

// exec adds a command that is given as words, and what it executes itself
// when it is a shell.
func (s *script) exec(words []string, depth int) *call {
	if len(words) > 0 && path.Base(words[0]) == "sudo" {
		s.calls = append(s.calls, &call{name: "sudo", args: words[1:]})
	}
	c := newCall(words)
	if c == nil {
		return nil
	}
	s.calls = append(s.calls, c)
	if isShell(c.name) {
		for i, arg := range c.args {
			if strings.HasPrefix(arg, "-") && !strings.HasPrefix(arg, "--") && strings.HasSuffix(arg, "c") && i+1 < len(c.args) {
				s.parse(c.args[i+1], depth+1)
				break
			}
		}
	}
	return c
}

// newCall makes a command of its words, without those that only start another:
// sudo, env, exec and the like.
func newCall(words []string) *call {
	for len(words) > 0 {
		name := path.Base(words[0])
		if !slices.Contains([]string{"sudo", "env", "exec", "command", "time", "nice", "nohup", "xargs", "eatmydata", "builtin", "gosu"}, name) {
			return &call{name: name, args: words[1:]}
		}
		words = words[1:]
		for len(words) > 0 && (strings.HasPrefix(words[0], "-") || strings.Contains(words[0], "=")) {
			words = words[1:]
		}
	}
	return nil
}

func isShell(name string) bool {
	return slices.Contains([]string{"sh", "bash", "ash", "dash", "zsh", "ksh"}, name)
}

// pipeline adds to found the commands that a | b | c joins, in order.
func pipeline(found *[]*call, n *syntax.BinaryCmd, joined map[*syntax.BinaryCmd]bool) {
	for _, side := range []*syntax.Stmt{n.X, n.Y} {
		switch cmd := side.Cmd.(type) {
		case *syntax.CallExpr:
			if c := newCall(wordsOf(cmd)); c != nil {
				*found = append(*found, c)
			}
		case *syntax.BinaryCmd:
			if cmd.Op == syntax.Pipe || cmd.Op == syntax.PipeAll {
				joined[cmd] = true
				pipeline(found, cmd, joined)
			}
		}
	}
}

func wordsOf(expr *syntax.CallExpr) []string {
	words := make([]string, 0, len(expr.Args))
	for _, word := range expr.Args {
		words = append(words, wordText(word))
	}
	return words
}

// wordText is a word as the command gets it, with $NAME for variables and
// nothing for what only running would tell.
func wordText(word *syntax.Word) string {
	var b strings.Builder
	var write func(parts []syntax.WordPart)
	write = func(parts []syntax.WordPart) {
		for _, part := range parts {
			switch p := part.(type) {
			case *syntax.Lit:
				b.WriteString(strings.ReplaceAll(p.Value, `\`, ""))
			case *syntax.SglQuoted:
				b.WriteString(p.Value)
			case *syntax.DblQuoted:
				write(p.Parts)
			case *syntax.ParamExp:
				if p.Param != nil {
					b.WriteString("$" + p.Param.Value)
				}
			}
		}
	}
	if word != nil {
		write(word.Parts)
	}
	return b.String()
}

// maxInner bounds the commands that innerOf returns: nested ones belong to every
// command around them.
const maxInner = 50

// innerOf finds the commands in $(...) and <(...) of a command's words.
func innerOf(expr *syntax.CallExpr) []*call {
	var found []*call
	for _, word := range expr.Args {
		syntax.Walk(word, func(node syntax.Node) bool {
			if c, ok := node.(*syntax.CallExpr); ok {
				if made := newCall(wordsOf(c)); made != nil {
					found = append(found, made)
				}
			}
			return len(found) < maxInner
		})
	}
	return found
}
