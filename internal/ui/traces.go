package ui

import (
	"context"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// listed is how many traces a list shows.
const listed = 60

// tracesContent is a list of traces.
type tracesContent struct {
	Sort      string // failed, slowest, newest
	Service   string
	Operation string
	MinMS     string
	List      []traceRow
	Query     string
}

// traceRow is one trace.
type traceRow struct {
	ID, Service, Operation string
	Start                  time.Time
	MS                     float64
	Share                  float64 // of the slowest one listed, 0 to 100
	Spans, Failed          int64
	Services               int64
}

func (s *server) traces(ctx context.Context, v *view) (any, error) {
	r, err := v.span(s.Now())
	if err != nil {
		return nil, err
	}
	eng, err := s.Sources.Open(ctx, v.Source)
	if err != nil {
		return nil, err
	}
	table, err := spansTable(ctx, eng)
	if err != nil {
		return nil, err
	}
	out := &tracesContent{Sort: v.get("sort"), Service: v.get("service"), Operation: v.get("operation"), MinMS: v.get("min")}
	if out.Sort != "slowest" && out.Sort != "newest" {
		out.Sort = "failed"
	}
	where := []string{}
	if out.Service != "" {
		where = append(where, "serviceName = "+ppl.Quote(out.Service))
	}
	if out.Operation != "" {
		where = append(where, "name like "+ppl.Quote("%"+out.Operation+"%"))
	}
	if out.MinMS != "" {
		ms, err := strconv.ParseFloat(out.MinMS, 64)
		if err != nil || ms < 0 || ms > 1e9 {
			return nil, fault.New(fault.InvalidArgument, "slower than %q: no number of milliseconds", out.MinMS)
		}
		where = append(where, "durationInNanos >= "+strconv.FormatInt(int64(ms*1e6), 10))
	}
	sort := "- durationInNanos"
	switch out.Sort {
	case "newest":
		sort = "- startTime"
	case "failed":
		where = append(where, "`status.code` = 2")
		sort = "- startTime"
	}
	// Without a filter the roots are listed; with one the spans that fit it, whose traces are meant.
	if len(where) == 0 || out.Sort != "failed" && out.Service == "" && out.Operation == "" {
		where = append(where, "parentSpanId = ''")
	}
	out.Query = "source=" + table.Name + " | where " + ppl.Within("startTime", r, where...) + " | sort " + sort + " | dedup traceId | head " + strconv.Itoa(listed) + " | fields traceId"
	ids, err := strings1(ctx, eng, out.Query)
	if err == nil && len(ids) == 0 && v.get("sort") == "" && out.Sort == "failed" {
		v.Query.Set("sort", "slowest") // nothing failed: what is slow is the next question
		return s.traces(ctx, v)
	}
	if err != nil || len(ids) == 0 {
		return out, err
	}
	out.List, err = describe(ctx, eng, table.Name, ids)
	return out, err
}

// strings1 reads the first column of a query.
func strings1(ctx context.Context, eng engine.Engine, query string) ([]string, error) {
	res, err := eng.Query(ctx, query, engine.Limits{MaxRows: listed})
	if err != nil {
		return nil, err
	}
	var out []string
	for _, row := range res.Rows {
		if id, _ := row[0].(string); id != "" {
			out = append(out, id)
		}
	}
	return out, nil
}

// describe reads what a list tells of each trace, in the order of the ids.
func describe(ctx context.Context, eng engine.Engine, table string, ids []string) ([]traceRow, error) {
	quoted := make([]string, len(ids))
	at := map[string]int{}
	out := make([]traceRow, len(ids))
	for i, id := range ids {
		quoted[i], at[id], out[i].ID = ppl.Quote(id), i, id
	}
	in := "traceId in (" + strings.Join(quoted, ", ") + ")"
	err := each(ctx, eng, "source="+table+" | where "+in+" | eval failed = if(`status.code` = 2, 1, 0) | stats count() as spans, sum(failed) as failed, distinct_count(serviceName) as services by traceId", func(res *rows.Result, row []any) {
		if i, ok := at[cell(res, row, "traceId")]; ok {
			out[i].Spans, out[i].Failed, out[i].Services = whole(res, row, "spans"), whole(res, row, "failed"), whole(res, row, "services")
		}
	})
	if err != nil {
		return nil, err
	}
	// The root, or of a trace that lost it the span that began first.
	err = each(ctx, eng, "source="+table+" | where "+in+" | eval depth = if(parentSpanId = '', 0, 1) | sort depth, startTime | dedup traceId | fields traceId, serviceName, name, startTime, durationInNanos", func(res *rows.Result, row []any) {
		if i, ok := at[cell(res, row, "traceId")]; ok {
			out[i].Service, out[i].Operation = cell(res, row, "serviceName"), cell(res, row, "name")
			out[i].Start, _ = row[res.Index("startTime")].(time.Time)
			out[i].MS = math.Round(float64(whole(res, row, "durationInNanos"))/1e3) / 1e3
		}
	})
	slowest := 0.0
	for _, t := range out {
		slowest = max(slowest, t.MS)
	}
	for i := range out {
		if slowest > 0 {
			out[i].Share = math.Round(1000*out[i].MS/slowest) / 10
		}
	}
	return out, err
}

func each(ctx context.Context, eng engine.Engine, query string, f func(*rows.Result, []any)) error {
	res, err := eng.Query(ctx, query, engine.Limits{MaxRows: listed})
	if err != nil {
		return err
	}
	for _, row := range res.Rows {
		f(res, row)
	}
	return nil
}

// cell is a text of a row, "" if there is none.
func cell(res *rows.Result, row []any, name string) string {
	if i := res.Index(name); i >= 0 {
		s, _ := row[i].(string)
		return s
	}
	return ""
}

// whole is a number of a row.
func whole(res *rows.Result, row []any, name string) int64 {
	i := res.Index(name)
	if i < 0 {
		return 0
	}
	switch n := row[i].(type) {
	case int64:
		return n
	case float64:
		return int64(n)
	}
	return 0
}
