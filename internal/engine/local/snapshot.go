package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/local/duck"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/record"
)

const (
	// plainLogs is the table of text logs that repeat the structured logs of the same services and times.
	plainLogs = "plain_logs"
	// skippedTable lists the lines that could not be read.
	skippedTable = "_skipped"
	// orderName is the hidden column that rises in index order.
	orderName = "_ord"
	// orderShift leaves 2^40 rows to a segment's table within one order.
	orderShift = 40
)

// snapshot is the state of a source's files that queries run on: views over attached segments. It stays as it is while the files
// go on; it is given up when its last user is done.
type snapshot struct {
	store   *Store
	dialect ppl.Dialect
	inst    *instance
	schema  string
	files   []found
	keys    []string // attached segments
	tables  []*table
	notes   []string // of the source
	report  []engine.File

	repeats []string // notes of the spans table
	idle    []string // files that gave no rows, and why

	refs   atomic.Int64
	fields sync.Map // table name -> []engine.Field
}

// table is one table of a snapshot.
type table struct {
	engine.Table
	cat     view
	members []member
}

// member is the share of one stored table in a table of the snapshot.
type member struct {
	from   string // quoted
	stored *storedTable
	ord    int
	file   string   // _file of all its rows; "" when the rows carry it
	only   []string // names of the files whose rows count, nil for all
	upTo   int64
	drop   string // a condition on rows that are repeated elsewhere
	stats  []memberFile
}

// memberFile is what one file gave to a member.
type memberFile struct {
	fileStats
	name   string
	format record.Format
}

func (s *snapshot) release(ctx context.Context) {
	if s.refs.Add(-1) > 0 {
		return
	}
	if err := s.inst.end(ctx, s.schema, s.keys); err != nil {
		s.store.log.Warn("source not closed", errAttr(err))
	}
}

// snapshot attaches the pieces and makes the views.
func (s *Store) snapshot(ctx context.Context, files []found, pieces []piece, jobs []*job, notes []string) (*snapshot, error) {
	var parquet []string
	for _, j := range jobs {
		if j.parquet && j.err == nil {
			parquet = append(parquet, j.found.path)
		}
	}
	inst, err := s.instance(ctx, parquet)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.schemas++
	snap := &snapshot{store: s, inst: inst, schema: "src_" + strconv.Itoa(s.schemas), files: files, notes: notes}
	s.mu.Unlock()
	snap.refs.Add(1)
	conn, err := inst.db.Conn()
	if err != nil {
		return nil, fault.WithCode(err, fault.Unavailable)
	}
	err = snap.build(ctx, conn, pieces, jobs)
	inst.db.Release(conn)
	if err != nil {
		snap.release(ctx)
		return nil, err
	}
	return snap, nil
}

func (s *snapshot) build(ctx context.Context, conn *duck.Conn, pieces []piece, jobs []*job) error {
	if err := conn.Exec(ctx, "CREATE SCHEMA "+s.schema); err != nil {
		return fmt.Errorf("open source: %w", err)
	}
	s.reportFiles(pieces, jobs)
	groups, err := s.group(ctx, conn, pieces)
	if err != nil {
		return err
	}
	if err := s.parquet(ctx, conn, jobs, groups); err != nil {
		return err
	}
	placeTextLogs(groups)
	placeHBaseLogs(groups)
	if err := s.dropRepeated(ctx, conn, groups); err != nil {
		return err
	}
	for _, name := range tableOrder(groups) {
		t := s.table(name, groups[name])
		if t.cat.sql != "" {
			if err := conn.Exec(ctx, "CREATE VIEW "+t.cat.From+" AS "+t.cat.sql); err != nil {
				return fmt.Errorf("open source: table %s: %w", name, err)
			}
		}
		t.Notes = s.tableNotes(name, groups)
		s.tables = append(s.tables, t)
	}
	if err := s.skipped(ctx, conn, pieces); err != nil {
		return err
	}
	s.findIdle()
	return s.measure(ctx, conn)
}

// findIdle lists the files that are in no table.
func (s *snapshot) findIdle() {
	for _, f := range s.report {
		if f.Rows == 0 {
			s.idle = append(s.idle, f.Path+" ("+cmp.Or(strings.TrimPrefix(f.Example, f.Path+": "), f.Format, "empty")+")")
		}
	}
}

// idleNote says which files gave nothing, "" if all gave something.
func (s *snapshot) idleNote() string {
	if len(s.idle) == 0 {
		return ""
	}
	const shown = 3
	note := fmt.Sprintf("%d files gave no rows: %s", len(s.idle), strings.Join(s.idle[:min(shown, len(s.idle))], ", "))
	if len(s.idle) > shown {
		note += ", ..."
	}
	return note
}

// group attaches the pieces and sorts their tables by the name under which they are seen.
func (s *snapshot) group(ctx context.Context, conn *duck.Conn, pieces []piece) (map[string][]member, error) {
	groups := map[string][]member{}
	var documents []member
	ord := 0
	for _, p := range pieces {
		if len(p.manifest.Tables) == 0 {
			continue
		}
		alias, err := s.inst.attach(ctx, conn, p.key)
		if err != nil {
			return nil, s.lost(ctx, p.key, err)
		}
		s.keys = append(s.keys, p.key)
		for i := range p.manifest.Tables {
			t := &p.manifest.Tables[i]
			m := member{from: duck.Ident(alias) + "." + duck.Ident(t.Name), stored: t, ord: ord, upTo: p.upTo}
			ord++
			if len(p.manifest.Files) == 1 {
				m.file = p.label(&p.manifest.Files[0])
			}
			for _, f := range p.manifest.Files {
				for _, st := range f.Stats {
					if st.Table == t.Name {
						m.stats = append(m.stats, memberFile{st, p.label(&f), f.Report.Format})
					}
				}
			}
			if t.Kind == engine.Generic {
				documents = append(documents, m)
				continue
			}
			groups[t.Name] = append(groups[t.Name], m)
		}
	}
	nameDocuments(groups, documents)
	return groups, nil
}

// errLost says that a segment was listed but could not be opened; it is gone now and its files are read anew.
var errLost = errors.New("segment lost")

// lost drops a segment that cannot be opened, so that the next attempt reads its files again.
func (s *snapshot) lost(ctx context.Context, key string, err error) error {
	if ctx.Err() != nil {
		return err
	}
	s.store.log.Warn("segment dropped", slog.String("key", key), errAttr(err))
	if rerr := s.store.cache.remove(key); rerr != nil {
		return errors.Join(err, rerr)
	}
	return fmt.Errorf("%w: %w", errLost, err)
}

// nameDocuments names the tables of documents after their files, and after their directories too where files are called alike.
func nameDocuments(groups map[string][]member, documents []member) {
	alike := map[string]int{}
	file := func(m member) string {
		if len(m.stats) > 0 {
			return m.stats[0].name
		}
		return m.stored.Name
	}
	for _, m := range documents {
		alike[tableName(file(m))]++
	}
	for _, m := range documents {
		if name := formatTable(m); name != "" {
			name = freeName(groups, name)
			groups[name] = append(groups[name], m)
			continue
		}
		name := tableName(file(m))
		if alike[name] > 1 {
			name = tableName(strings.ReplaceAll(file(m), "/", "_"))
		}
		name = freeName(groups, name)
		groups[name] = append(groups[name], m)
	}
}

// formatTable names the table of a format that is always called alike, "" for those called after their files.
func formatTable(m member) string {
	if len(m.stats) == 0 {
		return ""
	}
	switch m.stats[0].format {
	case record.FormatHBaseMeta:
		return "hbase_meta"
	case record.FormatHBasePaths:
		return "hbase_paths"
	case record.FormatHBaseHbck:
		return "hbase_hbck"
	default:
		return ""
	}
}

// hbaseLogs is the table of the logs of a source that also shows an HBase cluster's state: the same rows as in logs.
const hbaseLogs = "hbase_logs"

// placeHBaseLogs offers the log4j logs beside the state of an HBase cluster under a name that goes with its other tables.
func placeHBaseLogs(groups map[string][]member) {
	if groups["hbase_meta"] == nil && groups["hbase_paths"] == nil && groups["hbase_hbck"] == nil {
		return
	}
	for _, table := range []string{string(engine.Logs), plainLogs} {
		for _, m := range groups[table] {
			var own []string
			for _, f := range m.stats {
				if f.format == record.FormatLog4j {
					own = append(own, f.name)
				}
			}
			if len(own) > 0 {
				groups[hbaseLogs] = append(groups[hbaseLogs], m.cut(own))
			}
		}
	}
}

func freeName(groups map[string][]member, name string) string {
	free := name
	for i := 2; groups[free] != nil; i++ {
		free = fmt.Sprintf("%s_%d", name, i)
	}
	return free
}

// placeTextLogs decides where logs read from text are seen. A text log whose service also has structured logs at the same time
// tells the same story twice and goes to the table plain_logs; all others join the structured ones in logs.
func placeTextLogs(groups map[string][]member) {
	structured := groups[string(engine.Logs)]
	text := groups[textLogs]
	delete(groups, textLogs)
	for _, m := range text {
		var own, copies []string
		for _, f := range m.stats {
			if slices.ContainsFunc(structured, func(o member) bool { return o.tells(f.fileStats) }) {
				copies = append(copies, f.name)
			} else {
				own = append(own, f.name)
			}
		}
		if len(copies) == 0 {
			groups[string(engine.Logs)] = append(groups[string(engine.Logs)], m)
			continue
		}
		if len(own) > 0 {
			groups[string(engine.Logs)] = append(groups[string(engine.Logs)], m.cut(own))
		}
		groups[plainLogs] = append(groups[plainLogs], m.cut(copies))
	}
	if len(groups[string(engine.Logs)]) == 0 {
		delete(groups, string(engine.Logs))
	}
}

// tableNotes says what to know of a table before trusting its numbers.
func (s *snapshot) tableNotes(name string, groups map[string][]member) []string {
	switch name {
	case string(engine.Spans):
		return s.repeats
	case string(engine.Logs):
		if plain := groups[plainLogs]; len(plain) > 0 {
			n := 0
			for _, m := range plain {
				n += len(m.stats)
			}
			return []string{fmt.Sprintf("%d text logs of services that also have structured logs here are the table %s, so that no line counts twice", n, plainLogs)}
		}
	}
	return nil
}

// tells reports whether a structured member has logs of one of the file's services at the file's time.
func (m *member) tells(f fileStats) bool {
	if f.Start.IsZero() {
		return false
	}
	for _, st := range m.stats {
		if st.Start.IsZero() || st.End.Before(f.Start) || f.End.Before(st.Start) {
			continue
		}
		if slices.ContainsFunc(f.Services, func(n string) bool { return slices.Contains(st.Services, n) }) {
			return true
		}
	}
	return false
}

// cut returns the share of some of a member's files.
func (m *member) cut(names []string) member {
	out := *m
	out.stats = slices.DeleteFunc(slices.Clone(m.stats), func(f memberFile) bool { return !slices.Contains(names, f.name) })
	if m.file == "" {
		out.only = names
	}
	return out
}

// tableOrder lists logs, spans, metrics and the service map first, then the others by name.
func tableOrder(groups map[string][]member) []string {
	first := []string{string(engine.Logs), string(engine.Spans), string(engine.Metrics), string(engine.ServiceMap), plainLogs}
	rank := func(n string) int {
		if i := slices.Index(first, n); i >= 0 {
			return i
		}
		return len(first)
	}
	return slices.SortedFunc(maps.Keys(groups), func(a, b string) int {
		return cmp.Or(rank(a)-rank(b), strings.Compare(a, b))
	})
}

// reportFiles says of every file how reading it went.
func (s *snapshot) reportFiles(pieces []piece, jobs []*job) {
	byName := map[string]*engine.File{}
	sizes := map[string]int64{}
	for _, f := range s.files {
		sizes[f.name] = f.size
	}
	for _, p := range pieces {
		for i := range p.manifest.Files {
			f := &p.manifest.Files[i]
			name := p.label(f)
			e := byName[name]
			if e == nil {
				e = &engine.File{Path: name, Format: string(f.Report.Format), Bytes: sizes[name]}
				byName[name] = e
			}
			rows, skips := f.Report.Rows, f.Report.Skipped
			if p.upTo > 0 { // what lies beyond is told by the next piece
				rows -= f.Report.Tail
				skips -= int64(len(skipsBeyond(f.Report.Examples, p.upTo)))
			}
			e.Rows += rows
			e.Skipped += skips
			switch {
			case e.Example != "":
			case f.Error != "":
				e.Example = f.Error
			case f.Report.Truncated:
				e.Example = name + ": the compressed data is damaged or ends early; what came before it was read"
			case skips > 0 && len(f.Report.Examples) > 0:
				e.Example = fmt.Sprintf("%s:%d: %s", name, f.Report.Examples[0].Line, f.Report.Examples[0].Reason)
			}
		}
	}
	for _, j := range jobs {
		if j.err != nil {
			byName[j.found.name] = &engine.File{Path: j.found.name, Bytes: j.found.size, Example: j.err.Error()}
			s.notes = append(s.notes, "not read: "+j.err.Error())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		s.report = append(s.report, *byName[name])
	}
}

func skipsBeyond(list []record.Skip, line int64) []record.Skip {
	i := slices.IndexFunc(list, func(s record.Skip) bool { return s.Line > line })
	if i < 0 {
		return nil
	}
	return list[i:]
}

// skipped makes the table of the lines that could not be read; each file keeps its first few.
func (s *snapshot) skipped(ctx context.Context, conn *duck.Conn, pieces []piece) error {
	var values []string
	for _, p := range pieces {
		for _, f := range p.manifest.Files {
			list := f.Report.Examples
			if p.upTo > 0 {
				list = list[:len(list)-len(skipsBeyond(list, p.upTo))]
			}
			for _, e := range list {
				values = append(values, fmt.Sprintf("(%s,%d,%s,%s)", duck.Literal(p.label(&f)), e.Line, duck.Literal(e.Reason), duck.Literal(e.Text)))
			}
		}
	}
	if len(values) == 0 {
		return nil
	}
	t := skippedView(s.schema, int64(len(values)))
	sql := "CREATE TABLE " + t.cat.From + `("file" VARCHAR, "line" BIGINT, "reason" VARCHAR, "text" VARCHAR); INSERT INTO ` + t.cat.From + " VALUES " + strings.Join(values, ",")
	if err := conn.Exec(ctx, strings.ReplaceAll(sql, "\x00", "")); err != nil {
		return fmt.Errorf("open source: %w", err)
	}
	s.tables = append(s.tables, t)
	return nil
}
