package api

import "github.com/bailey-run/bailey/internal/engine"

// The real engine is what the server needs.
var _ Engine = (*engine.Engine)(nil)
