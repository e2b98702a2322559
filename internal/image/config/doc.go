// Package config reads and validates image configurations and manifests strictly, so that nothing absurd or ambiguous in
// them reaches the engine.
package config
