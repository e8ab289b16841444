package replay_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/plumbline-mcp/plumbline/internal/ppl/suite/replay"
)

func num(s string) json.Number { return json.Number(s) }

func TestCellsAreComparedByTheRulesOfTheSuite(t *testing.T) {
	for _, tc := range []struct {
		name, form string
		want, got  any
		same       bool
	}{
		{"numbers within a millionth are equal", "json", num("1.0000001"), num("1"), true},
		{"numbers further apart are not", "json", num("1.00001"), num("1"), false},
		{"a number is not its text", "json", "1", num("1"), false},
		{"text is compared after trimming", "json", " a ", "a", true},
		{"null is not empty", "json", nil, "", false},
		{"arrays element by element", "json", []any{num("1"), "x"}, []any{num("1.0"), "x"}, true},
		{"structs by key", "json", map[string]any{"a": num("1")}, map[string]any{"a": num("2")}, false},
		{"a displayed number", "display", "28", num("28.0"), true},
		{"a displayed null", "display", "null", nil, true},
		{"displayed booleans are Python's", "display", "True", true, true},
		{"a displayed array", "display", "[a,b]", []any{"a", "b"}, true},
		{"a displayed array of numbers", "display", "[1,2.5]", []any{num("1.0"), num("2.5")}, true},
		{"a displayed struct", "display", "{'a': {'b': 10.5}, 'c': 'x'}", map[string]any{"a": map[string]any{"b": num("10.5")}, "c": "x"}, true},
		{"a displayed array of structs", "display", "[{'id': 1},{'id': 2}]", []any{map[string]any{"id": num("1")}, map[string]any{"id": num("2")}}, true},
		{"an ellipsis stands for anything", "display", "begin ... end", "begin middle end", true},
		{"a struct cut short shows its beginning", "display", "{'b': ['x', 'y'], 'a': ['p', 'q...", map[string]any{"a": []any{"p", "qr"}, "b": []any{"x", "y"}, "c": []any{}}, true},
		{"which must be right", "display", "{'b': ['x', 'z'], 'a': ['p', 'q...", map[string]any{"a": []any{"p", "qr"}, "b": []any{"x", "y"}}, false},
		{"but not for another ending", "display", "begin ... end", "begin middle", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := replay.Case{ValueForm: tc.form, Rows: [][]any{{tc.want}}}
			c.ExpectRows()
			diff := c.Check(&replay.Answer{Columns: []replay.Column{{Name: "x"}}, Rows: [][]any{{tc.got}}}, nil)
			if (diff == "") != tc.same {
				t.Errorf("got %q, want same = %v", diff, tc.same)
			}
		})
	}
}

func TestErrorsAreComparedByTheirText(t *testing.T) {
	refused := &replay.QueryError{Status: 400, Text: "400 Bad Request: Field [x] not found."}
	for _, tc := range []struct {
		name, origin, want string
		err                error
		same               bool
	}{
		{"a part of the text", "it", "not found", refused, true},
		{"another text", "it", "syntax", refused, false},
		{"no error", "it", "not found", nil, false},
		{"a pattern, in yaml cases", "yaml", `/Field \[.\] not/`, refused, true},
		{"bad_request is the status", "yaml", "bad_request", refused, true},
		{"our own fault is no refusal", "yaml", "bad_request", errors.New("bad SQL"), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := replay.Case{Origin: tc.origin, Error: tc.want}
			if diff := c.Check(&replay.Answer{}, tc.err); (diff == "") != tc.same {
				t.Errorf("got %q, want same = %v", diff, tc.same)
			}
		})
	}
}
