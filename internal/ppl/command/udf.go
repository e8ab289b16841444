package command

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/plumbline-mcp/plumbline/internal/ppl/brain"
	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
)

// UDFs returns the Go functions that compiled commands call; the engine registers them beside function.UDFs.
func UDFs() []function.UDF {
	return append(learners(), []function.UDF{
		{Name: "ppl_brain", In: []string{"VARCHAR[]", "BIGINT[]", "BIGINT", "DOUBLE"}, Out: "VARCHAR[]", Fn: brainPatterns},
		{Name: "ppl_pattern_number", In: []string{"VARCHAR"}, Out: "VARCHAR", Fn: func(args []any) (any, error) {
			p, _ := args[0].(string)
			return brain.Number(p), nil
		}},
		{Name: "ppl_graph", In: []string{"VARCHAR[]", "VARCHAR[]", "VARCHAR[]", "VARCHAR[]", "BIGINT", "BOOLEAN", "BOOLEAN", "VARCHAR"}, Out: "VARCHAR[]", Fn: graphWalks},
		{Name: "ppl_simple_pattern", In: []string{"VARCHAR"}, Out: "VARCHAR", Fn: simplePatternOf},
		{Name: "ppl_json_map", In: []string{"VARCHAR"}, Out: "VARCHAR", Fn: jsonMap},
		{Name: "ppl_pattern_tokens", In: []string{"VARCHAR", "VARCHAR[]"}, Out: "VARCHAR", Fn: patternTokens},
	}...)
}

func brainPatterns(args []any) (any, error) {
	list, _ := args[0].([]any)
	counts, _ := args[1].([]any)
	variable, _ := args[2].(int64)
	share, _ := args[3].(float64)
	messages, weights := texts(list), make([]int, len(counts))
	for i, n := range counts {
		k, ok := n.(int64)
		if !ok {
			return nil, fmt.Errorf("ppl_brain: count %d is no number", i)
		}
		weights[i] = int(k)
	}
	found := brain.Patterns(messages, weights, brain.Options{VariableCount: int(variable), Frequency: share})
	out := make([]any, len(found))
	for i, p := range found {
		out[i] = p
	}
	return out, nil
}

func texts(list []any) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i], _ = v.(string)
	}
	return out
}

// patternTokens returns {"<token1>": [values], ...} as JSON, in the order of the tokens.
func patternTokens(args []any) (any, error) {
	p, _ := args[0].(string)
	list, _ := args[1].([]any)
	var b bytes.Buffer
	b.WriteByte('{')
	for i, values := range brain.Values(p, texts(list)) {
		if i > 0 {
			b.WriteByte(',')
		}
		if values == nil {
			values = []string{}
		}
		j, err := json.Marshal(values)
		if err != nil {
			return nil, fmt.Errorf("ppl_pattern_tokens: %w", err)
		}
		b.WriteString(`"<token` + strconv.Itoa(i+1) + `>":`)
		b.Write(j)
	}
	b.WriteByte('}')
	return b.String(), nil
}
