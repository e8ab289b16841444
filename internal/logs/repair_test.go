package logs_test

import (
	"strings"
	"testing"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/logs"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
)

func TestAWrongQueryComesWithOneThatRuns(t *testing.T) {
	eng := open(t, said(3, 0, 1, "ERROR", "web", "line %d"))
	in := logs.Request{Query: "SELECT serviceName, count(*) AS n FROM logs GROUP BY serviceName", Limit: 10}
	_, err := logs.Query(t.Context(), eng, in)
	if want := "This runs: source=logs | stats count() AS n by serviceName"; err == nil || !strings.Contains(fault.HintOf(err), want) {
		t.Fatalf("got %v with the hint %q, want in it %q", err, fault.HintOf(err), want)
	}
	in.Repair = true
	p, err := logs.Query(t.Context(), eng, in)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Repaired) != 1 || len(p.Result.Rows) != 1 || p.Result.Rows[0][0] != int64(3) {
		t.Errorf("repaired by %q: %v", p.Repaired, p.Result.Rows)
	}
	if _, err := logs.Query(t.Context(), eng, logs.Request{Query: "source=logs | frobnicate", Limit: 1, Repair: true}); err == nil {
		t.Error("nothing can be made of it, and it ran")
	}
}

func TestAnEmptyAnswerNamesWhatMayHaveBeenMeant(t *testing.T) {
	eng := open(t, said(3, 0, 1, "ERROR", "web", "line %d"))
	p, err := logs.Query(t.Context(), eng, logs.Request{Query: `source=logs | where "serviceName" = 'web' | fields body`, Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	if m := p.Empty.Meant; m == nil || m.Rows != 3 || !strings.Contains(m.Query, "`serviceName` = 'web'") {
		t.Errorf("got %+v", m)
	}
	p, err = logs.Query(t.Context(), eng, logs.Request{Query: "source=logs | where serviceName = 'nobody'", Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	if p.Empty.Meant != nil {
		t.Errorf("got %+v where nothing near has rows", p.Empty.Meant)
	}
}

func TestAQueryOverAllOfABigTableIsRefusedWithOneThatPasses(t *testing.T) {
	eng := open(t, said(60, 0, 1, "INFO", "web", "line %d"))
	for query, refused := range map[string]bool{
		"source=logs | stats count() by serviceName":                                       true,
		"source=logs | sort body | head 3":                                                 true,
		"source=logs | where body like '%5%'":                                              true,
		"source=logs | head 3":                                                             false,
		"source=logs | fields body | head 3":                                               false,
		"source=logs | where `@timestamp` >= '2026-05-01 12:00:30' | stats count()":        false,
		"source=logs earliest='2026-05-01 12:00:30' | stats count()":                       false,
		"source=logs | where serviceName = 'web' and `@timestamp` < '2026-05-01 12:00:30'": false,
	} {
		t.Run(query, func(t *testing.T) {
			_, err := logs.Query(t.Context(), eng, logs.Request{Query: query, Limit: 10, MaxScan: 20})
			if (fault.CodeOf(err) == fault.TooLarge && err != nil) != refused {
				t.Fatalf("got %v", err)
			}
			if !refused {
				return
			}
			hint := fault.HintOf(err)
			_, passes, _ := strings.Cut(hint, ": ")
			if _, err := logs.Query(t.Context(), eng, logs.Request{Query: passes, Limit: 10, MaxScan: 20}); err != nil {
				t.Errorf("the hint's query %q: %v", passes, err)
			}
		})
	}
	r := timerange.Range{Start: after(30)}
	if _, err := logs.Query(t.Context(), eng, logs.Request{Query: "source=logs | stats count()", Range: r, Limit: 1, MaxScan: 20}); err != nil {
		t.Errorf("with a range: %v", err)
	}
}
