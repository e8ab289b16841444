package function

import (
	"encoding/json"
	"slices"
	"strconv"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// relevances are the full-text functions as tests: whether a document matches, without a score. Text fields match by word, as
// the standard analyzer cuts them; other fields match as a whole.
func relevances() []Func {
	const options = "[, operator=and|or, minimum_should_match=n, fuzziness=n]"
	return []Func{
		fn("match", "match(field, query"+options+")", "Whether a word of the query occurs in the field.", 2, 2, relevance("match"), "match_query", "matchquery"),
		fn("match_phrase", "match_phrase(field, query[, slop=n])", "Whether the words of the query occur in a row.", 2, 2, relevance("phrase"), "matchphrase", "matchphrasequery"),
		fn("match_phrase_prefix", "match_phrase_prefix(field, query[, slop=n])", "match_phrase where the last word may be the beginning of one.", 2, 2, relevance("phrase_prefix")),
		fn("match_bool_prefix", "match_bool_prefix(field, query"+options+")", "match where the last word may be the beginning of one.", 2, 2, relevance("bool_prefix")),
		fn("multi_match", "multi_match([field, ...], query"+options+")", "match over several fields.", 1, 2, relevance("match"), "multimatch", "multimatchquery"),
		fn("simple_query_string", "simple_query_string([field, ...], query[, default_operator=and|or])", "A query of words, \"phrases\", + | - and * over several fields.", 1, 2, relevance("query")),
		fn("query_string", "query_string([field, ...], query[, default_operator=and|or])", "A query of words, \"phrases\", AND OR NOT and * over several fields.", 1, 2, relevance("query")),
	}
}

// textQuery is a relevance query as it travels to the Go function, in JSON.
type textQuery struct {
	Mode    string `json:"mode"`
	Text    string `json:"text"`
	And     bool   `json:"and,omitempty"`
	Slop    int    `json:"slop,omitempty"`
	Fuzzy   string `json:"fuzzy,omitempty"`
	Minimum string `json:"minimum,omitempty"`
}

// knownOptions are the options that change what matches; the others change the score alone.
func knownOptions() []string {
	return []string{
		"operator", "default_operator", "slop", "fuzziness", "minimum_should_match", "boost", "analyzer", "max_expansions", "zero_terms_query",
		"flags", "type", "tie_breaker", "lenient", "analyze_wildcard", "auto_generate_synonyms_phrase_query", "cutoff_frequency",
		"fuzzy_transpositions", "fuzzy_max_expansions", "fuzzy_prefix_length", "prefix_length", "fuzzy_rewrite", "rewrite",
		"quote_field_suffix", "allow_leading_wildcard", "enable_position_increments", "escape", "max_determinized_states",
		"phrase_slop", "quote_analyzer", "time_zone", "default_field",
	}
}

// readOptions reads the options of a relevance function.
func readOptions(c *Call, q *textQuery) error {
	for name, value := range c.Options {
		if !slices.Contains(knownOptions(), name) {
			return fault.New(fault.InvalidQuery, "Parameter %s is invalid for %s function.", name, c.Name)
		}
		switch name {
		case "operator", "default_operator":
			q.And = len(value) > 0 && (value[0] == 'a' || value[0] == 'A')
		case "slop", "phrase_slop":
			n, err := strconv.Atoi(value)
			if err != nil || n < 0 {
				return fault.New(fault.InvalidQuery, "%s: %s must be a whole number", c.Name, name)
			}
			q.Slop = n
		case "fuzziness":
			q.Fuzzy = value
		case "minimum_should_match":
			q.Minimum = value
		}
	}
	return nil
}

func relevance(mode string) func(*Call) (Value, error) {
	return func(c *Call) (Value, error) {
		if len(c.Args) == 1 {
			return Value{}, fault.WithHint(fault.New(fault.Unsupported, "%s: no fields are named", c.Name),
				"Name the fields to search: %s(['body', 'message'], 'words').", c.Name)
		}
		text, ok := c.Args[1].text()
		if !ok {
			return Value{}, fault.New(fault.InvalidQuery, "%s: the query must be a string constant", c.Name)
		}
		q := textQuery{Mode: mode, Text: text}
		if err := readOptions(c, &q); err != nil {
			return Value{}, err
		}
		spec, err := json.Marshal(q)
		if err != nil {
			return Value{}, err
		}
		test := func(field string) string {
			return "coalesce(ppl_text_match(" + field + ", " + Quote(string(spec)) + "), false)"
		}
		field := c.Args[0]
		switch {
		case field.Type == rows.Array && !field.JSON:
			list := field.SQL
			if field.Elem != rows.String {
				list = "CAST(" + list + " AS VARCHAR[])"
			}
			return scalar(rows.Boolean, "(len(list_filter(%s, lambda f: %s)) > 0)", list, test("f")), nil
		case field.Type == rows.String && (field.Text || mode == "query"):
			return scalar(rows.Boolean, "%s", test(field.SQL)), nil
		}
		return scalar(rows.Boolean, "coalesce(%s = %s, false)", str(field), Quote(text)), nil
	}
}
