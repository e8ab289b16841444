package function

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// maxJSONDepth bounds the nesting of JSON that functions take apart.
const maxJSONDepth = 256

// jsonObj is a JSON object that keeps the order of its keys. Values of a tree are *jsonObj, *jsonArr, json.Number, string,
// bool or nil.
type jsonObj struct {
	keys   []string
	values map[string]any
}

type jsonArr struct{ items []any }

// parseJSON reads one JSON value.
func parseJSON(text string) (any, error) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	v, err := readJSON(dec, 0)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("text after the JSON value")
	}
	return v, nil
}

func readJSON(dec *json.Decoder, depth int) (any, error) {
	if depth > maxJSONDepth {
		return nil, fmt.Errorf("JSON nested deeper than %d", maxJSONDepth)
	}
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch tok {
	case json.Delim('{'):
		obj := &jsonObj{values: map[string]any{}}
		for dec.More() {
			key, err := dec.Token()
			if err != nil {
				return nil, err
			}
			v, err := readJSON(dec, depth+1)
			if err != nil {
				return nil, err
			}
			if k, ok := key.(string); ok {
				obj.set(k, v)
			}
		}
		_, err = dec.Token()
		return obj, err
	case json.Delim('['):
		arr := &jsonArr{}
		for dec.More() {
			v, err := readJSON(dec, depth+1)
			if err != nil {
				return nil, err
			}
			arr.items = append(arr.items, v)
		}
		_, err = dec.Token()
		return arr, err
	}
	return tok, nil
}

func (o *jsonObj) set(key string, v any) {
	if _, ok := o.values[key]; !ok {
		o.keys = append(o.keys, key)
	}
	o.values[key] = v
}

func (o *jsonObj) remove(key string) {
	if _, ok := o.values[key]; ok {
		delete(o.values, key)
		o.keys = slices.DeleteFunc(o.keys, func(k string) bool { return k == key })
	}
}

// writeJSON writes a tree without blanks.
func writeJSON(b *bytes.Buffer, v any) {
	switch x := v.(type) {
	case *jsonObj:
		b.WriteByte('{')
		for i, k := range x.keys {
			if i > 0 {
				b.WriteByte(',')
			}
			writeJSON(b, k)
			b.WriteByte(':')
			writeJSON(b, x.values[k])
		}
		b.WriteByte('}')
	case *jsonArr:
		b.WriteByte('[')
		for i, e := range x.items {
			if i > 0 {
				b.WriteByte(',')
			}
			writeJSON(b, e)
		}
		b.WriteByte(']')
	case json.Number:
		b.WriteString(x.String())
	case string:
		var s bytes.Buffer
		enc := json.NewEncoder(&s)
		enc.SetEscapeHTML(false)
		_ = enc.Encode(x) // a string always encodes
		b.Write(bytes.TrimRight(s.Bytes(), "\n"))
	case bool:
		b.WriteString(strconv.FormatBool(x))
	default:
		b.WriteString("null")
	}
}

func jsonString(v any) string {
	var b bytes.Buffer
	writeJSON(&b, v)
	return b.String()
}

// step is one step of a path: a key, an index, or all elements.
type step struct {
	key   string
	index int // -1 = none
	all   bool
}

// parsePath reads a path such as a.b{0}.c{}; a leading $ and brackets instead of braces are allowed.
func parsePath(path string) ([]step, error) {
	rest := strings.TrimPrefix(strings.TrimPrefix(path, "$"), ".")
	var steps []step
	for rest != "" {
		switch rest[0] {
		case '.':
			rest = rest[1:]
		case '{', '[':
			closing := map[byte]string{'{': "}", '[': "]"}[rest[0]]
			end := strings.Index(rest, closing)
			if end < 0 {
				return nil, fmt.Errorf("JSON path %s: Unmatched %c in input when converting json path", path, rest[0])
			}
			inner := strings.TrimSpace(rest[1:end])
			rest = rest[end+1:]
			if inner == "" || inner == "*" {
				steps = append(steps, step{index: -1, all: true})
				continue
			}
			n, err := strconv.Atoi(inner)
			if err != nil || n < 0 {
				steps = append(steps, step{key: strings.Trim(inner, `"'`), index: -1})
				continue
			}
			steps = append(steps, step{index: n})
		default:
			end := strings.IndexAny(rest, ".{[")
			if end < 0 {
				end = len(rest)
			}
			steps = append(steps, step{key: rest[:end], index: -1})
			rest = rest[end:]
		}
	}
	return steps, nil
}

// find returns the values at a path; several is true when the path has a wildcard.
func find(v any, steps []step) (found []any, several bool) {
	found = []any{v}
	for _, s := range steps {
		var next []any
		for _, v := range found {
			next = append(next, s.from(v)...)
		}
		found, several = next, several || s.all
	}
	return found, several
}

// from returns what one step reaches.
func (s step) from(v any) []any {
	switch x := v.(type) {
	case *jsonObj:
		if s.all || s.index >= 0 {
			return nil
		}
		if e, ok := x.values[s.key]; ok {
			return []any{e}
		}
	case *jsonArr:
		switch {
		case s.all:
			return x.items
		case s.index >= 0 && s.index < len(x.items):
			return x.items[s.index : s.index+1]
		}
	}
	return nil
}
