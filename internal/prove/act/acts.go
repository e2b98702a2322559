package act

import (
	"fmt"
	"io"
)

// act is one thing that can be done.
type act struct {
	usage string // the arguments, by their names
	do    func(args []string, w io.Writer) error
}

// acts are what can be done, by name; each prints to w what it learned.
var acts = map[string]act{
	"dial":      {"NETWORK ADDRESS", dial},
	"serve":     {"NETWORK ADDRESS", serve},
	"resolve":   {"NAME", resolve},
	"ask":       {"NETWORK SERVER NAME", ask},
	"ping":      {"ADDRESS", ping},
	"address":   {"INTERFACE PREFIX", address},
	"route":     {"PREFIX GATEWAY", route},
	"inject":    {"INTERFACE FRAME", inject},
	"sniff":     {"INTERFACE WORD FILE", sniff},
	"read":      {"PATH", read},
	"write":     {"PATH BYTES", write},
	"stat":      {"PATH", stat},
	"attribute": {"PATH NAME", attribute},
	"say":       {"TEXT TIMES", say},
	"cwd":       {"", cwd},
	"link":      {"TO PATH", link},
	"remove":    {"PATH", remove},
	"shm":       {"KEY SIZE", shm},
}

// Do performs an act by its name and arguments.
func Do(args []string, w io.Writer) error {
	if len(args) == 0 || acts[args[0]].do == nil {
		return fmt.Errorf("there is no act %q", args)
	}
	a := acts[args[0]]
	if want := fields(a.usage); want != len(args)-1 {
		return fmt.Errorf("%s %s: %d arguments", args[0], a.usage, len(args)-1)
	}
	return a.do(args[1:], w)
}

// fields counts the words of a usage.
func fields(usage string) int {
	if usage == "" {
		return 0
	}
	n := 1
	for _, c := range usage {
		if c == ' ' {
			n++
		}
	}
	return n
}
