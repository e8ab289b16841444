package doctable

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// property is one field of a mapping.
type property struct {
	Type       string          `json:"type"`
	Properties members         `json:"properties"`
	Fields     members         `json:"fields"`
	Format     string          `json:"format"`
	Path       string          `json:"path"`
	Enabled    *bool           `json:"enabled"`
	Dynamic    json.RawMessage `json:"dynamic"`
}

// members are the properties of an object in the order written.
type members []member

type member struct {
	name string
	property
}

// UnmarshalJSON keeps the order of the keys, which is the order of the columns.
func (m *members) UnmarshalJSON(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	if _, err := dec.Token(); err != nil {
		return err
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return err
		}
		name, ok := key.(string)
		if !ok {
			return errors.New("properties are no object")
		}
		var p property
		if err := dec.Decode(&p); err != nil {
			return fmt.Errorf("field %s: %w", name, err)
		}
		*m = append(*m, member{name, p})
	}
	return nil
}

// readMapping makes the nodes that the mapping names.
func (b *Builder) readMapping(data []byte) error {
	type top struct {
		Properties    members `json:"properties"`
		DateDetection *bool   `json:"date_detection"`
	}
	var m struct {
		top
		Mappings *top `json:"mappings"`
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return err
	}
	t := m.top
	if m.Mappings != nil {
		t = *m.Mappings
	}
	if t.DateDetection != nil {
		b.opt.KeepDates = !*t.DateDetection
	}
	return b.properties(b.root, t.Properties)
}

func (b *Builder) properties(n *node, props members) error {
	for i := range props {
		p := &props[i]
		child, ok := descend(n, []byte(p.name))
		if !ok {
			continue
		}
		if p.Type == "alias" {
			b.aliases = append(b.aliases, alias{child.path, p.Path})
			child.alias = true
			continue
		}
		f, err := newField(&p.property)
		if err != nil {
			return fmt.Errorf("field %s: %w", child.path, err)
		}
		child.field = f
		if f != nil && f.nested {
			child.isArray = true
		}
		for _, s := range p.Fields {
			if f != nil {
				f.subs = append(f.subs, s.name)
			}
		}
		if err := b.properties(child, p.Properties); err != nil {
			return err
		}
	}
	return nil
}

// newField reads a field's type; nil for a plain object with members.
func newField(p *property) (*field, error) {
	switch p.Type {
	case "", "object":
		if p.Enabled != nil && !*p.Enabled {
			return &field{kind: document, ppl: rows.Struct, opaque: true}, nil
		}
		if len(p.Properties) == 0 {
			return &field{kind: none, ppl: rows.Struct}, nil
		}
		return nil, nil
	case "nested":
		return &field{kind: document, ppl: rows.Array, opaque: true, nested: true}, nil
	case "flat_object", "flattened":
		return &field{kind: document, ppl: rows.Struct, opaque: true}, nil
	case "geo_point":
		return &field{kind: document, ppl: rows.GeoPoint, point: true}, nil
	case "date", "date_nanos":
		return dateField(p)
	case "ip":
		return &field{kind: text, ppl: rows.IP}, nil
	case "binary":
		return &field{kind: text, ppl: rows.Binary}, nil
	case "text", "match_only_text", "annotated_text", "search_as_you_type":
		return &field{kind: text, text: true}, nil
	}
	if k, ok := numberKinds()[p.Type]; ok {
		return &field{kind: k}, nil
	}
	return &field{kind: text}, nil
}

func numberKinds() map[string]kind {
	return map[string]kind{
		"boolean": boolean, "byte": int8s, "short": int16s, "integer": int32s, "long": int64s, "unsigned_long": int64s,
		"half_float": floats, "float": floats, "double": doubles, "scaled_float": doubles, "token_count": int32s,
	}
}

func dateField(p *property) (*field, error) {
	f := &field{kind: stamps}
	format := p.Format
	if format == "" {
		format = "strict_date_optional_time||epoch_millis"
	}
	hasDate, hasClock := false, false
	for part := range strings.SplitSeq(format, "||") {
		d, err := newDateFormat(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		hasDate, hasClock = hasDate || d.hasDate, hasClock || d.hasClock
		f.dates = append(f.dates, d)
	}
	switch {
	case hasDate && !hasClock:
		f.kind = dates
	case hasClock && !hasDate:
		f.kind = times
	case p.Type == "date_nanos":
		f.kind = nanos
	}
	return f, nil
}
