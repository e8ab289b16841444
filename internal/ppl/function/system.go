package function

import (
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/rows"
)

func systems() []Func {
	return []Func{
		fn("typeof", "typeof(x)", "The name of x's type.", 1, 1, func(c *Call) (Value, error) {
			return Literal(typeName(c.Args[0].Type)), nil
		}),
	}
}

// typeName is the type as typeof writes it.
func typeName(t rows.Type) string {
	switch t {
	case rows.Undefined:
		return "UNDEFINED"
	default:
		return strings.ToUpper(string(t))
	}
}
