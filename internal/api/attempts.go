package api

import "strings"

// open are the actions that anybody may do to a container in which the node attacks its own controls: those that look at
// it from outside, and those that end it. Such a container may have what no policy gives, and whoever got into it would
// have that too.
var open = map[string]bool{
	"container.list": true, "container.inspect": true, "container.top": true, "container.stats": true, "container.changes": true,
	"container.logs": true, "container.wait": true, "container.stop": true, "container.kill": true, "container.remove": true,
}

// checkAttempts refuses what would use the node's own attempts. value is the decoded request: it may name a container
// that is not in the path.
func (c *call) checkAttempts(value any) error {
	if open[c.route.action] {
		return nil
	}
	var refs []string
	if strings.HasPrefix(c.route.path, "/containers/{name}") {
		refs = append(refs, c.name)
	}
	if v, ok := value.(interface{ touches() string }); ok {
		refs = append(refs, v.touches())
	}
	if len(refs) == 0 {
		return nil
	}
	return c.s.engine.CheckAttempts(c.caller, refs...)
}
