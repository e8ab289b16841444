package logs_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/logs"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
)

func TestTheRangeIsPutBehindTheSource(t *testing.T) {
	eng := open(t, said(60, 0, 1, "INFO", "web", "line %d"))
	ten := timerange.Range{Start: after(10), End: after(20)}
	for name, c := range map[string]struct {
		query string
		r     timerange.Range
		want  string
		rows  []any // the first column
	}{
		"before what counts": {
			"source=logs | stats count()", ten,
			"source=logs | where `@timestamp` >= '2026-05-01 12:00:10' and `@timestamp` < '2026-05-01 12:00:20' | stats count()",
			[]any{int64(10)},
		},
		"behind search terms": {
			"source=logs severityText=INFO | stats count()", ten,
			"source=logs severityText=INFO | where `@timestamp` >= '2026-05-01 12:00:10' and `@timestamp` < '2026-05-01 12:00:20' | stats count()",
			[]any{int64(10)},
		},
		"before head": {
			"search source = logs | sort `@timestamp` | head 1 | fields body",
			timerange.Range{Start: after(59)},
			"search source = logs | where `@timestamp` >= '2026-05-01 12:00:59' | sort `@timestamp` | head 1 | fields body",
			[]any{"line 59"},
		},
		"with an open start":                {"source=logs | stats count()", timerange.Range{End: after(5)}, "source=logs | where `@timestamp` < '2026-05-01 12:00:05' | stats count()", []any{int64(5)}},
		"and an open range changes nothing": {"source=logs | stats count()", timerange.Range{}, "source=logs | stats count()", []any{int64(60)}},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := logs.Query(t.Context(), eng, logs.Request{Query: c.query, Range: c.r, Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			got := []any{}
			for _, r := range p.Result.Rows {
				got = append(got, r[0])
			}
			if p.Query != c.want || !cmp.Equal(got, c.rows) {
				t.Errorf("got %q with %v\nwant %q with %v", p.Query, got, c.want, c.rows)
			}
		})
	}
}

func TestARangeNeedsASourceAndATime(t *testing.T) {
	eng := openFiles(t, map[string]string{"orders-2.ndjson": `{"id":"7","items":[{"sku":"a"}]}` + "\n"})
	r := timerange.Range{Start: after(0)}
	for query, want := range map[string]string{
		"source=[ source=`orders-2` ] | head 1": "begins with source=",
		"source=`orders-2` | head 1":            "no column of type timestamp",
		"source=nosuch":                         "nosuch",
	} {
		_, err := logs.Query(t.Context(), eng, logs.Request{Query: query, Range: r, Limit: 10})
		if err == nil || !strings.Contains(err.Error(), want) || fault.HintOf(err) == "" {
			t.Errorf("%s: got %v, hint %q", query, err, fault.HintOf(err))
		}
	}
	p, err := logs.Query(t.Context(), eng, logs.Request{Query: "source=`orders-2` | fields id", Limit: 10})
	if err != nil || len(p.Result.Rows) != 1 {
		t.Errorf("without a range: %v %v", p, err)
	}
}

func TestPagesAddUpToTheAnswer(t *testing.T) {
	eng := open(t, said(25, 0, 1, "INFO", "web", "line %d"))
	var got []string
	for offset := 0; ; offset += 10 {
		p, err := logs.Query(t.Context(), eng, logs.Request{Query: "source=logs | sort `@timestamp` | fields body", Offset: offset, Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range p.Result.Rows {
			got = append(got, r[0].(string))
		}
		if p.Total >= 0 {
			if p.Total != 25 || offset != 20 {
				t.Errorf("page at %d says %d rows in all", offset, p.Total)
			}
			break
		}
	}
	if len(got) != 25 || got[0] != "line 0" || got[10] != "line 10" || got[24] != "line 24" {
		t.Errorf("%d lines: %v", len(got), got)
	}
	p, err := logs.Query(t.Context(), eng, logs.Request{Query: "source=logs", Offset: 30, Limit: 10})
	if err != nil || len(p.Result.Rows) != 0 || p.Total != 25 || p.Empty != nil {
		t.Errorf("beyond the end: %+v, %v", p, err)
	}
}

func TestAnEmptyAnswerNamesTheStageThatEmptiedIt(t *testing.T) {
	lines := append(said(10, 0, 1, "INFO", "web", "fine %d"), said(2, 20, 1, "ERROR", "pay", "bad | worse %d")...)
	eng := open(t, lines)
	for name, c := range map[string]struct {
		query  string
		r      timerange.Range
		by     string
		before int64
	}{
		"a condition among others": {
			"source=logs | where severityText = 'ERROR' | where serviceName = 'web' | stats count() by body", timerange.Range{}, "where serviceName = 'web'", 2,
		},
		"a bar within a literal": {
			"source=logs | where body = 'bad | worse 7' | fields body", timerange.Range{}, "where body = 'bad | worse 7'", 12,
		},
		"the search itself": {"source=logs severityText=FATAL | fields body", timerange.Range{}, "source=logs severityText=FATAL", 12},
		"the range":         {"source=logs | fields body", timerange.Range{Start: after(500)}, "where `@timestamp` >= '2026-05-01 12:08:20'", 12},
		"the last stage":    {"source=logs | fields body | where body = 'x'", timerange.Range{}, "where body = 'x'", 12},
		"a dedup of nothing after a filter": {
			"source=logs | where isnull(body) | dedup body | sort body", timerange.Range{}, "where isnull(body)", 12,
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := logs.Query(t.Context(), eng, logs.Request{Query: c.query, Range: c.r, Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			want := &logs.Emptiness{Table: "logs", Rows: 12, Start: after(0), End: after(21), EmptiedBy: c.by, RowsBefore: c.before}
			if diff := cmp.Diff(want, p.Empty); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAWrongQueryIsToldWithItsPlace(t *testing.T) {
	eng := open(t, said(3, 0, 1, "INFO", "web", "line %d"))
	_, err := logs.Query(t.Context(), eng, logs.Request{Query: "source=logs | were x = 1", Limit: 10})
	if fault.CodeOf(err) != fault.InvalidQuery || !strings.Contains(err.Error(), "^^^^") {
		t.Errorf("got %v", err)
	}
}
