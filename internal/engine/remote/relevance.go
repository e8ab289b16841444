package remote

import (
	"strconv"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
)

// relevance turns a full-text function into the query of its name. These are the index's own: they are exact.
func (c *conditions) relevance(name string, e *syntax.Call) (clause, bool) {
	query, many := map[string]string{
		"match": "match", "match_query": "match", "matchquery": "match", "match_phrase": "match_phrase", "matchphrase": "match_phrase",
		"matchphrasequery": "match_phrase", "match_phrase_prefix": "match_phrase_prefix", "match_bool_prefix": "match_bool_prefix",
	}[name], map[string]string{
		"multi_match": "multi_match", "multimatch": "multi_match", "multimatchquery": "multi_match",
		"simple_query_string": "simple_query_string", "query_string": "query_string",
	}[name]
	var args []syntax.Expr
	options := dsl{}
	for _, a := range e.Args {
		if a.Name == "" {
			args = append(args, a.X)
			continue
		}
		options[strings.ToLower(a.Name)] = optionValue(a.X)
	}
	if len(args) != 2 {
		return clause{}, false
	}
	l, ok := args[1].(*syntax.Literal)
	if !ok {
		return clause{}, false
	}
	words, isText := l.Value.(string)
	if !isText {
		return clause{}, false
	}
	switch {
	case query != "":
		f := c.field(args[0])
		if f == nil || len(f.leaves) != 1 || f.leaves[0].inner || f.words != nil || (f.absent != nil || f.twin != nil) {
			return clause{}, false
		}
		options["query"] = words
		return clause{dsl{query: dsl{f.leaves[0].path: options}}, true}, true
	case many != "":
		paths, ok := c.fieldSet(args[0])
		if !ok {
			return clause{}, false
		}
		options["query"], options["fields"] = words, paths
		return clause{dsl{many: options}, true}, true
	}
	return clause{}, false
}

// fieldSet returns the index's names for a list of fields with weights.
func (c *conditions) fieldSet(e syntax.Expr) ([]string, bool) {
	set, ok := e.(*syntax.FieldSet)
	if !ok {
		if f := c.field(e); f != nil && len(f.leaves) == 1 {
			return []string{f.leaves[0].path}, true
		}
		return nil, false
	}
	var out []string
	for i, name := range set.Fields {
		weight := ""
		if i < len(set.Weights) && set.Weights[i] != "" {
			weight = "^" + set.Weights[i]
		}
		if strings.Contains(name, "*") && c.t.raw {
			out = append(out, name+weight)
			continue
		}
		f := c.t.field(name)
		if f == nil || c.hidden[name] || len(f.leaves) == 0 || f.words != nil {
			return nil, false
		}
		for _, l := range f.leaves {
			out = append(out, l.path+weight)
		}
	}
	return out, true
}

// optionValue is an option's value as JSON has it.
func optionValue(e syntax.Expr) any {
	l, ok := e.(*syntax.Literal)
	if !ok {
		return syntax.Print(e)
	}
	s, isText := l.Value.(string)
	if !isText {
		return l.Value
	}
	switch strings.ToLower(s) {
	case "true", "false":
		return strings.EqualFold(s, "true")
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n
	}
	return s
}
