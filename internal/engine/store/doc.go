// Package store keeps the engine's state in one transactional file.
//
// Every change is one bbolt transaction: it is on disk, whole, before the
// caller is told that it happened, or it never happened. The file carries a
// schema version; Open migrates older files step by step and refuses newer
// ones. A record that cannot be read is reported by Open's caller through
// Damaged and kept as it is, never dropped.
package store
