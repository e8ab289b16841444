package jsonscan_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/plumbline-mcp/plumbline/internal/record/jsonscan"
)

func scan(text string, depth int) (jsonscan.Value, error) {
	var s jsonscan.Scanner
	var v jsonscan.Value
	s.Reset([]byte(text), depth)
	err := s.Value(&v)
	if err == nil && s.Next() != 0 {
		err = jsonscan.ErrSyntax
	}
	return v, err
}

func TestStringsAreUnescaped(t *testing.T) {
	for text, want := range map[string]string{
		`""`: "", `"plain text, long enough for the quick way"`: "plain text, long enough for the quick way",
		`"a\"b\\c\/d\n\t\r\b\f"`: "a\"b\\c/d\n\t\r\b\f", `"\u00e9\u20ac"`: "é€", `"\ud83d\ude00"`: "😀", `"\ud83d"`: "\uFFFD", `"\ud83dx"`: "\uFFFDx",
		`"\ude00\u0041"`: "\uFFFDA", `"\u0000"`: "\uFFFD", "\"raw\ttab\"": "raw\ttab", `"1234567\"89"`: `1234567"89`,
	} {
		v, err := scan(text, 5)
		if err != nil || v.Kind != jsonscan.String || string(v.Text) != want {
			t.Errorf("%s: %q, %v", text, v.Text, err)
		}
	}
}

func TestNumbersFollowTheGrammar(t *testing.T) {
	for text, want := range map[string]jsonscan.Value{
		"0": {Kind: jsonscan.Int}, "-0": {Kind: jsonscan.Int}, "9223372036854775807": {Kind: jsonscan.Int, Int: 9223372036854775807},
		"-9223372036854775808": {Kind: jsonscan.Int, Int: -9223372036854775808}, "9223372036854775808": {Kind: jsonscan.Float, Float: 9223372036854775808},
		"1.5": {Kind: jsonscan.Float, Float: 1.5}, "-2E+3": {Kind: jsonscan.Float, Float: -2000},
	} {
		v, err := scan(text, 5)
		if err != nil || v.Kind != want.Kind || v.Int != want.Int || v.Float != want.Float || string(v.Text) != text {
			t.Errorf("%s: %+v, %v", text, v, err)
		}
	}
	for _, text := range []string{"01", "1.", ".5", "+1", "1e", "-", "0x1", "NaN", "Infinity", "1.e5"} {
		if v, err := scan(text, 5); err == nil {
			t.Errorf("%s is taken for %+v", text, v)
		}
	}
}

func TestTheEndIsToldFromAMistake(t *testing.T) {
	for text, want := range map[string]error{
		`{"a":`: jsonscan.ErrEnd, `{"a`: jsonscan.ErrEnd, `[1,`: jsonscan.ErrEnd, `"x\`: jsonscan.ErrEnd, `"\u00`: jsonscan.ErrEnd, "tru": jsonscan.ErrEnd, "": jsonscan.ErrEnd,
		`{"a" 1}`: jsonscan.ErrSyntax, `[1 2]`: jsonscan.ErrSyntax, `{,}`: jsonscan.ErrSyntax, `[1,]`: jsonscan.ErrSyntax, `"\q"`: jsonscan.ErrString, "nul!": jsonscan.ErrLiteral,
		"[[[[1]]]]": jsonscan.ErrDepth, `{"a":{"b":{"c":{}}}}`: jsonscan.ErrDepth,
	} {
		if _, err := scan(text, 3); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
}

func TestTheFinderFindsEndsInPieces(t *testing.T) {
	for text, want := range map[string]string{
		` {"a":"}\"","b":[1,{}]} rest`: ` {"a":"}\"","b":[1,{}]}`, `"a\\" x`: `"a\\"`, `12, 3`: `12`, `true]`: `true`, `[]{}`: `[]`,
	} {
		for step := 1; step < 6; step++ {
			var f jsonscan.Finder
			n, done := 0, false
			for at := 0; at < len(text) && !done; at += step {
				var k int
				k, done = f.Find([]byte(text[at:min(at+step, len(text))]))
				n = at + k
			}
			if !done || text[:n] != want {
				t.Errorf("%s by %d: %q", text, step, text[:n])
			}
		}
	}
}

func TestQuotingIsReadBack(t *testing.T) {
	for _, text := range []string{"", "plain", "a\"b\\c\n\t\r\x01\x1f", "é€😀"} {
		out := jsonscan.AppendQuoted(nil, []byte(text))
		var back string
		if err := json.Unmarshal(out, &back); err != nil || back != text {
			t.Errorf("%q -> %s -> %q, %v", text, out, back, err)
		}
	}
}

// FuzzValue compares with encoding/json: what it accepts we accept with the same meaning; what we accept beyond it is only raw
// control characters in strings and bytes that are no UTF-8.
func FuzzValue(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5,"x\u00e9",null,true]}`, `"\ud83d\ude00"`, `-1e-5`, `[[[]]]`, `{"a":{"a":1},"a":2}`, "\"\x01\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := scan(text, 50)
		valid := json.Valid([]byte(text))
		switch {
		case errors.Is(err, jsonscan.ErrDepth):
		case valid && err != nil:
			t.Fatalf("%q: valid, but %v", text, err)
		case !valid && err == nil && !strings.ContainsFunc(text, func(r rune) bool { return r < 0x20 }):
			t.Fatalf("%q: accepted as %+v", text, v)
		case valid && v.Kind == jsonscan.String && utf8.ValidString(text):
			var want string
			if err := json.Unmarshal([]byte(text), &want); err != nil || strings.ReplaceAll(want, "\x00", "\uFFFD") != string(v.Text) {
				t.Fatalf("%q: %q, want %q", text, v.Text, want)
			}
		case valid && (v.Kind == jsonscan.Int || v.Kind == jsonscan.Float):
			var want float64
			if err := json.Unmarshal([]byte(text), &want); err == nil && v.Kind == jsonscan.Float && v.Float != want {
				t.Fatalf("%q: %v, want %v", text, v.Float, want)
			}
		}
		var fd jsonscan.Finder
		if n, done := fd.Find([]byte(text)); done && n > len(text) {
			t.Fatalf("found %d of %d bytes", n, len(text))
		}
	})
}
