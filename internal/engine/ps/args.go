package ps

import (
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
)

// Column is one column of the table.
type Column struct {
	Title string
	show  func(*Process) string
}

// maxColumns bounds what a client can ask for at once.
const maxColumns = 64

// The forms of ps that have no list of columns, and theirs.
var forms = map[string][]string{
	"f": {"user=UID", "pid", "ppid", "c", "stime", "tty=TTY", "time", "cmd"},
	"u": {"user", "pid", "%cpu", "%mem", "vsz", "rss", "tty=TTY", "stat", "start", "time", "command"},
	"":  {"pid", "tty=TTY", "time", "cmd"},
}

// Columns reads the arguments of ps: -o with a list, or the letters of -ef, aux and their like; "" is -ef, as Docker has it.
// Whichever processes the letters choose, those of the container are shown.
func Columns(args string) ([]Column, error) {
	words := strings.Fields(args)
	if len(words) == 0 {
		words = []string{"-ef"}
	}
	var list []string
	form := ""
	for i := 0; i < len(words); i++ {
		before, rest, isList := strings.Cut(strings.TrimPrefix(words[i], "-"), "o")
		if strings.HasPrefix(words[i], "--") || strings.Trim(before, "aAcefuwx") != "" {
			return nil, fmt.Errorf("top %q: -o with a list of columns, and the letters of -ef and aux are understood; use `bailey exec` with a ps of the image for others: %w", args, errdefs.ErrInvalidArgument)
		}
		for _, letter := range []string{"f", "u"} {
			if strings.Contains(before, letter) {
				form = letter
			}
		}
		if !isList {
			continue
		}
		if rest == "" {
			if i++; i == len(words) {
				return nil, fmt.Errorf("top %q: a list of columns is missing after -o: %w", args, errdefs.ErrInvalidArgument)
			}
			rest = words[i]
		}
		list = append(list, strings.Split(rest, ",")...)
	}
	if list == nil {
		list = forms[form]
	}
	if len(list) > maxColumns {
		return nil, fmt.Errorf("top: %d columns are asked for, %d are the most: %w", len(list), maxColumns, errdefs.ErrInvalidArgument)
	}
	return named(list)
}

// named finds columns by their names, each of which may bring a title.
func named(list []string) ([]Column, error) {
	var out []Column
	for _, entry := range list {
		name, title, given := strings.Cut(entry, "=")
		i := slices.IndexFunc(columns, func(c column) bool { return slices.Contains(strings.Fields(c.names), name) })
		if i < 0 {
			return nil, fmt.Errorf("top: the column %q is not known; there are %s: %w", name, known(), errdefs.ErrInvalidArgument)
		}
		c := Column{columns[i].title, columns[i].show}
		if given {
			c.Title = title
		}
		out = append(out, c)
	}
	return out, nil
}

// known lists the first name of each column.
func known() string {
	var names []string
	for _, c := range columns {
		names = append(names, strings.Fields(c.names)[0])
	}
	return strings.Join(names, ", ")
}
