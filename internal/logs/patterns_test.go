package logs_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/logs"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
)

func find(tb testing.TB, eng engine.Engine, s logs.Scope, base *logs.Window) *logs.Patterns {
	tb.Helper()
	p, err := logs.FindPatterns(tb.Context(), eng, s, base)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// named returns the pattern whose template begins with the words.
func named(tb testing.TB, list []logs.Pattern, words string) logs.Pattern {
	tb.Helper()
	for _, p := range list {
		if strings.HasPrefix(p.Template, words) {
			return p
		}
	}
	tb.Fatalf("no template begins with %q in %d", words, len(list))
	return logs.Pattern{}
}

func TestPatternsCountEveryLineAndShowOne(t *testing.T) {
	var lines []line
	lines = append(lines, said(300, 0, 1, "INFO", "web", "handled request %d of /cart in 12 ms")...)
	lines = append(lines, said(40, 5, 7, "ERROR", "pay", "charge of card %d declined by bank")...)
	lines = append(lines, said(4, 9, 50, "WARN", "pay", "charge of card %d declined by bank")...)
	lines = append(lines, line{after(42), "FATAL", "db", "100% full: C:\\data_1 it's over <*> `now`"})
	p := find(t, open(t, lines), logs.Scope{}, nil)
	if p.Lines != 345 || p.Templates != 3 || !p.Window.Start.Equal(after(0)) || !p.Window.End.After(after(299)) || p.Baseline != nil {
		t.Errorf("%+v", p)
	}
	var total int64
	for _, x := range p.List {
		total += x.Count
	}
	if total != p.Lines {
		t.Errorf("the counts add up to %d of %d", total, p.Lines)
	}
	if got := []int64{p.List[0].Count, p.List[1].Count, p.List[2].Count}; !cmp.Equal(got, []int64{300, 44, 1}) {
		t.Errorf("most frequent first: %v", got)
	}
	card := named(t, p.List, "charge of card")
	want := logs.Example{Text: "charge of card 0 declined by bank", Time: after(5), File: "app.jsonl", Line: 301}
	if diff := cmp.Diff(want, card.Example); diff != "" {
		t.Error(diff)
	}
	if !card.First.Equal(after(5)) || !card.Last.Equal(after(278)) || card.Share != 0.127536 {
		t.Errorf("first %v, last %v, share %v", card.First, card.Last, card.Share)
	}
	if !maps.Equal(card.Severities, map[string]int64{"ERROR": 40, "WARN": 4}) || !cmp.Equal(card.Services, []string{"pay"}) {
		t.Errorf("%v %v", card.Severities, card.Services)
	}
}

func TestThePatternsQueryCountsItsLines(t *testing.T) {
	var lines []line
	for i, body := range []string{
		"handled request %d of /cart in 12 ms", "GET /api/v1/items/%d?page=2 200 15ms", "user_id=%d logged in from 10.0.0.1", "disk at 9%d%% of C:\\data\\vol_1",
		"it's %d o'clock", "{\"event\":\"paid\",\"id\":%d}", "  padded\t\ttext %d  ", "panic: %d\n\tat a.go:10\n\tat b.go:20", "level=error err=\"no route %d\" took=1.5s",
		"Ошибка %d соединения", "back`tick %d and 'quote'", "Item %d: <html> <b>", "100%% of [%d] {a,b} (c|d) ^x$ ?*+",
	} {
		lines = append(lines, said(12+i, float64(i), 3, "INFO", fmt.Sprintf("svc-%d", i%3), body)...)
	}
	lines = append(lines, said(9, 60, 1, "INFO", "svc-1", "dump %d "+strings.Repeat("of a long line, ", 60)+"end")...)
	lines = append(lines, said(6, 70, 1, "INFO", "svc-1", "dump %d "+strings.Repeat("of another long\tline; ", 60)+"end")...)
	eng := open(t, lines)
	for name, s := range map[string]logs.Scope{
		"of all lines":       {},
		"of a service":       {Service: "svc-1"},
		"of a window":        {Range: timerange.Range{Start: after(6), End: after(21)}},
		"under a condition":  {Where: "severityText = 'INFO' or serviceName = 'none'", Service: "svc-2"},
		"of another's table": {Table: "logs", Severity: "info"},
	} {
		t.Run(name, func(t *testing.T) {
			p := find(t, eng, s, nil)
			if len(p.List) == 0 || counted(t, eng, p.Query) != p.Lines {
				t.Errorf("%s counts %d, told %d", p.Query, counted(t, eng, p.Query), p.Lines)
			}
			for _, x := range p.List {
				if n := counted(t, eng, x.Query); n != x.Count {
					t.Errorf("%q (e.g. %q): told %d, its query counts %d: %s", x.Template, x.Example.Text, x.Count, n, x.Query)
				}
			}
		})
	}
}

// usual are ten things a service says with its traffic.
func usual() []string {
	return []string{
		"cart %d loaded", "searching for products, page %d of results", "GET /home 200 %d ms", "user logged in, session %d", "added item %d to basket",
		"price of order %d is final now", "recommendation list has %d entries", "cache hit, key number %d", "checkout began for visitor %d with one voucher", "mail %d sent",
	}
}

// shift is a recording of an hour: the second half has a third less traffic, one pattern that begins, one that ends, one that
// rises, one that falls, heartbeats by the clock, and a lone line.
func shift() []line {
	var lines []line
	for half, rate := range []float64{1.5, 1} {
		from, n := 1800*float64(half), int(1800*rate/3) // each of ten paths every two or three seconds
		for p := range 10 {
			lines = append(lines, every(n, from+float64(p)/10, 1800/float64(n), func(i int) (string, string, string) {
				return "INFO", "web", fmt.Sprintf(usual()[p], i)
			})...)
		}
		lines = append(lines, said(180, from+.5, 10, "INFO", "web", "heartbeat %d ok")...)
	}
	lines = append(lines, said(90, 1801, 20, "ERROR", "pay", "cannot reach bank: timeout after %d ms")...)
	lines = append(lines, said(90, 3, 19, "INFO", "pay", "bank answered in %d ms to us")...)
	lines = append(lines, said(30, 5, 60, "WARN", "db", "slow statement %d waited for lock")...)
	lines = append(lines, said(200, 1805, 8.9, "WARN", "db", "slow statement %d waited for lock")...)
	lines = append(lines, said(300, 7, 5.9, "DEBUG", "job", "job %d taken off queue")...)
	lines = append(lines, said(60, 1807, 29, "DEBUG", "job", "job %d taken off queue")...)
	return append(lines, line{after(1799.5), "INFO", "flags", "flag bank.v2 turned on by deploy"}, line{after(1802), "INFO", "flags", "configuration reloaded once"})
}

func TestADifferenceTellsWhatChangedBeyondTheTraffic(t *testing.T) {
	eng := open(t, shift())
	p := find(t, eng, logs.Scope{Range: timerange.Range{Start: after(1800)}}, &logs.Window{Start: after(0), End: after(1800)})
	for words, want := range map[string]logs.Change{
		"cannot reach bank": logs.New, "bank answered": logs.Gone, "slow statement": logs.Risen, "job": logs.Fallen,
		"heartbeat": logs.Steady, "searching": logs.Steady, "mail": logs.Steady, "configuration reloaded": logs.Steady,
	} {
		x := named(t, p.List, words)
		if x.Change != want {
			t.Errorf("%q: %s, want %s (%d, before %d, G %.1f, q %g)", x.Template, x.Change, want, x.Count, x.Baseline, x.G, x.Q)
		}
	}
	if p.Traffic < .6 || p.Traffic > .75 {
		t.Errorf("traffic %v, want about two thirds", p.Traffic)
	}
	if len(p.OneOffs) != 1 || p.OneOffs[0].Example.Text != "configuration reloaded once" || p.OneOffs[0].Example.File != "app.jsonl" {
		t.Errorf("one-offs of the window: %+v", p.OneOffs)
	}
	if p.List[0].Change != logs.New || p.List[1].Change != logs.Risen || p.List[2].Change != logs.Gone || p.List[3].Change != logs.Fallen || p.List[4].Change != logs.Steady {
		t.Errorf("the strongest first: %s %s %s %s %s", p.List[0].Change, p.List[1].Change, p.List[2].Change, p.List[3].Change, p.List[4].Change)
	}
	for _, x := range p.List {
		want := x.Count
		if want == 0 {
			want = x.Baseline // what is gone can only be shown where it was
		}
		if n := counted(t, eng, x.Query); n != want {
			t.Errorf("%q: told %d, its query counts %d", x.Template, want, n)
		}
	}
}

func TestLinesBetweenTheWindowsCountForNeither(t *testing.T) {
	eng := open(t, said(100, 0, 1, "INFO", "web", "request %d done"))
	p := find(t, eng, logs.Scope{Range: timerange.Range{Start: after(90), End: after(95)}}, &logs.Window{Start: after(10), End: after(30)})
	if p.Lines != 5 || p.BaselineLines != 20 || len(p.List) != 1 || p.List[0].Count != 5 || p.List[0].Baseline != 20 {
		t.Errorf("%d lines, baseline %d: %+v", p.Lines, p.BaselineLines, p.List)
	}
	if x := p.List[0]; !x.First.Equal(after(10)) || !x.Last.Equal(after(94)) || x.Change != logs.Steady {
		t.Errorf("%+v", x)
	}
}

func TestAWindowReachesNoFurtherThanItsData(t *testing.T) {
	// Ten minutes of data at one rate; asked is for a minute of baseline with data out of five, and an hour of window.
	eng := open(t, said(600, 0, 1, "INFO", "web", "request %d done"))
	p := find(t, eng, logs.Scope{Range: timerange.Range{Start: after(60), End: after(3660)}}, &logs.Window{Start: after(-240), End: after(60)})
	if x := p.List[0]; x.Change != logs.Steady || p.Window.Seconds() > 541 || !p.Baseline.Start.Equal(after(0)) {
		t.Errorf("%s in %v against %v", x.Change, p.Window, p.Baseline)
	}
	prev, err := logs.Previous(t.Context(), eng, logs.Scope{Range: timerange.Range{Start: after(400), End: after(500)}})
	if err != nil || !prev.Start.Equal(after(300)) || !prev.End.Equal(after(400)) {
		t.Errorf("the window before: %v, %v", prev, err)
	}
}

func TestABaselineThatCannotBeComparedIsRefused(t *testing.T) {
	eng := open(t, said(600, 0, 1, "INFO", "web", "request %d done"))
	s := logs.Scope{Range: timerange.Range{Start: after(100), End: after(200)}}
	for name, base := range map[string]logs.Window{
		"it overlaps":           {Start: after(50), End: after(150)},
		"it holds the window":   {Start: after(50), End: after(350)},
		"it lies before data":   {Start: after(-500), End: after(-100)},
		"it lies behind data":   {Start: after(700), End: after(800)},
		"it is the wrong way":   {Start: after(90), End: after(10)},
		"it ends as data begin": {Start: after(-100), End: after(0)},
	} {
		t.Run(name, func(t *testing.T) {
			if p, err := logs.FindPatterns(t.Context(), eng, s, &base); fault.CodeOf(err) != fault.InvalidArgument {
				t.Errorf("got %v, %v", p, err)
			}
		})
	}
	if _, err := logs.FindPatterns(t.Context(), eng, s, &logs.Window{Start: after(0), End: after(100)}); err != nil {
		t.Errorf("windows that touch: %v", err)
	}
}

func TestAScopeWithoutLinesIsAnAnswerWithFacts(t *testing.T) {
	eng := open(t, said(60, 0, 1, "INFO", "web", "request %d done"))
	for name, c := range map[string]struct {
		s  logs.Scope
		by string
	}{
		"no such service":  {logs.Scope{Service: "wbe"}, "where serviceName = 'wbe'"},
		"no such severity": {logs.Scope{Service: "web", Severity: "fatal"}, "where severityText = 'FATAL'"},
		"later than data":  {logs.Scope{Range: timerange.Range{Start: after(9000)}}, "where `@timestamp` >= '2026-05-01 14:30:00' and `@timestamp` < '2026-05-01 14:30:00'"},
		"no line is so":    {logs.Scope{Where: "contains(body, 'x')"}, "where (contains(body, 'x'))"},
	} {
		t.Run(name, func(t *testing.T) {
			p := find(t, eng, c.s, nil)
			want := &logs.Emptiness{Table: "logs", Rows: 60, Start: after(0), End: after(59), EmptiedBy: c.by, RowsBefore: 60}
			if diff := cmp.Diff(want, p.Empty); diff != "" || p.Lines != 0 || len(p.List) != 0 {
				t.Errorf("%d lines: %s", p.Lines, diff)
			}
		})
	}
}

func TestLinesWithoutATextCountToo(t *testing.T) {
	eng := openFiles(t, map[string]string{"app.jsonl": `{"@timestamp":"2026-05-01T12:00:00Z","severityText":"INFO","body":{"event":"paid","id":1}}
{"@timestamp":"2026-05-01T12:00:01Z","severityText":"INFO","body":{"event":"paid","id":2}}
{"@timestamp":"2026-05-01T12:00:02Z","severityText":"INFO","body":404}
`})
	p := find(t, eng, logs.Scope{}, nil)
	if p.Lines != 3 || len(p.List) != 2 || p.List[0].Template != "(no text)" || p.List[1].Example.Text != "404" {
		t.Errorf("%d lines: %+v", p.Lines, p.List)
	}
	for _, x := range p.List {
		if n := counted(t, eng, x.Query); n != x.Count {
			t.Errorf("%q: told %d, its query counts %d", x.Template, x.Count, n)
		}
	}
}

func TestTablesWithoutLinesAreRefusedWithTheNextStep(t *testing.T) {
	span := `{"traceId":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa01","spanId":"0000000000000001","name":"GET","kind":"SPAN_KIND_SERVER","serviceName":"web","startTime":"2026-05-01T12:00:00Z","endTime":"2026-05-01T12:00:01Z","durationInNanos":1000000000,"status":{"code":0}}`
	eng := openFiles(t, map[string]string{"spans.jsonl": span + "\n", "orders.ndjson": `{"id":"7"}` + "\n"})
	for table, want := range map[string]fault.Code{"spans": fault.Unsupported, "orders": fault.Unsupported, "": fault.NotFound, "nosuch": fault.NotFound} {
		_, err := logs.FindPatterns(t.Context(), eng, logs.Scope{Table: table}, nil)
		if fault.CodeOf(err) != want || fault.HintOf(err) == "" {
			t.Errorf("%q: %v (%s), hint %q", table, err, fault.CodeOf(err), fault.HintOf(err))
		}
	}
}

func TestLikeMatchesItsExampleAndEscapesTheRest(t *testing.T) {
	for name, c := range map[string]struct{ template, example, want string }{
		"masks become wildcards":          {"took <NUM> ms", "took 5 ms", "took % ms"},
		"masks in a row are one":          {"<*><*> done", "ab done", "% done"},
		"what is special is escaped":      {`100% of a_b\c <NUM>`, `100% of a_b\c 7`, `100\% of a\_b\\c %`},
		"angle brackets that are no mask": {"<html> <NUM>", "<html> 3", "<html> %"},
		"further lines follow":            {"panic: <*>", "panic: x\n\tat y", "panic: %"},
		"other white space":               {"a b", "a \t b ", "a%b%"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := logs.Like(c.template, c.example); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
