package replay

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strings"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// cell turns a value of the driver into one of an Answer; t is the type of its column.
func cell(v any, t rows.Type) any {
	switch x := v.(type) {
	case nil, bool:
		return x
	case string:
		return textCell(x, t)
	case []byte:
		return textCell(string(x), t)
	case time.Time:
		return timeCell(x, t)
	case float64:
		return floatCell(x)
	case float32:
		return floatCell(float64(x))
	case duckdb.Decimal:
		return json.Number(x.String())
	case *big.Int:
		return json.Number(x.String())
	case duckdb.Interval:
		return fmt.Sprint(x)
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = cell(e, "")
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, e := range x {
			out[k] = cell(e, "")
		}
		return out
	}
	return json.Number(fmt.Sprint(v))
}

// textCell reads JSON text of structured columns.
func textCell(s string, t rows.Type) any {
	switch t {
	case rows.Array, rows.Struct, rows.GeoPoint:
		dec := json.NewDecoder(strings.NewReader(s))
		dec.UseNumber()
		var v any
		if dec.Decode(&v) == nil {
			return normalise(v)
		}
	default:
	}
	return s
}

func floatCell(x float64) any {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return fmt.Sprint(x)
	}
	return json.Number(fmt.Sprint(x))
}

// timeCell shows a time as PPL does.
func timeCell(t time.Time, typ rows.Type) string {
	layout := "2006-01-02 15:04:05.999999999"
	switch {
	case typ == rows.Date:
		layout = time.DateOnly
	case typ == rows.Time:
		layout = "15:04:05.999999999"
	case typ == "" && t.Year() == 1: // a bare TIME inside a list
		layout = "15:04:05.999999999"
	}
	return t.UTC().Format(layout)
}
