package remote

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/local"
	"github.com/plumbline-mcp/plumbline/internal/engine/local/duck"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/opensearch"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/ppl/catalog"
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Cluster is what the engine needs of a client: *opensearch.Client is one.
type Cluster interface {
	Do(ctx context.Context, r opensearch.Request) (*opensearch.Response, error)
	Capabilities(ctx context.Context) (opensearch.Capabilities, error)
	Name() string
}

// PluginUse says whether queries go to the cluster's SQL plugin.
type PluginUse string

// The uses of the plugin.
const (
	PluginAuto  PluginUse = ""      // where it is there and new enough for the query
	PluginNever PluginUse = "never" // never: the search API alone
)

// Config configures an Engine. Only Cluster and Now are required.
type Config struct {
	Cluster Cluster
	// Indices names the indices behind the tables logs, spans, metrics and service_map. A kind that is missing is looked for
	// among all indices by the form of their documents.
	Indices map[engine.Kind]string
	// Plugin says whether queries go to the SQL plugin.
	Plugin PluginUse
	// Dialect holds the cluster's settings that change what PPL means.
	Dialect ppl.Dialect
	// MemoryLimitBytes bounds what DuckDB holds in memory for the rest of pipelines. 0 means DefaultMemoryLimit.
	MemoryLimitBytes int64
	// MaxFetchBytes bounds the documents that one scan may bring here. 0 means DefaultMaxFetch.
	MaxFetchBytes int64
	// TempDir is where DuckDB spills; "" means it does not.
	TempDir string
	// Threads bounds the cores of one query. 0 means two.
	Threads int
	// Now is the clock.
	Now func() time.Time
	// Logger gets what no caller is told. nil discards.
	Logger *slog.Logger
}

// The defaults of an Engine, and the limits of one query when Limits says nothing.
const (
	DefaultMemoryLimit = 1 << 30
	DefaultMaxFetch    = 4 << 30 // an hour of a busy service's logs; more is better aggregated
	DefaultMaxRows     = ppl.DefaultSizeLimit
	DefaultMaxBytes    = 64 << 20
	DefaultTimeout     = 60 * time.Second
	defaultThreads     = 2
	maxQueryText       = 64 << 10 // the longest text seen in the suite is 2 KiB
)

// Engine answers PPL over one cluster. It is safe for concurrent use. Close it after use.
type Engine struct {
	config   Config
	cluster  Cluster
	now      func() time.Time
	log      *slog.Logger
	compiler func() *ppl.Compiler

	noPIT  atomic.Bool // the cluster has no points in time with an order of their own
	serial atomic.Int64

	mu     sync.Mutex
	db     *duck.DB
	closed bool
	tables map[string]*table
	found  *discovery
}

var _ engine.Engine = (*Engine)(nil)

// New returns an engine. It asks the cluster nothing: that is for the first query.
func New(c Config) (*Engine, error) {
	switch {
	case c.Cluster == nil:
		return nil, fault.New(fault.InvalidArgument, "open cluster: no client")
	case c.Now == nil:
		return nil, fault.New(fault.InvalidArgument, "open cluster: no clock")
	}
	c.MemoryLimitBytes = cmp.Or(c.MemoryLimitBytes, DefaultMemoryLimit)
	c.MaxFetchBytes = cmp.Or(c.MaxFetchBytes, DefaultMaxFetch)
	c.Threads = cmp.Or(c.Threads, defaultThreads)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Engine{
		config: c, cluster: c.Cluster, now: c.Now, log: c.Logger,
		compiler: sync.OnceValue(ppl.NewCompiler), tables: map[string]*table{},
	}, nil
}

// Close gives up what the engine holds. Queries under way fail.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	if e.db == nil {
		return nil
	}
	db := e.db
	e.db = nil
	return db.Close()
}

// Forget drops what is known of the indices: the next query reads their mappings again.
func (e *Engine) Forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.tables, e.found = map[string]*table{}, nil
}

func errAttr(err error) slog.Attr { return slog.String("error", err.Error()) }

// errReplay says that a query asked for more tables over its rows than over their descriptions.
var errReplay = errors.New("the query reads another table the second time")

// errEnough ends a query whose answer is full.
var errEnough = errors.New("enough rows")

// Query runs a PPL text and returns at most lim.MaxRows rows.
func (e *Engine) Query(ctx context.Context, text string, lim engine.Limits) (*rows.Result, error) {
	lim.MaxRows = cmp.Or(max(lim.MaxRows, 0), DefaultMaxRows)
	lim.MaxBytes = cmp.Or(max(lim.MaxBytes, 0), DefaultMaxBytes)
	if lim.Timeout == 0 {
		lim.Timeout = DefaultTimeout
	}
	res := &rows.Result{Rows: [][]any{}}
	var bytes int64
	start := e.now()
	run, err := e.run(ctx, text, lim, lim.MaxRows+1, func(row []any) error {
		if len(res.Rows) == lim.MaxRows {
			res.Truncated, res.Limit = true, fmt.Sprintf("%d rows", lim.MaxRows)
			return errEnough
		}
		if bytes += local.CellBytes(row); bytes > lim.MaxBytes {
			res.Truncated, res.Limit = true, fmt.Sprintf("%d bytes of cells", lim.MaxBytes)
			return errEnough
		}
		res.Rows = append(res.Rows, slices.Clone(row))
		return nil
	})
	if err != nil {
		return nil, err
	}
	res.Columns, res.Notes = run.columns, run.notes
	if run.cut && !res.Truncated {
		res.Truncated, res.Limit = true, fmt.Sprintf("%d rows of the cluster", pluginRows)
	}
	res.Stats = rows.Stats{RowsScanned: run.scanned, ElapsedMS: float64(e.now().Sub(start).Microseconds()) / 1000}
	return res, nil
}

// Stream runs a PPL text and hands over every row; lim.MaxRows 0 means all. An answer that lost shards or ran out of time on the
// cluster is an error: a stream has no notes.
func (e *Engine) Stream(ctx context.Context, text string, lim engine.Limits, each func(row []any) error) ([]rows.Column, error) {
	var bytes int64
	n := 0
	run, err := e.run(ctx, text, lim, max(lim.MaxRows, 0), func(row []any) error {
		if n++; lim.MaxRows > 0 && n > lim.MaxRows {
			return errEnough
		}
		if lim.MaxBytes > 0 {
			if bytes += local.CellBytes(row); bytes > lim.MaxBytes {
				return fault.New(fault.TooLarge, "query: the rows are over the limit of %d bytes", lim.MaxBytes)
			}
		}
		return each(row)
	})
	if err != nil {
		return nil, err
	}
	if len(run.trouble) > 0 {
		return nil, fault.WithHint(fault.New(fault.Unavailable, "query: %s", strings.Join(run.trouble, "; ")),
			"See the health of the cluster's shards, or narrow the query to the indices that answer.")
	}
	return run.columns, nil
}

// keptModel finds the command that may name a model of ML Commons: only the cluster can run it.
var keptModel = regexp.MustCompile(`(?i)\|\s*ml\s`)

// outcome is what a query gave beside its rows.
type outcome struct {
	columns []rows.Column
	notes   []string
	trouble []string // of the notes, those that say that the answer is not complete
	scanned int64    // -1 = not known
	cut     bool     // there may be more rows than were handed over
}

// prepared is a query with its plan.
type prepared struct {
	q       *ppl.Query
	plan    *planner
	program *ppl.Program // over empty tables
}

// run answers a query. cut bounds the rows that are computed, 0 for all.
func (e *Engine) run(ctx context.Context, text string, lim engine.Limits, cut int, each func(row []any) error) (*outcome, error) {
	if lim.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, lim.Timeout)
		defer cancel()
	}
	out, err := e.answer(ctx, text, cut, each)
	if err != nil {
		return nil, local.Refused(ctx, err, lim.Timeout)
	}
	return out, nil
}

func (e *Engine) answer(ctx context.Context, text string, cut int, each func(row []any) error) (*outcome, error) {
	p, err := e.prepare(ctx, text, cut, false)
	if err != nil {
		if keptModel.MatchString(text) && fault.CodeOf(err) == fault.InvalidQuery && e.plugin(ctx, nil) {
			return e.ask(ctx, text, cut, each)
		}
		return nil, err
	}
	out, why, done := e.byPlugin(ctx, p, cut, each)
	if done {
		return out, nil
	}
	out, err = e.execute(ctx, p, cut, each)
	if errors.Is(err, errInexact) { // no row was handed over yet
		if p, err = e.prepare(ctx, text, cut, true); err == nil {
			out, err = e.execute(ctx, p, cut, each)
		}
	}
	if err == nil && why != "" {
		out.notes = append(out.notes, why)
	}
	return out, err
}

// execute fetches what a query reads and runs the rest of it.
func (e *Engine) execute(ctx context.Context, p *prepared, cut int, each func(row []any) error) (*outcome, error) {
	if d := p.direct(); d != nil {
		out, err := e.shortWay(ctx, p, d, cut, each)
		if !errors.Is(err, errIndirect) {
			return out, err
		}
	}
	s, err := e.session(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close(ctx)
	out := &outcome{}
	w := &trouble{}
	tables := make([]*catalog.Table, len(p.plan.fetches))
	for i, f := range p.plan.fetches {
		t, n, err := s.fill(ctx, f, w)
		if err != nil {
			return nil, err
		}
		tables[i] = t
		out.scanned += n
	}
	prog, err := e.compile(ctx, p.q, p.plan, tables, cut)
	if err != nil {
		return nil, err
	}
	out.columns, out.trouble = prog.Columns, w.notes
	out.notes = slices.Concat(prog.Notes, p.plan.notes(), w.estimates, w.notes)
	if err := local.Rows(ctx, s.db, prog, each); err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	return out, nil
}

// shortWay answers a query whose search leaves next to nothing to do.
func (e *Engine) shortWay(ctx context.Context, p *prepared, d *direct, cut int, each func(row []any) error) (*outcome, error) {
	w := &trouble{}
	n, err := d.run(ctx, e, w, cut, each)
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	return &outcome{columns: d.columns, trouble: w.notes, scanned: n, notes: slices.Concat(p.program.Notes, p.plan.notes(), w.estimates, w.notes)}, nil
}

// fill makes the table of a fetch; of one that the query only looks at, an empty one.
func (s *session) fill(ctx context.Context, f *fetch, w *trouble) (*catalog.Table, int64, error) {
	switch {
	case f.unused:
		return f.cat, 0, nil
	case f.agg != nil:
		groups, n, err := s.e.groups(ctx, f, w)
		if err != nil {
			return nil, 0, err
		}
		t, err := s.write(ctx, f.agg.table(), groups)
		return t, n, err
	}
	return s.load(ctx, f, w)
}

// prepare reads and plans a query: over empty tables, to find what is wrong with it and what it reads.
func (e *Engine) prepare(ctx context.Context, text string, cut int, plain bool) (*prepared, error) {
	if len(text) > maxQueryText {
		return nil, fault.WithHint(fault.New(fault.TooLarge, "query: %d bytes, the limit is %d", len(text), maxQueryText),
			"Ask in several queries; long lists of values are better found by a pattern or a sub-search.")
	}
	q, err := ppl.Parse(text)
	if err != nil {
		return nil, err
	}
	p, err := e.check(ctx, q, cut, plain)
	if err == nil || fault.CodeOf(err) != fault.InvalidQuery {
		return p, err
	}
	// The mapping may have grown since it was read, and it does not say which fields hold lists: sample documents do.
	if again, retry := e.look(ctx, p.plan); retry == nil && again {
		return e.check(ctx, q, cut, plain)
	}
	return nil, err
}

// check compiles a query over empty tables.
func (e *Engine) check(ctx context.Context, q *ppl.Query, cut int, plain bool) (*prepared, error) {
	p := &prepared{q: q, plan: &planner{e: e, cut: cut, plain: plain}}
	log := &plan.ScanLog{}
	opt := e.options(cut)
	opt.Log, opt.Head = log, p.plan.head
	prog, err := e.compiler().Compile(ctx, q, p.plan, opt)
	if err != nil {
		return p, err
	}
	p.program = prog
	for _, f := range p.plan.fetches {
		f.wants(log, prog.SQL, func(l *leaf) bool { return e.whole(ctx, f.t, l) })
	}
	return p, nil
}

func (e *Engine) options(cut int) ppl.Options {
	opt := e.config.Dialect.Options(e.now().UTC().Format("2006-01-02 15:04:05.000000"))
	opt.SizeLimit = cut
	return opt
}

// compile compiles a query over the tables of its fetches.
func (e *Engine) compile(ctx context.Context, q *ppl.Query, p *planner, tables []*catalog.Table, cut int) (*ppl.Program, error) {
	p.replay(tables)
	opt := e.options(cut)
	opt.Head = p.head
	return e.compiler().Compile(ctx, q, p, opt)
}

// wants notes which fields of the documents the query reads.
func (f *fetch) wants(log *plan.ScanLog, sql string, whole func(*leaf) bool) {
	f.unused = !mentions(sql, f.cat.From)
	if f.agg != nil {
		return
	}
	names, _ := log.Columns(f.cat)
	seen := map[string]bool{}
	for _, name := range names {
		switch name {
		case "_id", "_index", "_file":
			f.meta = true
			continue
		case "_line", "_score", "_maxscore", "_sort", "_routing":
			continue
		}
		for _, p := range f.t.paths(name) {
			if !seen[p] {
				seen[p] = true
				f.paths = append(f.paths, p)
			}
		}
	}
	slices.Sort(f.paths)
	const most = 300 // beyond it the whole document is cheaper than the list
	f.every = len(f.paths) > most || f.t.convert
	f.useValues(whole)
}

// mentions reports whether the SQL names the table.
func mentions(sql, name string) bool {
	for {
		i := strings.Index(sql, name)
		if i < 0 {
			return false
		}
		sql = sql[i+len(name):]
		if sql == "" || sql[0] < '0' || sql[0] > '9' {
			return true
		}
	}
}
