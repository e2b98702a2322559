package unpack

import (
	"strings"

	"github.com/bailey-run/bailey/internal/image/hostile"
)

// Names of whiteouts in a layer, as in the OCI image specification (layer.md, "Whiteouts").
const (
	whiteoutPrefix = ".wh."
	whiteoutOpaque = ".wh..wh..opq"
	whiteoutMeta   = ".wh..wh."
)

// CleanName checks the name of an entry of any tar and returns it without "./" and trailing slashes; the root is ".". What it
// returns is relative, has no ".." and is within what Linux takes for a path.
func CleanName(name string) (string, error) {
	switch {
	case name == "":
		return "", hostile.Refuse("name-empty", name, "the entry has no name")
	case name[0] == '/':
		return "", hostile.Refuse("path-absolute", name, "the name is absolute; names in a layer are relative to its root")
	case len(name) > maxPath:
		return "", hostile.Refuse("path-too-long", name, "the name has %d bytes, at most %d are allowed", len(name), maxPath)
	case strings.IndexByte(name, 0) >= 0:
		return "", hostile.Refuse("name-nul", name, "the name has a NUL byte")
	}
	if isClean(name) {
		return name, nil
	}
	var parts []string
	for part := range strings.SplitSeq(name, "/") {
		switch part {
		case "", ".":
			continue
		case "..":
			return "", hostile.Refuse("path-traversal", name, "the name has a \"..\" that could lead out of the layer")
		}
		if len(part) > maxName {
			return "", hostile.Refuse("name-too-long", name, "a part of the name has %d bytes, Linux takes %d", len(part), maxName)
		}
		parts = append(parts, part)
	}
	if len(parts) > maxDepth {
		return "", hostile.Refuse("path-too-deep", name, "the name is %d directories deep, at most %d are allowed", len(parts), maxDepth)
	}
	if len(parts) == 0 {
		return ".", nil
	}
	return strings.Join(parts, "/"), nil
}

// isClean reports whether name needs no work: it is short in every way and has no empty, "." or ".." component. It may say
// no to a clean name, and never says yes to another.
func isClean(name string) bool {
	start, depth := 0, 1
	for i := 0; i <= len(name); i++ {
		if i < len(name) && name[i] != '/' {
			continue
		}
		part := name[start:i]
		if part == "" || part == "." || part == ".." || len(part) > maxName {
			return false
		}
		start = i + 1
		depth++
	}
	return depth <= maxDepth
}

// split cuts a clean name into its directory ("." for none) and its last component.
func split(name string) (dir, base string) {
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		return name[:i], name[i+1:]
	}
	return ".", name
}

// checkTarget refuses targets of symbolic links that lead out of the root when they are followed word for word. Absolute
// targets are fine: a container's root is where they start.
func checkTarget(name, target string) error {
	switch {
	case target == "":
		return hostile.Refuse("symlink-empty", name, "the symbolic link has no target")
	case len(target) > maxTarget:
		return hostile.Refuse("symlink-too-long", name, "the link's target has %d bytes, Linux takes %d", len(target), maxTarget)
	case strings.IndexByte(target, 0) >= 0:
		return hostile.Refuse("symlink-nul", name, "the link's target has a NUL byte")
	}
	depth := strings.Count(name, "/")
	if target[0] == '/' {
		depth = 0
	}
	for part := range strings.SplitSeq(target, "/") {
		switch part {
		case "", ".":
		case "..":
			if depth--; depth < 0 {
				return hostile.Refuse("symlink-escape", name, "the symbolic link leads out of the root: its target is %q", target)
			}
		default:
			depth++
		}
	}
	return nil
}
