package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/local/duck"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// The limits of one query when Limits says nothing.
const (
	DefaultMaxRows  = ppl.DefaultSizeLimit // a cluster's plugins.query.size_limit
	DefaultMaxBytes = 64 << 20             // of cells in one answer: a reader of more than that wants Stream
	DefaultTimeout  = 60 * time.Second     // a scan of 5M rows takes two; what takes longer is a mistake or a job
)

// maxQueryText bounds a PPL text; the longest seen in the suite is 2 KiB.
const maxQueryText = 64 << 10

// Tables lists the tables with their facts; it reads what has not been read yet.
func (s *source) Tables(ctx context.Context) ([]engine.Table, error) {
	snap, err := s.current(ctx)
	if err != nil {
		return nil, err
	}
	defer snap.release(ctx)
	out := make([]engine.Table, len(snap.tables))
	for i, t := range snap.tables {
		out[i] = t.Table
		out[i].Files = slices.Clone(t.Files)
		out[i].Notes = slices.Concat(t.Notes, snap.notes)
		if note := snap.idleNote(); note != "" && i == 0 { // said once
			out[i].Notes = append(out[i].Notes, note)
		}
	}
	return out, nil
}

// Query runs a PPL text and returns at most lim.MaxRows rows.
func (s *source) Query(ctx context.Context, text string, lim engine.Limits) (*rows.Result, error) {
	if lim.MaxRows <= 0 {
		lim.MaxRows = DefaultMaxRows
	}
	if lim.MaxBytes <= 0 {
		lim.MaxBytes = DefaultMaxBytes
	}
	cut := lim.MaxRows + 1 // one more tells whether there are more
	if lim.MaxRows == parallelLimit {
		cut = lim.MaxRows
	}
	res := &rows.Result{Rows: [][]any{}}
	var bytes int64
	run, err := s.run(ctx, text, lim, cut, func(row []any) error {
		if len(res.Rows) == lim.MaxRows {
			res.Truncated, res.Limit = true, fmt.Sprintf("%d rows", lim.MaxRows)
			return errEnough
		}
		if bytes += size(row); bytes > lim.MaxBytes {
			res.Truncated, res.Limit = true, fmt.Sprintf("%d bytes of cells", lim.MaxBytes)
			return errEnough
		}
		res.Rows = append(res.Rows, slices.Clone(row))
		return nil
	})
	if err != nil {
		return nil, err
	}
	res.Columns, res.Stats, res.Notes = run.columns, run.stats, run.notes
	if cut == lim.MaxRows && len(res.Rows) == cut {
		return res, s.more(ctx, text, lim, res)
	}
	return res, nil
}

// parallelLimit is the largest LIMIT that DuckDB takes from a scan on all threads; one row more and it scans on one. It is also
// the default of a query, so a full answer is asked again for one more row rather than every answer at half the speed.
const parallelLimit = 10_000

// more finds whether a full answer was cut.
func (s *source) more(ctx context.Context, text string, lim engine.Limits, res *rows.Result) error {
	n := 0
	_, err := s.run(ctx, text, lim, lim.MaxRows+1, func([]any) error { n++; return nil })
	if n > lim.MaxRows {
		res.Truncated, res.Limit = true, fmt.Sprintf("%d rows", lim.MaxRows)
	}
	return err
}

// errEnough ends a query whose answer is full.
var errEnough = errors.New("enough rows")

// size is about what a row's cells take.
func size(row []any) int64 {
	n := int64(16 * len(row))
	for _, c := range row {
		switch x := c.(type) {
		case string:
			n += int64(len(x))
		case []any:
			n += size(x)
		case map[string]any:
			for k, v := range x {
				n += int64(len(k)) + size([]any{v})
			}
		}
	}
	return n
}

// Stream runs a PPL text and hands over every row; lim.MaxRows 0 means all. Rows are computed as they are taken, so an answer of
// any length takes little memory; the time limit counts for all of it, 0 means none.
func (s *source) Stream(ctx context.Context, text string, lim engine.Limits, each func(row []any) error) ([]rows.Column, error) {
	var bytes int64
	n := 0
	if lim.Timeout <= 0 {
		lim.Timeout = -1
	}
	run, err := s.run(ctx, text, lim, lim.MaxRows, func(row []any) error {
		if n++; lim.MaxRows > 0 && n > lim.MaxRows {
			return errEnough
		}
		if lim.MaxBytes > 0 {
			if bytes += size(row); bytes > lim.MaxBytes {
				return fault.New(fault.TooLarge, "query: the rows are over the limit of %d bytes", lim.MaxBytes)
			}
		}
		return each(row)
	})
	if err != nil {
		return nil, err
	}
	return run.columns, nil
}

// Explain says how a PPL text would run: the query as formatted, the SQL, and DuckDB's plan.
func (s *source) Explain(ctx context.Context, text string) (*engine.Explanation, error) {
	snap, err := s.current(ctx)
	if err != nil {
		return nil, err
	}
	defer snap.release(ctx)
	q, prog, err := snap.compile(ctx, text, DefaultMaxRows)
	if err != nil {
		return nil, err
	}
	out := &engine.Explanation{Query: ppl.Format(q), SQL: prog.SQL, Notes: prog.Notes}
	conn, err := snap.inst.db.Conn()
	if err != nil {
		return nil, fault.WithCode(err, fault.Unavailable)
	}
	defer snap.inst.db.Release(conn)
	r, err := conn.Query(ctx, "EXPLAIN "+prog.SQL)
	if err != nil {
		return nil, refused(ctx, err, 0)
	}
	defer r.Close()
	row := make([]any, len(r.Names()))
	for {
		err := r.Next(row)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, refused(ctx, err, 0)
		}
		if text, ok := row[len(row)-1].(string); ok {
			out.Plan += text
		}
	}
}

// outcome is what a query gave beside its rows.
type outcome struct {
	columns []rows.Column
	stats   rows.Stats
	notes   []string
}

// run compiles and runs a PPL text; cut bounds the rows that are computed, 0 for all.
func (s *source) run(ctx context.Context, text string, lim engine.Limits, cut int, each func(row []any) error) (*outcome, error) {
	if lim.Timeout == 0 {
		lim.Timeout = DefaultTimeout
	}
	start := s.store.cfg.Now()
	snap, err := s.current(ctx) // reading files for the first time has no limit but ctx
	if err != nil {
		return nil, err
	}
	defer snap.release(ctx)
	_, prog, err := snap.compile(ctx, text, cut)
	if err != nil {
		return nil, err
	}
	if lim.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, lim.Timeout)
		defer cancel()
	}
	out := &outcome{columns: prog.Columns, notes: slices.Concat(prog.Notes, snap.notes)}
	for _, name := range prog.Tables {
		for _, t := range snap.named(name) {
			out.stats.RowsScanned += t.Rows
			out.notes = append(out.notes, t.Notes...)
		}
	}
	if err := Rows(ctx, snap.inst.db, prog, each); err != nil && !errors.Is(err, errEnough) {
		return nil, refused(ctx, err, lim.Timeout)
	}
	out.stats.ElapsedMS = float64(s.store.cfg.Now().Sub(start).Microseconds()) / 1000
	return out, nil
}

// compile reads and compiles a PPL text for the snapshot's tables.
func (s *snapshot) compile(ctx context.Context, text string, cut int) (*ppl.Query, *ppl.Program, error) {
	if len(text) > maxQueryText {
		return nil, nil, fault.WithHint(fault.New(fault.TooLarge, "query: %d bytes, the limit is %d", len(text), maxQueryText),
			"Ask in several queries; long lists of values are better found by a pattern or a sub-search.")
	}
	q, err := ppl.Parse(text)
	if err != nil {
		return nil, nil, err
	}
	opt := s.dialect.Options(s.store.cfg.Now().UTC().Format("2006-01-02 15:04:05.000000"))
	opt.SizeLimit = cut
	opt.Probe = s.probe
	prog, err := s.store.compiler().Compile(ctx, q, s, opt)
	if err != nil {
		return nil, nil, err
	}
	return q, prog, nil
}

// Rows runs a program on a database and hands over its rows as cells of the program's types. The row slice is reused.
func Rows(ctx context.Context, db *duck.DB, prog *ppl.Program, each func(row []any) error) error {
	conn, err := db.Conn()
	if err != nil {
		return fault.WithCode(err, fault.Unavailable)
	}
	defer db.Release(conn)
	r, err := conn.Query(ctx, prog.SQL)
	if err != nil {
		return err
	}
	defer r.Close()
	if got, want := len(r.Names()), len(prog.Columns); got != want {
		return fault.New(fault.Internal, "query: %d columns came, %d were compiled", got, want)
	}
	cells := converters(prog.Columns)
	row := make([]any, len(prog.Columns))
	for {
		if err := r.Next(row); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		for i, f := range cells {
			if f != nil && row[i] != nil {
				row[i] = f(row[i])
			}
		}
		if err := each(row); err != nil {
			return err
		}
	}
}

// probe returns the first column of what SQL answers.
func (s *snapshot) probe(ctx context.Context, sql string) (out []any, err error) {
	conn, err := s.inst.db.Conn()
	if err != nil {
		return nil, fault.WithCode(err, fault.Unavailable)
	}
	defer s.inst.db.Release(conn)
	r, err := conn.Query(ctx, sql)
	if err != nil {
		return nil, refused(ctx, err, 0)
	}
	defer r.Close()
	row := make([]any, len(r.Names()))
	for {
		if err := r.Next(row); err != nil {
			if errors.Is(err, io.EOF) {
				return out, nil
			}
			return nil, err
		}
		out = append(out, row[0])
	}
}

// refused gives an error of DuckDB a code and a next step.
func refused(ctx context.Context, err error, limit time.Duration) error {
	if errors.Is(err, context.DeadlineExceeded) && limit > 0 {
		return fault.WithHint(fault.New(fault.Timeout, "query: not done after %s", limit),
			"Narrow the time range, or aggregate before sorting and joining.")
	}
	var d *duck.Error
	if ctx.Err() != nil || !errors.As(err, &d) {
		return err
	}
	switch d.Kind() {
	case "out of memory":
		return fault.WithHint(fault.WithCode(fmt.Errorf("query: %w", err), fault.TooLarge),
			"The query needs more than the memory limit. Narrow the time range or group by fewer fields.")
	case "permission":
		return fault.WithCode(fmt.Errorf("query: %w", err), fault.PermissionDenied)
	case "conversion", "invalid input", "out of range":
		return fault.WithHint(fault.WithCode(fmt.Errorf("query: %s", firstLine(d.Message)), fault.InvalidQuery),
			"A value in the data does not fit a function of the query; filter it out or cast it.")
	default:
		return fault.WithCode(fmt.Errorf("query: %w", err), fault.Internal)
	}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
