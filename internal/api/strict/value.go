package strict

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
)

// value decodes the next value into v, which is settable and zero.
func (d *decoder) value(v reflect.Value) error {
	if d.values++; d.values > d.opts.MaxValues {
		return d.fail("it holds more than %d values", d.opts.MaxValues)
	}
	c := d.peek()
	if c == 'n' {
		return d.literal("null") // v stays zero
	}
	for v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	if v.Kind() == reflect.Interface && v.NumMethod() == 0 {
		return d.untyped(v, c)
	}
	p := planOf(v.Type())
	switch {
	case p.err != nil:
		return p.err
	case p.mode == byBytes:
		return d.unmarshalJSON(v)
	case p.mode == byText:
		return d.unmarshalText(v, c)
	}
	switch c {
	case '{':
		return d.object(v, p)
	case '[':
		return d.array(v)
	case '"':
		return d.stringValue(v)
	case 't', 'f':
		return d.boolean(v, c)
	case 0:
		return d.fail("the JSON ends too early")
	default:
		return d.numeric(v)
	}
}

// enter begins an object or array.
func (d *decoder) enter() error {
	d.off++ // the bracket
	if d.depth++; d.depth > d.opts.MaxDepth {
		return d.fail("it nests deeper than %d levels", d.opts.MaxDepth)
	}
	return nil
}

// more stands before an element or key, or at the end of an object or array,
// and reports which. n is how many elements came before.
func (d *decoder) more(n int, end byte) (bool, error) {
	if d.peek() == end {
		d.off++
		d.depth--
		return false, nil
	}
	if n == 0 {
		return true, nil
	}
	if err := d.expect(','); err != nil {
		return false, err
	}
	if d.peek() == end {
		return false, d.fail("a comma stands before %q", end)
	}
	return true, nil
}

// key consumes a key and its colon.
func (d *decoder) key() (string, error) {
	name, err := d.text()
	if err != nil {
		return "", err
	}
	return name, d.expect(':')
}

func (d *decoder) object(v reflect.Value, p *plan) error {
	switch v.Kind() {
	case reflect.Struct:
		return d.structure(v, p)
	case reflect.Map:
		return d.mapping(v)
	default:
		return d.mismatch(v, "an object")
	}
}

func (d *decoder) structure(v reflect.Value, p *plan) error {
	if err := d.enter(); err != nil {
		return err
	}
	seen := make(map[string]struct{}, 8)
	for n := 0; ; n++ {
		more, err := d.more(n, '}')
		if !more || err != nil {
			return err
		}
		name, err := d.key()
		if err != nil {
			return err
		}
		d.path = append(d.path, step{name: name, index: -1})
		if _, twice := seen[name]; twice {
			return d.fail("this key is given twice")
		}
		seen[name] = struct{}{}
		if index, ok := p.fields[name]; ok {
			err = d.value(field(v, index))
		} else {
			err = d.legacy(v.Type(), name, p)
		}
		if err != nil {
			return err
		}
		d.path = d.path[:len(d.path)-1]
	}
}

// legacy decodes a key that is no field, if there is a rule for it.
func (d *decoder) legacy(t reflect.Type, name string, p *plan) error {
	rule, ok := d.opts.Legacy[t][name]
	if !ok {
		for known := range p.fields {
			if strings.EqualFold(known, name) {
				return d.fail("this key is unknown; write it %q", known)
			}
		}
		return d.fail("this key is unknown")
	}
	var value any
	if err := d.value(reflect.ValueOf(&value).Elem()); err != nil {
		return err
	}
	if !rule.Accept(value) {
		return d.fail("this value is not supported: %s", rule.Why)
	}
	return nil
}

func (d *decoder) mapping(v reflect.Value) error {
	if err := d.enter(); err != nil {
		return err
	}
	v.Set(reflect.MakeMap(v.Type()))
	for n := 0; ; n++ {
		more, err := d.more(n, '}')
		if !more || err != nil {
			return err
		}
		name, err := d.key()
		if err != nil {
			return err
		}
		d.path = append(d.path, step{name: name, index: -1})
		key := reflect.New(v.Type().Key()).Elem()
		if err := d.mapKey(key, name); err != nil {
			return err
		}
		// Compared as decoded: "80" and "80/tcp" are one port.
		if v.MapIndex(key).IsValid() {
			return d.fail("this key is given twice")
		}
		elem := reflect.New(v.Type().Elem()).Elem()
		if err := d.value(elem); err != nil {
			return err
		}
		v.SetMapIndex(key, elem)
		d.path = d.path[:len(d.path)-1]
	}
}

func (d *decoder) mapKey(key reflect.Value, name string) error {
	if u, ok := key.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := u.UnmarshalText([]byte(name)); err != nil {
			return d.fail("this key is not valid (invalid JSON: %s)", strings.Trim(shown(err.Error()), `"`))
		}
		return nil
	}
	if key.Kind() != reflect.String {
		return d.fail("strict: keys of type %s are not supported", key.Type())
	}
	key.SetString(name)
	return nil
}

func (d *decoder) array(v reflect.Value) error {
	if v.Kind() != reflect.Slice && v.Kind() != reflect.Array || v.Type().Elem().Kind() == reflect.Uint8 {
		return d.mismatch(v, "an array")
	}
	if err := d.enter(); err != nil {
		return err
	}
	if v.Kind() == reflect.Slice {
		v.Set(reflect.MakeSlice(v.Type(), 0, 0)) // [] is not null
	}
	for n := 0; ; n++ {
		more, err := d.more(n, ']')
		if err != nil {
			return err
		}
		if v.Kind() == reflect.Array && more != (n < v.Len()) {
			return d.fail("exactly %d elements are expected", v.Len())
		}
		if !more {
			return nil
		}
		if v.Kind() == reflect.Slice {
			v.Grow(1)
			v.SetLen(n + 1)
		}
		d.path = append(d.path, step{index: n})
		if err := d.value(v.Index(n)); err != nil {
			return err
		}
		d.path = d.path[:len(d.path)-1]
	}
}

// unmarshalText decodes a string through the type's own method.
func (d *decoder) unmarshalText(v reflect.Value, c byte) error {
	if c != '"' {
		return d.fail("a string is expected")
	}
	s, err := d.text()
	if err != nil {
		return err
	}
	if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s)); err != nil {
		return d.fail("%s", shown(err.Error()))
	}
	return nil
}

// unmarshalJSON checks a value like any other and leaves its meaning to the type's own method.
func (d *decoder) unmarshalJSON(v reflect.Value) error {
	start := d.off
	var checked any
	if err := d.untyped(reflect.ValueOf(&checked).Elem(), d.peek()); err != nil {
		return err
	}
	if err := v.Addr().Interface().(json.Unmarshaler).UnmarshalJSON(d.data[start:d.off]); err != nil {
		return d.fail("%s", shown(err.Error()))
	}
	return nil
}
