package tools

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Enum is implemented by string types that take a few values only. The first value is what a reader should think of first.
type Enum interface {
	Enum() []string
}

// schema is the subset of JSON Schema that every client understands: no references, no unions, no bare booleans.
type schema struct {
	Type        string             `json:"type,omitempty"`
	Description string             `json:"description,omitempty"`
	Enum        []string           `json:"enum,omitempty"`
	Format      string             `json:"format,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	AnyOf       []*schema          `json:"anyOf,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Required    []string           `json:"required,omitempty"`
	// Additional is false for inputs (unknown arguments are refused) and a schema for maps.
	Additional any `json:"additionalProperties,omitempty"`
}

// The names of JSON Schema's types.
const (
	typeObject  = "object"
	typeArray   = "array"
	typeString  = "string"
	typeInteger = "integer"
	typeNumber  = "number"
	typeBoolean = "boolean"
)

// maxSchemaDepth ends recursive types; deeper parts are objects of any shape.
const maxSchemaDepth = 8

var (
	timeType = reflect.TypeFor[time.Time]()
	enumType = reflect.TypeFor[Enum]()
	rawType  = reflect.TypeFor[json.RawMessage]()
)

// field is one JSON member of a struct.
type field struct {
	name     string
	doc      string
	required bool
	index    []int
	typ      reflect.Type
}

// fields lists the JSON members of a struct type in order; embedded structs are flattened as encoding/json does.
func fields(t reflect.Type) []field {
	var out []field
	for _, f := range reflect.VisibleFields(t) {
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" || (f.Anonymous && name == "") {
			continue
		}
		if name == "" {
			name = f.Name
		}
		optional := strings.Contains(opts, "omitempty") || strings.Contains(opts, "omitzero") || f.Type.Kind() == reflect.Pointer
		out = append(out, field{name: name, doc: f.Tag.Get("jsonschema"), required: !optional, index: f.Index, typ: f.Type})
	}
	return out
}

// inputSchema describes an input struct: closed, with descriptions.
func inputSchema(t reflect.Type) *schema {
	s := describer{docs: true, required: true}.of(t, maxSchemaDepth)
	s.Additional = false
	for _, p := range s.Properties {
		if p.Type == "" { // any or raw JSON: the two forms in which agents hand over what they were given
			p.AnyOf = []*schema{{Type: typeObject}, {Type: typeString}}
		}
	}
	return s
}

// outputSchema describes an output whole, for filling in what a value leaves out.
func outputSchema(t reflect.Type) *schema { return describer{}.of(t, maxSchemaDepth) }

// describer writes schemas of types, with what a reader needs of them.
type describer struct{ docs, required bool }

// of describes a type; levels is how many objects deep it may go. Deeper ones are objects of any shape, which ends recursive types.
func (d describer) of(t reflect.Type, levels int) *schema {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == timeType:
		return &schema{Type: typeString, Format: "date-time"}
	case t == rawType:
		return &schema{}
	case t.Implements(enumType):
		return &schema{Type: typeString, Enum: enumOf(t)}
	}
	switch t.Kind() {
	case reflect.Bool:
		return &schema{Type: typeBoolean}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return &schema{Type: typeInteger}
	case reflect.Float32, reflect.Float64:
		return &schema{Type: typeNumber}
	case reflect.String:
		return &schema{Type: typeString}
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Interface {
			return &schema{Type: typeArray} // of cells of any type; an empty schema for them is a bare boolean to some clients
		}
		return &schema{Type: typeArray, Items: d.of(t.Elem(), levels)}
	case reflect.Map:
		if levels == 0 {
			return &schema{Type: typeObject}
		}
		return &schema{Type: typeObject, Additional: d.of(t.Elem(), levels-1)}
	case reflect.Struct:
		return d.object(t, levels)
	default: // any
		return &schema{}
	}
}

func (d describer) object(t reflect.Type, levels int) *schema {
	s := &schema{Type: typeObject}
	if levels == 0 {
		return s
	}
	members := fields(t)
	s.Properties = make(map[string]*schema, len(members))
	for _, f := range members {
		p := d.of(f.typ, levels-1)
		if d.docs {
			p.Description = f.doc
		}
		s.Properties[f.name] = p
	}
	if d.required {
		s.Required = requiredOf(members)
	}
	return s
}

func requiredOf(members []field) []string {
	var out []string
	for _, f := range members {
		if f.required {
			out = append(out, f.name)
		}
	}
	slices.Sort(out)
	return out
}

func enumOf(t reflect.Type) []string {
	e, _ := reflect.TypeAssert[Enum](reflect.Zero(t))
	return e.Enum()
}
