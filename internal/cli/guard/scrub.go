package guard

import "reflect"

// Scrub makes every string that v leads to a [Cell]: fields, elements, map
// keys and values. v is a pointer to a decoded answer of the API; what it
// leads to is changed in place, maps are replaced.
func Scrub(v any) { scrub(reflect.ValueOf(v)) }

func scrub(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return
		}
		if v.Kind() == reflect.Interface {
			scrubInterface(v)
			return
		}
		scrub(v.Elem())
	case reflect.Struct:
		for _, field := range v.Fields() {
			if field.CanSet() {
				scrub(field)
			}
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return
		}
		for i := range v.Len() {
			scrub(v.Index(i))
		}
	case reflect.Map:
		scrubMap(v)
	case reflect.String:
		if v.CanSet() {
			v.SetString(Cell(v.String()))
		}
	}
}

// scrubInterface scrubs a copy of what an interface holds, which cannot be
// changed in place.
func scrubInterface(v reflect.Value) {
	if !v.CanSet() {
		return
	}
	held := reflect.New(v.Elem().Type()).Elem()
	held.Set(v.Elem())
	scrub(held)
	v.Set(held)
}

func scrubMap(v reflect.Value) {
	if v.IsNil() || !v.CanSet() {
		return
	}
	fresh := reflect.MakeMapWithSize(v.Type(), v.Len())
	for iter := v.MapRange(); iter.Next(); {
		key := reflect.New(v.Type().Key()).Elem()
		key.Set(iter.Key())
		scrub(key)
		value := reflect.New(v.Type().Elem()).Elem()
		value.Set(iter.Value())
		scrub(value)
		fresh.SetMapIndex(key, value)
	}
	v.Set(fresh)
}
