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
	s := schemaOf(t, 0)
	s.Additional = false
	for _, p := range s.Properties {
		if p.Type == "" { // any or raw JSON: the two forms in which agents hand over what they were given
			p.AnyOf = []*schema{{Type: typeObject}, {Type: typeString}}
		}
	}
	return s
}

// outputSchema describes an output whole: open, since a later version may say more, and without descriptions, since names and
// the tool's description tell enough.
func outputSchema(t reflect.Type) *schema {
	s := schemaOf(t, 0)
	s.strip()
	return s
}

func (s *schema) strip() {
	s.Description = ""
	for _, p := range s.Properties {
		p.strip()
	}
	if s.Items != nil {
		s.Items.strip()
	}
	if inner, ok := s.Additional.(*schema); ok {
		inner.strip()
	}
}

// publishedDepth is how deep an output schema is told: the answer's members, and the members of what they hold. Every client
// reads every schema in every session, so what lies deeper is an object, and only the answer itself says what is required.
const publishedDepth = 2

// published returns the part of an output schema that is listed; depth is the number of objects around it.
func (s *schema) published(depth int) *schema {
	out := &schema{Type: s.Type, Enum: s.Enum, Format: s.Format, AnyOf: s.AnyOf}
	if depth == 0 {
		out.Required = s.Required
	}
	if s.Items != nil {
		out.Items = s.Items.published(depth)
	}
	if inner, ok := s.Additional.(*schema); ok {
		out.Additional = inner.published(depth + 1)
	}
	if depth < publishedDepth && s.Properties != nil {
		out.Properties = make(map[string]*schema, len(s.Properties))
		for n, p := range s.Properties {
			out.Properties[n] = p.published(depth + 1)
		}
	}
	return out
}

func schemaOf(t reflect.Type, depth int) *schema {
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
	case depth > maxSchemaDepth:
		return &schema{Type: typeObject}
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
		return &schema{Type: typeArray, Items: schemaOf(t.Elem(), depth+1)}
	case reflect.Map:
		return &schema{Type: typeObject, Additional: schemaOf(t.Elem(), depth+1)}
	case reflect.Struct:
		return structSchema(t, depth)
	default: // any
		return &schema{}
	}
}

func structSchema(t reflect.Type, depth int) *schema {
	s := &schema{Type: typeObject, Properties: map[string]*schema{}}
	for _, f := range fields(t) {
		p := schemaOf(f.typ, depth+1)
		p.Description = f.doc
		s.Properties[f.name] = p
		if f.required {
			s.Required = append(s.Required, f.name)
		}
	}
	slices.Sort(s.Required)
	return s
}

func enumOf(t reflect.Type) []string {
	e, _ := reflect.Zero(t).Interface().(Enum)
	return e.Enum()
}
