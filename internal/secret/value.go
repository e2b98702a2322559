package secret

import (
	"errors"
	"log/slog"
)

// hidden is what stands for a secret wherever it would be shown.
const hidden = "[secret]"

// Value is a secret in memory. Only Reveal gives it away.
type Value struct{ data []byte }

// NewValue takes the bytes over; the caller does not keep them.
func NewValue(data []byte) Value { return Value{data} }

// Reveal returns the secret itself. Whoever calls it decides where it goes.
func (v Value) Reveal() []byte { return v.data }

// String hides the secret from fmt.
func (v Value) String() string { return hidden }

// GoString hides it from %#v.
func (v Value) GoString() string { return hidden }

// LogValue hides it from log/slog.
func (v Value) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalJSON refuses: a secret has no business in a document.
func (v Value) MarshalJSON() ([]byte, error) {
	return nil, errors.New("a secret cannot be written as JSON")
}
