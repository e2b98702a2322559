// Package scenes attacks what the engine promises beyond the sandbox of one
// container: what it refuses to strangers, what it delivers and to whom.
package scenes
