// Package host finds out what the machine and its kernel can do, once, when a
// node starts.
package host
