package strict

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"
)

// mode is how values of a type are decoded.
type mode uint8

const (
	byKind  mode = iota // by its kind
	byText              // a JSON string, through UnmarshalText
	byBytes             // any JSON, through UnmarshalJSON
)

// plan is what is known about a type, worked out once.
type plan struct {
	mode   mode
	fields map[string][]int // for a struct: key to index path, embedded structs included
	err    error            // the type can not be decoded; a mistake of the caller
}

var plans sync.Map // reflect.Type to *plan

var (
	textType = reflect.TypeFor[encoding.TextUnmarshaler]()
	jsonType = reflect.TypeFor[json.Unmarshaler]()
)

func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	p := &plan{}
	switch {
	case reflect.PointerTo(t).Implements(jsonType):
		p.mode = byBytes
	case reflect.PointerTo(t).Implements(textType):
		p.mode = byText
	case t.Kind() == reflect.Struct:
		p.fields = make(map[string][]int)
		p.err = p.collect(t, nil)
	}
	actual, _ := plans.LoadOrStore(t, p)
	return actual.(*plan)
}

// collect adds the fields of a struct; a field hides those of embedded structs.
func (p *plan) collect(t reflect.Type, prefix []int) error {
	var embedded []reflect.StructField
	for i := range t.NumField() {
		f := t.Field(i)
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-", !f.IsExported() && !f.Anonymous:
			continue
		case f.Anonymous && name == "":
			embedded = append(embedded, f)
			continue
		case strings.Contains(opts, "string"):
			return fmt.Errorf("strict: %s.%s: the option \"string\" is not supported", t, f.Name)
		}
		if name == "" {
			name = f.Name
		}
		if old, ok := p.fields[name]; ok {
			if len(old) <= len(prefix) {
				continue // hidden by a field of an outer struct
			}
			return fmt.Errorf("strict: %s: two fields are called %s", t, name)
		}
		p.fields[name] = append(append([]int(nil), prefix...), i)
	}
	for _, f := range embedded {
		et := f.Type
		if et.Kind() == reflect.Pointer {
			et = et.Elem()
		}
		if et.Kind() != reflect.Struct || !f.IsExported() {
			return fmt.Errorf("strict: %s: %s can not be embedded", t, f.Type)
		}
		if err := p.collect(et, append(append([]int(nil), prefix...), f.Index...)); err != nil {
			return err
		}
	}
	return nil
}

// field walks to a field, making embedded pointers on the way.
func field(v reflect.Value, index []int) reflect.Value {
	for _, i := range index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v
}
