// Package registry speaks to image registries: it resolves names, fetches and sends blobs over TLS (plain HTTP only to
// loopback addresses), keeps credentials where they belong, and bounds time and size of everything a registry answers.
package registry
