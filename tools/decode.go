package tools

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// decode reads arguments into a struct. It is strict in names (an unknown one is refused with the valid ones) and lenient in
// forms that agents mix up: "42" for 42, "true" for true, one value for a list of one, the JSON text of an object or list for itself.
func decode(raw json.RawMessage, into any) error {
	v := reflect.ValueOf(into).Elem()
	if len(bytes.TrimSpace(raw)) == 0 {
		raw = json.RawMessage("{}")
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return fault.WithHint(fault.New(fault.InvalidArgument, "arguments: want a JSON object: %w", err), "The arguments are: %s.", strings.Join(names(v.Type()), ", "))
	}
	if err := decodeStruct(members, v, ""); err != nil {
		return err
	}
	if c, ok := into.(Validator); ok {
		return c.Validate()
	}
	return nil
}

func names(t reflect.Type) []string {
	var out []string
	for _, f := range fields(t) {
		out = append(out, f.name)
	}
	return out
}

func decodeStruct(members map[string]json.RawMessage, v reflect.Value, path string) error {
	known := fields(v.Type())
	for _, name := range slices.Sorted(mapKeys(members)) {
		if !slices.ContainsFunc(known, func(f field) bool { return f.name == name }) {
			return unknownArgument(path+name, name, names(v.Type()))
		}
	}
	for _, f := range known {
		raw, ok := members[f.name]
		if !ok || absent(raw, f) {
			if f.required {
				return fault.WithHint(fault.New(fault.InvalidArgument, "argument %q is missing", path+f.name), "%s: %s.", f.name, strings.TrimSuffix(f.doc, "."))
			}
			continue
		}
		if err := decodeValue(raw, v.FieldByIndex(f.index), path+f.name); err != nil {
			return err
		}
	}
	return nil
}

// absent tells a value that says nothing: null, and "" for an optional choice, which agents send for "no choice".
func absent(raw json.RawMessage, f field) bool {
	text := string(bytes.TrimSpace(raw))
	return text == "null" || (text == `""` && !f.required && f.typ.Implements(enumType))
}

func mapKeys(m map[string]json.RawMessage) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func unknownArgument(full, name string, valid []string) error {
	err := fault.New(fault.InvalidArgument, "unknown argument %q; valid arguments: %s", full, strings.Join(valid, ", "))
	if near := Nearest(name, valid); near != "" {
		return fault.WithHint(err, "Did you mean %q?", near)
	}
	return fault.WithHint(err, "Leave %q out.", full)
}

func decodeValue(raw json.RawMessage, v reflect.Value, path string) error {
	raw = bytes.TrimSpace(raw)
	if v.Kind() == reflect.Pointer {
		p := reflect.New(v.Type().Elem())
		if err := decodeValue(raw, p.Elem(), path); err != nil {
			return err
		}
		v.Set(p)
		return nil
	}
	if v.Kind() == reflect.Interface || v.Type() == rawType {
		decodeAny(raw, v)
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		return decodeString(raw, v, path)
	case reflect.Bool:
		b, err := strconv.ParseBool(unquote(raw))
		if err != nil {
			return wrongType(path, "true or false", raw)
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, ok := integer(unquote(raw))
		if !ok || v.OverflowInt(n) {
			return wrongType(path, "a whole number", raw)
		}
		v.SetInt(n)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, ok := integer(unquote(raw))
		if !ok || n < 0 || v.OverflowUint(uint64(n)) {
			return wrongType(path, "a whole number from 0", raw)
		}
		v.SetUint(uint64(n))
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(unquote(raw), 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return wrongType(path, "a number", raw)
		}
		v.SetFloat(f)
	case reflect.Slice:
		return decodeSlice(raw, v, path)
	case reflect.Struct:
		var members map[string]json.RawMessage
		if json.Unmarshal(embedded(raw), &members) != nil {
			return wrongType(path, "an object with "+strings.Join(names(v.Type()), ", "), raw)
		}
		return decodeStruct(members, v, path+".")
	default: // maps
		if json.Unmarshal(embedded(raw), v.Addr().Interface()) != nil {
			return wrongType(path, "an object", raw)
		}
	}
	return nil
}

// decodeAny takes what came: a document, also when it is written as a string, or text.
func decodeAny(raw json.RawMessage, v reflect.Value) {
	into := v.Addr().Interface()
	if json.Unmarshal(embedded(raw), into) == nil {
		return
	}
	if err := json.Unmarshal(raw, into); err != nil {
		v.SetZero() // not reached: raw is a value of a document that was read
	}
}

func decodeString(raw json.RawMessage, v reflect.Value, path string) error {
	if raw[0] == '{' || raw[0] == '[' {
		return wrongType(path, "text", raw)
	}
	s := unquote(raw)
	if e, ok := reflect.TypeAssert[Enum](v); ok && !slices.Contains(e.Enum(), s) {
		return fault.WithHint(fault.New(fault.InvalidArgument, "argument %q: %q is not one of %s", path, s, strings.Join(e.Enum(), ", ")),
			"Use one of: %s.", strings.Join(e.Enum(), ", "))
	}
	v.SetString(s)
	return nil
}

func decodeSlice(raw json.RawMessage, v reflect.Value, path string) error {
	items := []json.RawMessage{raw}
	if inner := embedded(raw); len(inner) > 0 && inner[0] == '[' {
		if json.Unmarshal(inner, &items) != nil {
			return wrongType(path, "a list", raw)
		}
	}
	out := reflect.MakeSlice(v.Type(), len(items), len(items))
	for i, it := range items {
		if err := decodeValue(it, out.Index(i), path+"["+strconv.Itoa(i)+"]"); err != nil {
			return err
		}
	}
	v.Set(out)
	return nil
}

// embedded returns the JSON inside a string that holds an object or a list, as some clients send nested arguments.
func embedded(raw json.RawMessage) json.RawMessage {
	if s := strings.TrimSpace(unquote(raw)); len(raw) > 0 && raw[0] == '"' && s != "" && (s[0] == '{' || s[0] == '[') {
		return json.RawMessage(s)
	}
	return raw
}

// unquote returns the text of a JSON string, or any other value as it is written.
func unquote(raw json.RawMessage) string {
	var s string
	if len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// integer reads whole numbers, also those written as 5.0 or 1e3.
func integer(s string) (int64, bool) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(f), true
}

// maxQuoted bounds what an error quotes of an argument.
const maxQuoted = 80

func wrongType(path, want string, raw json.RawMessage) error {
	got := string(raw)
	if len(got) > maxQuoted {
		got = strings.ToValidUTF8(got[:maxQuoted], "") + "…"
	}
	return fault.WithHint(fault.New(fault.InvalidArgument, "argument %q: want %s, got %s", path, want, got), "Call again with %s as %s.", path, want)
}

// Nearest returns the candidate most like name, or "" when none is near enough to be meant.
func Nearest(name string, candidates []string) string {
	best, bestDist := "", max(2, len(name)/3)+1
	for _, c := range candidates {
		d := distance(strings.ToLower(name), strings.ToLower(c))
		if name != "" && (strings.HasPrefix(c, name) || strings.HasPrefix(name, c)) {
			d = min(d, 1)
		}
		if d < bestDist {
			best, bestDist = c, d
		}
	}
	return best
}

// distance is the Levenshtein distance in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		prev := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			prev, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, prev+cost)
		}
	}
	return row[len(b)]
}
