package remote

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// property is one field of a mapping, as far as queries need to know.
type property struct {
	Type        string               `json:"type,omitempty"`
	Properties  map[string]*property `json:"properties,omitempty"`
	Fields      map[string]*property `json:"fields,omitempty"`
	Format      string               `json:"format,omitempty"`
	Path        string               `json:"path,omitempty"`
	Enabled     *bool                `json:"enabled,omitempty"`
	Index       *bool                `json:"index,omitempty"`
	DocValues   *bool                `json:"doc_values,omitempty"`
	IgnoreAbove int                  `json:"ignore_above,omitempty"`
	Normalizer  string               `json:"normalizer,omitempty"`
	Analyzer    string               `json:"analyzer,omitempty"`
	NullValue   any                  `json:"null_value,omitempty"`

	conflict bool   // the indices of the table do not agree about it
	narrow   string // of whole numbers the least type that an index has
	mixed    string // what a conflict is between, if it can still be asked: "time" (date and date_nanos), "text" (keyword and text)
}

// mappingTop is the mapping of one index.
type mappingTop struct {
	property
	DateDetection *bool `json:"date_detection,omitempty"`
}

// mapping is what the mappings of a table's indices say together.
type mapping struct {
	top     mappingTop
	indices []string
	leaves  map[string]*leaf
}

// leaf is a field that holds values, with what of it the index can be asked.
type leaf struct {
	path  string
	prop  *property
	exact string // the path that holds whole values: itself, or a keyword subfield; "" if there is none
	above int    // longer values are not indexed under exact; 0 = all are
	inner bool   // inside a nested object or an array that the index keeps apart
}

// parseMappings reads the answer of GET INDEX/_mapping.
func parseMappings(body []byte) (*mapping, error) {
	var byIndex map[string]struct {
		Mappings mappingTop `json:"mappings"`
	}
	if err := json.Unmarshal(body, &byIndex); err != nil {
		return nil, fmt.Errorf("read mappings: %w", err)
	}
	m := &mapping{indices: slices.Sorted(maps.Keys(byIndex))}
	for i, name := range m.indices {
		t := byIndex[name].Mappings
		if i == 0 {
			m.top = t
			continue
		}
		m.top.merge(&t.property)
		if t.DateDetection == nil || *t.DateDetection {
			m.top.DateDetection = nil
		}
	}
	m.index()
	return m, nil
}

// merge unites the fields of two indices. A field that they type differently gets a type that holds both and is not pushed down.
func (p *property) merge(o *property) {
	switch {
	case p.Type == o.Type:
	case wholeNumber(p.Type) && wholeNumber(o.Type):
		p.narrow = narrower(cmp.Or(p.narrow, p.Type), cmp.Or(o.narrow, o.Type))
		p.Type = "long"
	default:
		mixed := mixture(p, o)
		p.Type, p.conflict, p.mixed = wider(p.Type, o.Type), true, mixed
	}
	if o.mixed != p.mixed && o.conflict {
		p.mixed = ""
	}
	if p.Format != o.Format {
		p.Format, p.conflict, p.mixed = joined(p.Format, o.Format), true, ""
	}
	differ := p.Normalizer != o.Normalizer || p.Analyzer != o.Analyzer || off(p.Index) != off(o.Index) || off(p.DocValues) != off(o.DocValues) ||
		p.NullValue != nil || o.NullValue != nil || off(p.Enabled) != off(o.Enabled) || p.Path != o.Path
	if differ {
		p.conflict, p.mixed = true, ""
	}
	if o.IgnoreAbove > 0 && (p.IgnoreAbove == 0 || o.IgnoreAbove < p.IgnoreAbove) {
		p.IgnoreAbove = o.IgnoreAbove
	}
	if p.mixed == "text" { // the keyword of the one is the field of the other
		if len(p.Fields) == 0 {
			p.Fields = o.Fields
		}
		return
	}
	for name, sub := range p.Fields { // a subfield that some indices lack cannot stand for the field
		if o.Fields[name] == nil {
			delete(p.Fields, name)
			continue
		}
		sub.merge(o.Fields[name])
	}
	for name, sub := range o.Properties {
		if p.Properties[name] == nil {
			if p.Properties == nil {
				p.Properties = map[string]*property{}
			}
			p.Properties[name] = sub
			continue
		}
		p.Properties[name].merge(sub)
	}
}

func narrower(a, b string) string {
	for _, t := range []string{"byte", "short", "integer"} {
		if a == t || b == t {
			return t
		}
	}
	return "long"
}

// mixture names a difference of types that a search can still be asked about.
func mixture(p, o *property) string {
	is := func(a, b string) bool { return p.Type == a && o.Type == b || p.Type == b && o.Type == a }
	plain := func(p *property) bool {
		return p.Normalizer == "" && p.NullValue == nil && !off(p.Index) && (p.Type == "keyword" || p.Fields["keyword"] != nil)
	}
	switch {
	case p.conflict && p.mixed == "":
		return ""
	case is("date", "date_nanos"):
		return "time"
	case is("keyword", "text") && plain(p) && plain(o):
		return "text"
	}
	return ""
}

func off(b *bool) bool { return b != nil && !*b }

func joined(a, b string) string {
	const usual = "strict_date_optional_time||epoch_millis"
	if a == "" {
		a = usual
	}
	if b == "" {
		b = usual
	}
	return a + "||" + b
}

// wider is a type that holds the values of both.
func wider(a, b string) string {
	number := func(t string) bool { return wholeNumber(t) || t == "double" || inexactNumber(t) }
	switch {
	case wholeNumber(a) && wholeNumber(b):
		return "long"
	case number(a) && number(b):
		return "double"
	case a == "date" && b == "date_nanos", a == "date_nanos" && b == "date":
		return "date_nanos"
	case a == "" || b == "" || a == "object" || b == "object":
		return "object"
	case isText(a) || isText(b):
		return "text"
	}
	return "keyword"
}

func wholeNumber(t string) bool {
	return t == "long" || t == "integer" || t == "short" || t == "byte"
}

// inexactNumber names the number types whose index does not hold what the document says.
func inexactNumber(t string) bool {
	return t == "float" || t == "half_float" || t == "scaled_float" || t == "unsigned_long"
}

func isText(t string) bool {
	return t == "text" || t == "match_only_text" || t == "annotated_text" || t == "search_as_you_type"
}

// index lists the leaves.
func (m *mapping) index() {
	m.leaves = map[string]*leaf{}
	m.walk("", m.top.Properties, false)
	for path, l := range m.leaves { // other names of a field
		if l.prop.Type != "alias" {
			continue
		}
		if to := m.leaves[l.prop.Path]; to != nil {
			m.leaves[path] = to
		} else {
			delete(m.leaves, path)
		}
	}
}

func (m *mapping) walk(prefix string, props map[string]*property, inner bool) {
	for name, p := range props {
		path := prefix + name
		switch p.Type {
		case "", "object":
			if !off(p.Enabled) {
				m.walk(path+".", p.Properties, inner)
			}
			if len(p.Properties) > 0 {
				continue
			}
			m.leaves[path] = &leaf{path: path, prop: p, inner: true}
			continue
		case "nested":
			m.leaves[path] = &leaf{path: path, prop: p, inner: true}
			m.walk(path+".", p.Properties, true)
			continue
		}
		l := &leaf{path: path, prop: p, inner: inner}
		l.exact, l.above = exactPath(path, p)
		m.leaves[path] = l
		for sub, f := range p.Fields {
			s := &leaf{path: path + "." + sub, prop: f, inner: inner}
			s.exact, s.above = exactPath(s.path, f)
			if f.conflict || p.conflict {
				s.exact = ""
			}
			m.leaves[s.path] = s
		}
	}
}

// exactPath returns where the whole values of a field can be asked for.
func exactPath(path string, p *property) (exact string, above int) {
	usable := func(p *property) bool {
		return !p.conflict && !off(p.Index) && !off(p.DocValues) && p.Normalizer == "" && p.NullValue == nil
	}
	if !usable(p) && !isText(p.Type) {
		return "", 0
	}
	if !isText(p.Type) {
		return path, p.IgnoreAbove
	}
	if p.conflict {
		return "", 0
	}
	for _, name := range slices.Sorted(maps.Keys(p.Fields)) {
		f := p.Fields[name]
		if f.Type == "keyword" && usable(f) && (exact == "" || f.IgnoreAbove == 0) {
			exact, above = path+"."+name, f.IgnoreAbove
		}
	}
	return exact, above
}

// names lists the paths of all leaves that are fields of documents, sorted.
func (m *mapping) names() []string {
	var out []string
	for path, l := range m.leaves {
		if l.path == path && !m.isSub(path) {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return out
}

func (m *mapping) isSub(path string) bool {
	parent, sub, ok := cutLast(path)
	if !ok {
		return false
	}
	p := m.leaves[parent]
	return p != nil && p.prop.Fields[sub] != nil
}

func cutLast(path string) (parent, last string, ok bool) {
	i := strings.LastIndexByte(path, '.')
	if i < 0 {
		return "", path, false
	}
	return path[:i], path[i+1:], true
}

// json writes the mapping as doctable reads it; with wanted, only the fields that lie on, above or below one of the paths.
func (m *mapping) json(wanted map[string]bool) []byte {
	top := m.top
	if wanted != nil {
		top.Properties = prune("", top.Properties, wanted)
	}
	out, err := json.Marshal(top)
	if err != nil {
		return []byte("{}") // cannot be: it was read from JSON
	}
	return out
}

func prune(prefix string, props map[string]*property, wanted map[string]bool) map[string]*property {
	out := map[string]*property{}
	for name, p := range props {
		path := prefix + name
		switch {
		case wanted[path] || p.Type == "alias":
			out[name] = p
		case len(p.Properties) > 0:
			if below := prune(path+".", p.Properties, wanted); len(below) > 0 {
				cut := *p
				cut.Properties = below
				out[name] = &cut
			}
		}
	}
	return out
}
