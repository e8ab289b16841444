package function

import (
	"fmt"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

func jsonFuncs() []Func {
	return []Func{
		fn("json", "json(s)", "s if it is valid JSON, else null.", 1, 1, func(c *Call) (Value, error) {
			return scalar(rows.String, "(CASE WHEN json_valid(%[1]s) THEN %[1]s END)", str(c.Args[0])), nil
		}),
		fn("json_valid", "json_valid(s)", "Whether s is valid JSON.", 1, 1, func(c *Call) (Value, error) {
			return scalar(rows.Boolean, "coalesce(json_valid(%s), false)", str(c.Args[0])), nil
		}),
		fn("json_object", "json_object(key, value, ...)", "A JSON object.", 0, -1, jsonObject),
		fn("json_array", "json_array(value, ...)", "A JSON array.", 0, -1, jsonArray),
		fn("json_array_length", "json_array_length(json)", "How many elements; null if it is no array.", 1, 1, func(c *Call) (Value, error) {
			return scalar(rows.Int, "(CASE WHEN json_valid(%[1]s) THEN CASE WHEN json_type(%[1]s) = 'ARRAY' THEN CAST(json_array_length(%[1]s) AS INTEGER) END END)", str(c.Args[0])), nil
		}),
		fn("json_keys", "json_keys(json)", "The keys of an object as a JSON array.", 1, 1, func(c *Call) (Value, error) {
			return scalar(rows.String, "(CASE WHEN json_valid(%[1]s) THEN CASE WHEN json_type(%[1]s) = 'OBJECT' THEN CAST(to_json(json_keys(%[1]s)) AS VARCHAR) END END)", str(c.Args[0])), nil
		}),
		fn("json_extract", "json_extract(json, path, ...)", "The value at a path such as a.b{0}.c; {} stands for all elements; several paths give an array.", 2, -1, jsonExtract),
		fn("json_set", "json_set(json, path, value, ...)", "The JSON with the values set at the paths.", 3, -1, jsonChange("ppl_json_set")),
		fn("json_append", "json_append(json, path, value, ...)", "The JSON with the values added to the arrays at the paths.", 3, -1, jsonChange("ppl_json_append")),
		fn("json_extend", "json_extend(json, path, array, ...)", "The JSON with the arrays' elements added to the arrays at the paths.", 3, -1, jsonChange("ppl_json_extend")),
		fn("json_delete", "json_delete(json, path, ...)", "The JSON without the values at the paths.", 2, -1, jsonDelete),
	}
}

// jsonValue is v as SQL that json_object and json_array embed: text stays a JSON string even when it holds JSON.
func jsonValue(v Value) string {
	switch v.Type {
	case rows.Array, rows.Struct:
		if v.JSON {
			return "CAST(" + v.SQL + " AS JSON)"
		}
		return v.SQL
	case rows.Timestamp, rows.Date, rows.Time, rows.IP:
		return str(v)
	default:
	}
	return v.SQL
}

func jsonObject(c *Call) (Value, error) {
	if len(c.Args)%2 != 0 {
		return Value{}, fault.New(fault.InvalidQuery, "json_object: a key without a value; give pairs of key and value")
	}
	parts := make([]string, len(c.Args))
	for i, a := range c.Args {
		if i%2 == 0 {
			parts[i] = str(a)
			continue
		}
		parts[i] = jsonValue(a)
	}
	return scalar(rows.String, "CAST(json_object(%s) AS VARCHAR)", joinSQL(parts)), nil
}

func jsonArray(c *Call) (Value, error) {
	parts := make([]string, len(c.Args))
	for i, a := range c.Args {
		parts[i] = jsonValue(a)
	}
	return scalar(rows.String, "CAST(json_array(%s) AS VARCHAR)", joinSQL(parts)), nil
}

// JSONPath translates a constant PPL path without {} to DuckDB's form; ok is false when it has a wildcard or is malformed.
func JSONPath(path string) (out string, ok bool) {
	steps, err := parsePath(path)
	if err != nil {
		return "", false
	}
	var b strings.Builder
	b.WriteByte('$')
	for _, s := range steps {
		switch {
		case s.all:
			return "", false
		case s.index >= 0:
			fmt.Fprintf(&b, "[%d]", s.index)
		default:
			b.WriteString(`."` + strings.ReplaceAll(s.key, `"`, `\"`) + `"`)
		}
	}
	return b.String(), true
}

func jsonExtract(c *Call) (Value, error) {
	doc := str(c.Args[0])
	if len(c.Args) == 2 {
		if p, ok := c.Args[1].text(); ok {
			if native, ok := JSONPath(p); ok && !strings.Contains(p, `"`) {
				return scalar(rows.String, "(CASE WHEN json_valid(%[1]s) THEN json_extract_string(%[1]s, %[2]s) END)", doc, Quote(native)), nil
			}
		}
	}
	parts := []string{doc}
	for i := range c.Args[1:] {
		if p, ok := c.Args[i+1].text(); ok {
			if _, err := parsePath(p); err != nil {
				return Value{}, fault.WithCode(err, fault.InvalidQuery)
			}
		}
		parts = append(parts, str(c.Args[i+1]))
	}
	return scalar(rows.String, "ppl_json_extract(%s)", joinSQL(parts)), nil
}

// jsonChange compiles functions of a JSON text and pairs of path and value; values travel as JSON.
func jsonChange(udf string) func(*Call) (Value, error) {
	return func(c *Call) (Value, error) {
		if len(c.Args)%2 == 0 {
			return Value{}, fault.New(fault.InvalidQuery, "%s needs corresponding path and values", c.Name)
		}
		parts := []string{str(c.Args[0])}
		for i, a := range c.Args[1:] {
			if i%2 == 0 {
				parts = append(parts, str(a))
				continue
			}
			parts = append(parts, "CAST(to_json("+jsonValue(a)+") AS VARCHAR)")
		}
		return scalar(rows.String, "%s(%s)", udf, joinSQL(parts)), nil
	}
}

func jsonDelete(c *Call) (Value, error) {
	parts := make([]string, len(c.Args))
	for i, a := range c.Args {
		parts[i] = str(a)
	}
	return scalar(rows.String, "ppl_json_delete(%s)", joinSQL(parts)), nil
}
