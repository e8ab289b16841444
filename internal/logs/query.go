package logs

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/ppl/command"
	"github.com/plumbline-mcp/plumbline/internal/ppl/repair"
	"github.com/plumbline-mcp/plumbline/internal/rows"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
)

// Request is what is asked of Query.
type Request struct {
	Query  string          // PPL
	Range  timerange.Range // put right behind the source
	Offset int             // rows to skip
	Limit  int             // rows to return
	// Repair runs the corrected query in the place of one that would not run.
	Repair bool
	// MaxScan refuses a query without a bound on time over a table of more rows; 0 refuses none.
	MaxScan int64
}

// Page is one page of a query's rows.
type Page struct {
	Query  string // the PPL that was run, with the time range in it
	Result *rows.Result
	Offset int
	Total  int64 // rows of the whole answer, -1 when there are more than were counted
	Empty  *Emptiness
	// Repaired says what was changed in the query that was asked, nil when nothing was.
	Repaired []string
}

// Emptiness says why an answer has no rows: how many rows the table has, which time they cover, and the first stage of the
// query that left none.
type Emptiness struct {
	Table      string    `json:"table"`
	Rows       int64     `json:"rows"`
	Start      time.Time `json:"start,omitzero"`
	End        time.Time `json:"end,omitzero"`
	EmptiedBy  string    `json:"emptied_by,omitempty"`
	RowsBefore int64     `json:"rows_before,omitempty"` // rows that reached that stage
	// Meant is a query that may have been meant and has rows.
	Meant *Meant `json:"meant,omitempty"`
}

// Meant is a query near one without an answer.
type Meant struct {
	Query  string `json:"query"`
	Change string `json:"change"`
	Rows   int64  `json:"rows"`
}

// Query runs a PPL text within a time range and returns a page of its rows. The error of a query that would not run carries,
// where one is found, a query near it that would.
func Query(ctx context.Context, eng engine.Engine, in Request) (*Page, error) {
	p, err := query(ctx, eng, in)
	if err == nil || fault.CodeOf(err) != fault.InvalidQuery && fault.CodeOf(err) != fault.NotFound {
		return p, err
	}
	fix, ok := corrected(ctx, eng, in.Query)
	switch {
	case !ok:
		return nil, err
	case !in.Repair:
		hint := "This runs: " + fix.Query
		if h := fault.HintOf(err); h != "" {
			hint = h + "\n" + hint
		}
		return nil, fault.WithHint(err, "%s", hint)
	}
	in.Query, in.Repair = fix.Query, false
	if p, err = query(ctx, eng, in); err != nil {
		return nil, err
	}
	p.Repaired = fix.Changes
	return p, nil
}

// corrected looks for a query that would run near one that does not.
func corrected(ctx context.Context, eng engine.Engine, text string) (repair.Fix, bool) {
	return repair.Suggest(text, func(q string) error {
		_, err := eng.Explain(ctx, q)
		return err
	})
}

func query(ctx context.Context, eng engine.Engine, in Request) (*Page, error) {
	q, err := ppl.Parse(in.Query)
	if err != nil {
		return nil, err
	}
	p := &Page{Query: in.Query, Offset: in.Offset}
	if p.Query, err = within(ctx, eng, q, in.Range); err != nil {
		return nil, err
	}
	if in.MaxScan > 0 && in.Range.IsZero() {
		if err := guard(ctx, eng, q, in.MaxScan); err != nil {
			return nil, err
		}
	}
	last := in.Offset + in.Limit
	res, err := eng.Query(ctx, p.Query, engine.Limits{MaxRows: last + 1})
	if err != nil {
		return nil, err
	}
	p.Result, p.Total = res, int64(len(res.Rows))
	if len(res.Rows) > last || res.Truncated {
		p.Total = -1
	}
	if res.Truncated && len(res.Rows) <= last { // not our own limit
		res.Notes = append(res.Notes, "the answer was cut at "+res.Limit+": ask for fewer fields or rows")
	}
	res.Rows = res.Rows[min(in.Offset, len(res.Rows)):min(last, len(res.Rows))]
	if len(res.Rows) == 0 && in.Offset == 0 {
		p.Empty, err = emptiness(ctx, eng, p.Query)
	}
	return p, err
}

// Within returns a PPL text with the range put right behind its source; an open range changes nothing.
func Within(ctx context.Context, eng engine.Engine, text string, r timerange.Range) (string, error) {
	q, err := ppl.Parse(text)
	if err != nil {
		return "", err
	}
	return within(ctx, eng, q, r)
}

// within puts the range behind the first command of the query. Searches within brackets are not bounded by it.
func within(ctx context.Context, eng engine.Engine, q *ppl.Query, r timerange.Range) (string, error) {
	if r.IsZero() {
		return q.Text, nil
	}
	search, ok := q.Pipeline.Commands[0].(*command.Search)
	if !ok || search.Index == "" {
		return "", fault.WithHint(fault.New(fault.InvalidArgument, "start and end need a query that begins with source="), "Put the time into the query itself: | where `@timestamp` >= '...'.")
	}
	field, err := timeField(ctx, eng, search.Index)
	if err != nil {
		return "", err
	}
	head, rest := q.Text[:search.Span().End], q.Text[search.Span().End:]
	return head + " | where " + ppl.Within(field, r) + rest, nil
}

// timeField finds the column that says when a row of the index happened.
func timeField(ctx context.Context, eng engine.Engine, table string) (string, error) {
	res, err := eng.Query(ctx, "source="+indices(table)+" | head 1", engine.Limits{MaxRows: 1})
	if err != nil {
		return "", err
	}
	for _, name := range []string{"@timestamp", "startTime", "timestamp", "time"} {
		if i := res.Index(name); i >= 0 && res.Columns[i].Type == rows.Timestamp {
			return name, nil
		}
	}
	for _, c := range res.Columns {
		if c.Type == rows.Timestamp {
			return c.Name, nil
		}
	}
	return "", fault.WithHint(fault.New(fault.InvalidArgument, "table %s has no column of type timestamp", table), "Leave start and end out.")
}

// indices writes what a search names as its source: one table or several by comma.
func indices(names string) string {
	list := strings.Split(names, ",")
	for i, n := range list {
		list[i] = index(strings.TrimSpace(n))
	}
	return strings.Join(list, ",")
}

// emptiness counts what reaches each filter of the query until one lets nothing through.
func emptiness(ctx context.Context, eng engine.Engine, text string) (*Emptiness, error) {
	q, err := ppl.Parse(text)
	if err != nil {
		return nil, err
	}
	search, ok := q.Pipeline.Commands[0].(*command.Search)
	if !ok || search.Index == "" {
		return &Emptiness{}, nil
	}
	e := &Emptiness{Table: search.Index}
	before, err := count(ctx, eng, "source="+indices(search.Index))
	if err != nil {
		return nil, err
	}
	e.Rows = before
	if field, err := timeField(ctx, eng, search.Index); err == nil && before > 0 {
		if err := e.span(ctx, eng, field); err != nil {
			return nil, err
		}
	}
	for i := range q.Pipeline.Commands {
		from, to := stage(q, i)
		n, err := count(ctx, eng, q.Text[:to])
		if err != nil {
			return e, nil //nolint:nilerr // a stage that cannot be counted (it ends in text) leaves the facts found so far
		}
		if n == 0 {
			e.EmptiedBy, e.RowsBefore = q.Text[from:to], before
			e.Meant = meant(ctx, eng, q.Text[:to])
			return e, nil
		}
		before = n
	}
	return e, nil
}

// maxMeant bounds the queries that are tried in the place of an empty one.
const maxMeant = 6

// meant looks for a query near an empty one that has rows.
func meant(ctx context.Context, eng engine.Engine, text string) *Meant {
	fixes := repair.Doubtful(text)
	for _, f := range fixes[:min(len(fixes), maxMeant)] {
		n, err := count(ctx, eng, f.Query)
		if err == nil && n > 0 {
			return &Meant{f.Query, f.Changes[0], n}
		}
	}
	return nil
}

// stage returns where the i-th command begins and ends in the text, without the bar behind it.
func stage(q *ppl.Query, i int) (from, to int) {
	from, to = q.Pipeline.Commands[i].Span().Start, len(q.Text)
	if i+1 < len(q.Pipeline.Commands) {
		to = q.Pipeline.Commands[i+1].Span().Start
	}
	return from, from + len(strings.TrimRight(q.Text[from:to], " \t\r\n|"))
}

func count(ctx context.Context, eng engine.Engine, text string) (int64, error) {
	res, err := eng.Query(ctx, text+" | stats count() as n", engine.Limits{MaxRows: 1})
	if err != nil {
		return 0, err
	}
	if len(res.Rows) == 0 || len(res.Rows[0]) == 0 {
		return 0, nil
	}
	n, _ := res.Rows[0][0].(int64)
	return n, nil
}

func (e *Emptiness) span(ctx context.Context, eng engine.Engine, field string) error {
	res, err := eng.Query(ctx, fmt.Sprintf("source=%s | stats min(`%s`) as a, max(`%s`) as b", indices(e.Table), field, field), engine.Limits{MaxRows: 1})
	if err != nil || len(res.Rows) == 0 {
		return err
	}
	e.Start, _ = res.Rows[0][0].(time.Time)
	e.End, _ = res.Rows[0][1].(time.Time)
	return nil
}
