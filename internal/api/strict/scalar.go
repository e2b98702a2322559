package strict

import (
	"reflect"
	"strconv"
)

// mismatch is the error for a value of the wrong JSON type.
func (d *decoder) mismatch(v reflect.Value, got string) error {
	want := "another type"
	switch v.Kind() {
	case reflect.Struct, reflect.Map:
		want = "an object"
	case reflect.Slice, reflect.Array:
		want = "an array"
	case reflect.String:
		want = "a string"
	case reflect.Bool:
		want = "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		want = "a number"
	}
	return d.fail("%s is expected, not %s", want, got)
}

func (d *decoder) stringValue(v reflect.Value) error {
	if v.Kind() != reflect.String {
		return d.mismatch(v, "a string")
	}
	s, err := d.text()
	if err != nil {
		return err
	}
	v.SetString(s)
	return nil
}

func (d *decoder) boolean(v reflect.Value, c byte) error {
	word := "false"
	if c == 't' {
		word = "true"
	}
	if err := d.literal(word); err != nil {
		return err
	}
	if v.Kind() != reflect.Bool {
		return d.mismatch(v, word)
	}
	v.SetBool(c == 't')
	return nil
}

func (d *decoder) numeric(v reflect.Value) error {
	lit, err := d.number()
	if err != nil {
		return err
	}
	switch v.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(lit, 10, v.Type().Bits())
		if err != nil {
			return d.fail("%s is not a whole number of %d bits", shown(lit), v.Type().Bits())
		}
		v.SetInt(n)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(lit, 10, v.Type().Bits())
		if err != nil {
			return d.fail("%s is not a whole number of %d bits, 0 or more", shown(lit), v.Type().Bits())
		}
		v.SetUint(n)
	case reflect.Float32, reflect.Float64:
		n, err := strconv.ParseFloat(lit, v.Type().Bits())
		if err != nil {
			return d.fail("%s is out of range", shown(lit))
		}
		v.SetFloat(n)
	default:
		return d.mismatch(v, "a number")
	}
	return nil
}

// untyped decodes into an any, with the same types that encoding/json uses.
func (d *decoder) untyped(v reflect.Value, c byte) error {
	var out reflect.Value
	switch c {
	case 'n':
		return d.literal("null")
	case '{':
		out = reflect.New(reflect.TypeFor[map[string]any]()).Elem()
	case '[':
		out = reflect.New(reflect.TypeFor[[]any]()).Elem()
	case '"':
		out = reflect.New(reflect.TypeFor[string]()).Elem()
	case 't', 'f':
		out = reflect.New(reflect.TypeFor[bool]()).Elem()
	default:
		out = reflect.New(reflect.TypeFor[float64]()).Elem()
	}
	if err := d.value(out); err != nil {
		return err
	}
	v.Set(out)
	return nil
}
