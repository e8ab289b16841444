package command

import "github.com/plumbline-mcp/plumbline/internal/ppl/function"

// UDFs returns the Go functions that compiled commands call; the engine registers them beside function.UDFs.
func UDFs() []function.UDF { return nil }
