package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/bailey-run/bailey/internal/image/hostile"
)

// maxNesting is how deep a document may nest. Configurations of real images nest 6 deep.
const maxNesting = 48

// Decode reads one JSON document into v, a pointer to a struct, map or slice, and refuses what readers understand in different
// ways: a key given twice, a key that differs from a known one only in its letters' case (encoding/json would take it), text
// that is not UTF-8, data after the end. Unknown keys are allowed, as the image specification demands.
func Decode(what string, data []byte, v any) error {
	if !utf8.Valid(data) {
		return hostile.Refuse("json-not-utf8", what, "it is not UTF-8 text")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	w := walker{d: d, path: []string{what}}
	if err := w.value(reflect.TypeOf(v).Elem()); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return hostile.Refuse("json-trailing", what, "there is more data after the end of the document")
	}
	if err := json.Unmarshal(data, v); err != nil {
		return hostile.Refuse("json-type", what, "a value has the wrong type: %v", err)
	}
	return nil
}

// walker goes through a document beside the Go type that it is for.
type walker struct {
	d *json.Decoder
	// path is where it is; it is put together only for an error, because keys can be long.
	path []string
}

// refuse makes an error about the place where the walker is.
func (w *walker) refuse(class, format string, args ...any) error {
	return hostile.Refuse(class, strings.Join(w.path, "."), format, args...)
}

// token reads the next token.
func (w *walker) token() (json.Token, error) {
	token, err := w.d.Token()
	if err != nil {
		return nil, w.refuse("json-malformed", "it is not valid JSON: %v", err)
	}
	return token, nil
}

// value checks the next value; t may be nil for "anything".
func (w *walker) value(t reflect.Type) error {
	if len(w.path) > maxNesting {
		return w.refuse("json-too-deep", "the document nests deeper than %d", maxNesting)
	}
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	token, err := w.token()
	if err != nil {
		return err
	}
	switch token {
	case json.Delim('{'):
		err = w.object(t)
	case json.Delim('['):
		err = w.array(t)
	default:
		return nil
	}
	if err == nil {
		_, err = w.token()
	}
	return err
}

// object checks the keys of an object and their values.
func (w *walker) object(t reflect.Type) error {
	seen := map[string]bool{}
	for w.d.More() {
		token, err := w.token()
		if err != nil {
			return err
		}
		key, _ := token.(string)
		w.path = append(w.path, key)
		if seen[key] {
			return w.refuse("json-duplicate-key", "the key is given twice; readers differ in which one counts")
		}
		seen[key] = true
		child, err := w.child(t, key)
		if err != nil {
			return err
		}
		if err := w.value(child); err != nil {
			return err
		}
		w.path = w.path[:len(w.path)-1]
	}
	return nil
}

// array checks the elements of an array.
func (w *walker) array(t reflect.Type) error {
	var child reflect.Type
	if t != nil && (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) {
		child = t.Elem()
	}
	w.path = append(w.path, "")
	for i := 0; w.d.More(); i++ {
		w.path[len(w.path)-1] = strconv.Itoa(i)
		if err := w.value(child); err != nil {
			return err
		}
	}
	w.path = w.path[:len(w.path)-1]
	return nil
}

// child is the Go type of the value under key; nil when t has no such field.
func (w *walker) child(t reflect.Type, key string) (reflect.Type, error) {
	switch {
	case t == nil:
		return nil, nil
	case t.Kind() == reflect.Map:
		return t.Elem(), nil
	case t.Kind() != reflect.Struct:
		return nil, nil
	}
	known := fields(t)
	if child, ok := known[key]; ok {
		return child, nil
	}
	for name := range known {
		if strings.EqualFold(name, key) {
			return nil, w.refuse("json-key-case", "the key is spelled %q; readers differ in whether they take this for it", name)
		}
	}
	return nil, nil
}

// fieldCache holds the result of fields by type.
var fieldCache sync.Map

// fields lists the JSON keys of a struct as encoding/json finds them: outer fields hide those of embedded structs.
func fields(t reflect.Type) map[string]reflect.Type {
	if known, ok := fieldCache.Load(t); ok {
		return known.(map[string]reflect.Type)
	}
	known := map[string]reflect.Type{}
	var embedded []reflect.Type
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported():
		case f.Anonymous && name == "":
			embedded = append(embedded, f.Type)
		case name == "":
			known[f.Name] = f.Type
		default:
			known[name] = f.Type
		}
	}
	for _, e := range embedded {
		for name, child := range fields(e) {
			if _, hidden := known[name]; !hidden {
				known[name] = child
			}
		}
	}
	fieldCache.Store(t, known)
	return known
}
