package local

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// converters returns, for each column, what makes a DuckDB cell one of the column's PPL type; nil where it is one already.
func converters(cols []rows.Column) []func(any) any {
	out := make([]func(any) any, len(cols))
	for i, c := range cols {
		switch {
		case c.Type == rows.Array || c.Type == rows.Struct || c.Type == rows.GeoPoint:
			out[i] = parsed
		case c.Type.Integer():
			out[i] = whole
		case c.Type == rows.Float || c.Type == rows.Double:
			out[i] = floating
		case c.Type == rows.String || c.Type == rows.Time || c.Type == rows.Interval || c.Type == rows.IP:
			out[i] = text
		}
	}
	return out
}

func whole(v any) any {
	if f, ok := v.(float64); ok && f == float64(int64(f)) {
		return int64(f)
	}
	return v
}

func floating(v any) any {
	if n, ok := v.(int64); ok {
		return float64(n)
	}
	return v
}

func text(v any) any {
	if _, ok := v.(string); ok {
		return v
	}
	return fmt.Sprint(v)
}

// parsed reads arrays and structs that are stored as JSON text; numbers become int64 where they are whole.
func parsed(v any) any {
	s, ok := v.(string)
	if !ok {
		return v
	}
	dec := json.NewDecoder(strings.NewReader(s))
	dec.UseNumber()
	var out any
	if dec.Decode(&out) != nil {
		return v // text that is no JSON is shown as it is
	}
	return numbers(out)
}

func numbers(v any) any {
	switch x := v.(type) {
	case json.Number:
		if n, err := x.Int64(); err == nil {
			return n
		}
		f, err := x.Float64()
		if err != nil {
			return x.String()
		}
		return f
	case []any:
		for i := range x {
			x[i] = numbers(x[i])
		}
	case map[string]any:
		for k := range x {
			x[k] = numbers(x[k])
		}
	}
	return v
}
