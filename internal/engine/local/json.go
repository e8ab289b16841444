package local

import (
	"encoding/json"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/record"
)

// appendJSON appends a record's value as JSON.
func appendJSON(b []byte, v any) []byte {
	switch x := v.(type) {
	case record.JSON:
		return append(b, x...)
	case time.Time:
		v = timeText(x)
	}
	text, err := json.Marshal(v)
	if err != nil { // a number that JSON does not know
		return append(b, "null"...)
	}
	return append(b, text...)
}
