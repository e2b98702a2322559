// Package guard turns away requests that no Docker client sends but that a
// browser, a confused proxy or an attacker behind one would.
//
// The socket itself decides who may speak to the node. The guard is for the
// day when something that may speak is tricked into passing on the words of
// something that may not: a web page that reaches a local proxy (cross-site
// request, DNS rebinding), or a proxy that sees another request than the node
// does. Bodies are the business of package strict.
package guard
