// Package strict decodes JSON request bodies so that there is exactly one way
// to read them.
//
// The standard decoder folds the case of keys, lets the last of two equal keys
// win, ignores keys that it does not know and replaces broken text. Each of
// these lets a filter in front of the engine read another request than the one
// that is executed. Here they are errors that name the key's path, and so are
// trailing bytes, invalid UTF-8, unpaired surrogates, NUL characters, numbers
// that do not fit their field, and arrays of the wrong length. Bytes, depth and
// the number of values are capped, so that a body can not cost more memory than
// its size suggests.
//
// Whatever Decode accepts, encoding/json decodes to the same value; the fuzz
// target holds the package to that.
package strict
