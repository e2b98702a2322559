package strict

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
)

// Limits that hold where [Options] says nothing.
const (
	// DefaultMaxBytes caps a body: 4 MiB.
	DefaultMaxBytes = 4 << 20
	// DefaultMaxDepth caps how deep objects and arrays may nest.
	DefaultMaxDepth = 32
	// DefaultMaxValues caps how many values a body may hold in all.
	DefaultMaxValues = 100_000
)

// Options bounds a decoding and says which old keys it puts up with. The zero
// value means the default limits and no old keys.
type Options struct {
	MaxBytes  int64
	MaxDepth  int
	MaxValues int
	Legacy    Legacy
}

// Legacy names, for the Go type that an object is decoded into, keys that are
// no longer (or never were) fields of it, and what clients may still send there.
type Legacy map[reflect.Type]map[string]Rule

// Rule is why an old key is put up with, and which values of it.
type Rule struct {
	// Accept reports whether a value, decoded as into an any, means nothing to the engine.
	Accept func(value any) bool
	// Why is shown to whoever sends another value.
	Why string
}

// Empty accepts null, false, 0, "", [] and {}.
func Empty(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case bool:
		return !v
	case float64:
		return v == 0
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

// Boolean accepts null, true and false.
func Boolean(value any) bool {
	_, ok := value.(bool)
	return ok || value == nil
}

// Decode reads one JSON value from r, all of r, into a new T. It fails with an
// [*Error] when the value is not what T can hold exactly, with a
// [*TooLargeError] when r holds too much, and with r's own error.
func Decode[T any](r io.Reader, o Options) (T, error) {
	var out T
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	var buf bytes.Buffer
	switch n, err := buf.ReadFrom(io.LimitReader(r, o.MaxBytes+1)); {
	case n > o.MaxBytes:
		return out, &TooLargeError{Limit: o.MaxBytes}
	case err != nil:
		return out, fmt.Errorf("read the request body: %w", err)
	}
	err := decodeInto(buf.Bytes(), reflect.ValueOf(&out).Elem(), o)
	if err != nil {
		var zero T // nothing of a refused body may be used
		return zero, inWords(buf.Bytes(), err)
	}
	return out, nil
}

// inWords adds to what is said of a body that is not JSON at all the words of the standard library: people know them, and tests
// of other engines look for them.
func inWords(data []byte, err error) error {
	var own *Error
	var syntax *json.SyntaxError
	if !errors.As(err, &own) || !errors.As(json.Unmarshal(data, new(json.RawMessage)), &syntax) || own.Reason == trailing || own.Reason == empty {
		return err
	}
	return &Error{Path: own.Path, Offset: own.Offset, Reason: own.Reason + " (invalid JSON: " + syntax.Error() + ")"}
}

// What is said of a body with nothing in it, and with more than one value.
const (
	empty    = "it is empty, a JSON object is expected (invalid JSON: EOF)"
	trailing = "unexpected content after JSON: there is more after the end of the JSON value"
)

// decodeInto decodes all of data into v, which is zero.
func decodeInto(data []byte, v reflect.Value, o Options) error {
	if o.MaxDepth <= 0 {
		o.MaxDepth = DefaultMaxDepth
	}
	if o.MaxValues <= 0 {
		o.MaxValues = DefaultMaxValues
	}
	d := &decoder{data: data, opts: o}
	d.space()
	if d.off == len(d.data) {
		return d.fail(empty)
	}
	if err := d.value(v); err != nil {
		return err
	}
	d.space()
	if d.off < len(d.data) {
		return d.fail(trailing)
	}
	return nil
}

// IsTooLarge reports whether err is about a body over its limit.
func IsTooLarge(err error) bool {
	var e *TooLargeError
	return errors.As(err, &e)
}
