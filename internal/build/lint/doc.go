// Package lint finds what makes an image worse before it is built: root,
// secrets in layers, code that nobody verified, caches, shells.
//
// It is pure: bytes of a Dockerfile and what stands beside it go in, a
// [Report] comes out. It executes, fetches and resolves nothing. Each rule is
// a row of the table in rule.go; the checks themselves are one subject a file.
// BuildKit's own checks run too (buildkit.go) and keep their names.
//
// A linter helps an author; it is no gate against one who wants to deceive it.
// What a container may do is decided when it is started, by internal/sandbox.
package lint
