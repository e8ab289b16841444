package ppl_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
)

func TestWhatIsWrittenIsReadBackAsTheSameText(t *testing.T) {
	for _, text := range []string{"", "it's", `a\b`, `\'`, `''`, `"`, "a|b", "line\nbreak", "é"} {
		q, err := ppl.Parse("source=t | where x = " + ppl.Quote(text))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		again, err := ppl.Parse("source=t | where x = " + ppl.Quote(text) + " | where y = 1")
		if err != nil || len(q.Pipeline.Commands) != 2 || len(again.Pipeline.Commands) != 3 {
			t.Errorf("%q ends its literal early: %v", text, err)
		}
	}
}

func TestWithinKeepsOpenBoundsOpenAndNanosecondsWhole(t *testing.T) {
	at := time.Date(2026, 5, 27, 20, 20, 0, 5, time.FixedZone("", 7200))
	for want, got := range map[string]string{
		"":                                       ppl.Within("t", timerange.Range{}),
		"a = 1":                                  ppl.Within("t", timerange.Range{}, "", "a = 1"),
		"`t` >= '2026-05-27 18:20:00.000000005'": ppl.Within("t", timerange.Range{Start: at}),
		"`t` < '2026-05-27 18:20:00.000000005' and a = 1 and b = 2": ppl.Within("t", timerange.Range{End: at}, "a = 1", "b = 2"),
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestTheWordsOfAQueryHoldNoValueOutOfIt(t *testing.T) {
	const q = "search source=logs | where body = 'user|secret word' | stats count() by x"
	if d := cmp.Diff([]string{"source=logs", "where", "stats"}, ppl.Words(q)); d != "" {
		t.Error(d)
	}
	if got := ppl.Words("source=logs | where x = 'unclosed | secret"); got != nil {
		t.Errorf("of a text that is no query: %v", got)
	}
}
