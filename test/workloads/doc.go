// Package workloads describes images of programs that people really run, made from Debian's packages in the way that the
// well-known images of them are made: what their first process does as root, what they write, and where. Its tests run each in the
// default posture; docs/compatibility.md has what they find. The command pack writes the images as archives, for clients that
// are tested elsewhere.
package workloads
