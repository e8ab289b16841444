package brain_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/ppl/brain"
)

func TestPatterns(t *testing.T) {
	opt := brain.Options{VariableCount: 3, Frequency: 0.3}
	tests := map[string]struct{ in, want []string }{
		"words that change at one place become a variable when there are many": {
			[]string{"user ann logged in", "user bob logged in", "user cid logged in"},
			[]string{"user <*> logged in", "user <*> logged in", "user <*> logged in"},
		},
		"a few different words are constants": {
			[]string{"state up now", "state down now"},
			[]string{"state up now", "state down now"},
		},
		"addresses, times and long numbers are masked in any message": {
			[]string{"10.0.0.1:80 at 2024-02-01 09:00:00 took 30000 ms as blk_-7017553867379051457"},
			[]string{"<*IP*> at <*DATETIME*> took <*> ms as blk_<*>"},
		},
		"a number between marks is masked, one between blanks is not": {
			[]string{"[7] retry 7 of 9"},
			[]string{"[<*>] retry 7 of 9"},
		},
		"an empty message has an empty pattern": {[]string{"", "  "}, []string{"", ""}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, brain.Patterns(tt.in, nil, opt)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestPatternsWithWeightsAreThoseOfTheRepeatedMessages(t *testing.T) {
	opt := brain.Options{VariableCount: 2, Frequency: 0.3}
	once := []string{"job a done", "job b done", "job a failed", "cache cleared"}
	weights := []int{3, 1, 2, 1}
	var repeated []string
	for i, m := range once {
		for range weights[i] {
			repeated = append(repeated, m)
		}
	}
	want := map[string]string{}
	for i, p := range brain.Patterns(repeated, nil, opt) {
		want[repeated[i]] = p
	}
	got := map[string]string{}
	for i, p := range brain.Patterns(once, weights, opt) {
		got[once[i]] = p
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestNumberedTokens(t *testing.T) {
	const pattern = "from <*IP*> took <*> ms"
	if got, want := brain.Number(pattern), "from <token1> took <token2> ms"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	got := brain.Values(pattern, []string{"from 10.0.0.1 took 5 ms", "something else", "from x took 6 ms"})
	if diff := cmp.Diff([][]string{{"10.0.0.1", "x"}, {"5", "6"}}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
