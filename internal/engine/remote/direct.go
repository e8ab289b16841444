package remote

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/ppl/command"
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/record/jsonscan"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// direct answers a query without DuckDB: its one search does all but projections, orders of few rows and limits.
type direct struct {
	f       *fetch
	columns []rows.Column // of the answer
	layout  []string      // names of the cells of a row before the last projection
	ops     []command.Command
	cells   []cellOf // of documents, one a name of the layout
	picks   *pick    // where the cells' values lie in a document
	paths   int
}

// cellOf makes a cell of the values found at the paths of a document: of the first that is there.
type cellOf struct {
	from []int
	as   func(v *jsonscan.Value) (any, bool)
}

// errIndirect says that a value is not what the mapping made of it: the documents go through DuckDB.
var errIndirect = errors.New("a value needs the long way")

// direct returns the short way of a query, nil if it needs the long one.
func (p *prepared) direct() *direct {
	if len(p.plan.fetches) != 1 {
		return nil
	}
	f := p.plan.fetches[0]
	if f.rest == nil || f.unused || f.t.convert {
		return nil
	}
	d := &direct{f: f, columns: p.program.Columns, ops: f.rest.Commands}
	if !d.arrange() {
		return nil
	}
	if f.agg == nil && !d.documents() {
		return nil
	}
	return d
}

// arrange works out the layout of the rows; false if a command needs more.
func (d *direct) arrange() bool {
	seen := map[string]bool{}
	add := func(name string) {
		if !seen[name] {
			seen[name] = true
			d.layout = append(d.layout, name)
		}
	}
	for _, c := range d.ops {
		switch c := c.(type) {
		case *command.Fields:
			if c.Remove {
				return false
			}
			for _, n := range c.Names {
				add(n.Name)
			}
		case *command.Sort:
			if slices.ContainsFunc(c.Keys, func(k command.SortKey) bool { return k.As != "" }) || d.f.agg == nil && d.f.limit < 0 {
				return false
			}
			for _, k := range c.Keys {
				add(k.Field.Name)
			}
		case *command.Head:
			if d.f.agg == nil && d.f.limit < 0 {
				return false
			}
		default:
			return false
		}
	}
	for _, c := range d.columns {
		add(c.Name)
	}
	for _, name := range d.layout {
		if !slices.ContainsFunc(d.cat(), func(c string) bool { return c == name }) {
			return false
		}
	}
	return true
}

// cat lists the columns of the fetch.
func (d *direct) cat() []string {
	out := make([]string, 0, len(d.f.cat.Columns))
	for i := range d.f.cat.Columns {
		out = append(out, d.f.cat.Columns[i].Name)
	}
	return out
}

// run hands over the rows of the answer, at most cut of them.
func (d *direct) run(ctx context.Context, e *Engine, w *trouble, cut int, each func(row []any) error) (scanned int64, err error) {
	if d.f.agg != nil {
		list, n, err := e.groups(ctx, d.f, w)
		if err != nil {
			return 0, err
		}
		at := map[string]int{}
		for i, name := range d.cat() {
			at[name] = i
		}
		return n, d.finish(list, at, cut, each)
	}
	at := map[string]int{}
	for i, name := range d.layout {
		at[name] = i
	}
	r := &docReader{d: d, found: make([]jsonscan.Value, d.paths), has: make([]bool, d.paths)}
	if slices.ContainsFunc(d.ops, isSort) {
		var list [][]any
		err := e.documents(ctx, d.f, w, func(h *hit) error {
			row, err := r.read(h)
			list = append(list, row)
			return err
		})
		if err != nil {
			return 0, err
		}
		return int64(len(list)), d.finish(list, at, cut, each)
	}
	return d.stream(ctx, e, w, r, at, cut, each)
}

func isSort(c command.Command) bool { _, ok := c.(*command.Sort); return ok }

// stream hands over rows as they come. The first ones wait until it is clear that they can be read this way.
func (d *direct) stream(ctx context.Context, e *Engine, w *trouble, r *docReader, at map[string]int, cut int, each func(row []any) error) (n int64, err error) {
	skip, most := d.window(cut)
	out := make([]any, len(d.columns))
	from := d.projection(at)
	var taken int64
	err = e.documents(ctx, d.f, w, func(h *hit) error {
		row, err := r.read(h)
		if err != nil {
			return err
		}
		if n++; n <= skip {
			return nil
		}
		r.loose = true // what was handed over cannot be taken back
		if most >= 0 && taken >= most {
			return errEnough
		}
		taken++
		for i, k := range from {
			out[i] = row[k]
		}
		return each(out)
	})
	return n, err
}

// window joins the heads of a pipeline: how many rows are skipped and how many then taken, -1 for all.
func (d *direct) window(cut int) (skip, most int64) {
	most = -1
	for _, c := range d.ops {
		if h, ok := c.(*command.Head); ok {
			if most >= 0 {
				most = max(0, most-h.From)
			}
			skip += h.From
			if most < 0 || h.N < most {
				most = h.N
			}
		}
	}
	if cut > 0 && (most < 0 || int64(cut) < most) {
		most = int64(cut)
	}
	return skip, most
}

func (d *direct) projection(at map[string]int) []int {
	from := make([]int, len(d.columns))
	for i, c := range d.columns {
		from[i] = at[c.Name]
	}
	return from
}

// finish does the rest of the pipeline on rows that are all here.
func (d *direct) finish(list [][]any, at map[string]int, cut int, each func(row []any) error) error {
	for _, c := range d.ops {
		switch c := c.(type) {
		case *command.Sort:
			order(list, c.Keys, at)
			if c.N > 0 {
				list = list[:min(int64(len(list)), c.N)]
			}
		case *command.Head:
			list = list[min(int64(len(list)), c.From):]
			list = list[:min(int64(len(list)), c.N)]
		}
	}
	if cut > 0 {
		list = list[:min(len(list), cut)]
	}
	out := make([]any, len(d.columns))
	from := d.projection(at)
	for _, row := range list {
		for i, k := range from {
			out[i] = row[k]
		}
		if err := each(out); err != nil {
			return err
		}
	}
	return nil
}

// order sorts rows as PPL does: nulls first when ascending, last when descending; equal rows keep their order.
func order(list [][]any, keys []command.SortKey, at map[string]int) {
	slices.SortStableFunc(list, func(a, b []any) int {
		for _, k := range keys {
			i := at[k.Field.Name]
			c := compareCells(a[i], b[i])
			if k.Desc {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
}

// compareCells orders two cells of one column, nulls first.
func compareCells(a, b any) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	switch x := a.(type) {
	case int64:
		if y, ok := b.(int64); ok {
			return cmp.Compare(x, y)
		}
	case float64:
		if y, ok := b.(float64); ok {
			return cmp.Compare(x, y)
		}
	case string:
		if y, ok := b.(string); ok {
			return strings.Compare(x, y)
		}
	case bool:
		if y, ok := b.(bool); ok && x != y {
			if y {
				return -1
			}
			return 1
		}
	case time.Time:
		if y, ok := b.(time.Time); ok {
			return x.Compare(y)
		}
	}
	return 0
}

// documents plans how cells are read from documents; false if a column needs more than its values.
func (d *direct) documents() bool {
	t := d.f.t
	d.picks = &pick{at: -1}
	index := map[string]int{}
	for _, name := range d.layout {
		f := t.fields[name]
		i := t.pos[name]
		if f == nil || f.words != nil || i >= len(t.cat.Columns) || f.absent != nil || f.twin != nil {
			return false
		}
		var c cellOf
		for _, path := range t.paths(name) {
			l := t.mapping.leaves[path]
			if l == nil || l.prop.conflict || l.path != path || l.inner && l.prop.Type != "nested" {
				return false
			}
			if as := reader(l, f); c.as == nil {
				c.as = as
			}
			if c.as == nil {
				return false
			}
			n, ok := index[path]
			if !ok {
				n = len(index)
				index[path] = n
				d.picks.add(path, n)
			}
			c.from = append(c.from, n)
		}
		if len(c.from) == 0 {
			return false
		}
		d.cells = append(d.cells, c)
	}
	d.paths = len(index)
	return true
}

// reader makes cells of a field's values; nil where that takes more.
func reader(l *leaf, f *field) func(v *jsonscan.Value) (any, bool) {
	typ := l.prop.Type
	switch {
	case f.col.JSON && typ == "nested":
		return anyCell
	case f.col.Type == rows.String && (typ == "keyword" || isText(typ)):
		return func(v *jsonscan.Value) (any, bool) {
			switch v.Kind {
			case jsonscan.String, jsonscan.Int, jsonscan.Float:
				return string(v.Text), true
			case jsonscan.True, jsonscan.False:
				return strconv.FormatBool(v.Kind == jsonscan.True), true
			default:
				return nil, false
			}
		}
	case f.col.Type.Integer() && wholeNumber(typ):
		return func(v *jsonscan.Value) (any, bool) { return v.Int, v.Kind == jsonscan.Int }
	case f.col.Type == rows.Double && typ == "double":
		return func(v *jsonscan.Value) (any, bool) {
			if v.Kind == jsonscan.Int {
				return float64(v.Int), true
			}
			return v.Float, v.Kind == jsonscan.Float
		}
	case f.col.Type == rows.Boolean && typ == "boolean":
		return func(v *jsonscan.Value) (any, bool) {
			return v.Kind == jsonscan.True, v.Kind == jsonscan.True || v.Kind == jsonscan.False
		}
	case f.col.Type == rows.Timestamp && (typ == "date" || typ == "date_nanos") && l.prop.Format == "":
		return timeCell
	}
	return nil
}

func timeCell(v *jsonscan.Value) (any, bool) {
	switch v.Kind {
	case jsonscan.Int:
		return time.UnixMilli(v.Int).UTC(), true
	case jsonscan.String:
		s := string(v.Text)
		if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
			return t.UTC(), true
		}
		return plan.ParseTime(s)
	default:
		return nil, false
	}
}

// anyCell keeps JSON as it is.
func anyCell(v *jsonscan.Value) (any, bool) {
	dec := json.NewDecoder(bytes.NewReader(v.Text))
	dec.UseNumber()
	var out any
	if v.Kind != jsonscan.Array || dec.Decode(&out) != nil {
		return nil, false
	}
	return wireCell(out, rows.Array), true
}

// pick is a part of the tree of wanted paths.
type pick struct {
	kids map[string]*pick
	at   int // of the value, -1 if the path goes on
}

func (p *pick) add(path string, n int) {
	for part := range strings.SplitSeq(path, ".") {
		next := p.kids[part]
		if next == nil {
			next = &pick{at: -1}
			if p.kids == nil {
				p.kids = map[string]*pick{}
			}
			p.kids[part] = next
		}
		p = next
	}
	p.at = n
}

// docReader reads the cells of documents.
type docReader struct {
	d     *direct
	s     jsonscan.Scanner
	found []jsonscan.Value
	has   []bool
	loose bool // a value that does not fit its mapping is shown as it is
}

// read returns the row of a hit.
func (r *docReader) read(h *hit) ([]any, error) {
	clear(r.has)
	if len(h.Source) > 0 {
		r.s.Reset(h.Source, maxDepth)
		if err := r.object(r.d.picks); err != nil {
			return nil, err
		}
	}
	row := make([]any, len(r.d.cells))
	for i, c := range r.d.cells {
		for _, n := range c.from {
			if !r.has[n] {
				continue
			}
			v, ok := c.as(&r.found[n])
			if !ok && !r.loose {
				return nil, errIndirect
			}
			if !ok {
				v = asWritten(&r.found[n])
			}
			row[i] = v
			break
		}
	}
	return row, nil
}

// asWritten is a value without regard to its mapping.
func asWritten(v *jsonscan.Value) any {
	if v.Kind == jsonscan.Array || v.Kind == jsonscan.Object {
		dec := json.NewDecoder(bytes.NewReader(v.Text))
		dec.UseNumber()
		var out any
		if dec.Decode(&out) == nil {
			return wireCell(out, "")
		}
	}
	return string(v.Text)
}

// object looks for wanted values in an object; keys may hold dots.
func (r *docReader) object(p *pick) error {
	return r.s.Fields(func(key []byte) error {
		at := p.kids[string(key)]
		if at == nil && bytes.IndexByte(key, '.') >= 0 {
			at = p
			for part := range bytes.SplitSeq(key, []byte{'.'}) {
				if at = at.kids[string(part)]; at == nil {
					break
				}
			}
		}
		switch {
		case at == nil:
			return r.s.Skip()
		case r.s.Next() == '{' && at.kids != nil:
			return r.object(at)
		case at.at < 0:
			if r.s.Next() == '[' && !r.loose { // objects in a list
				return errIndirect
			}
			return r.s.Skip()
		}
		v := &r.found[at.at]
		if err := r.s.Value(v); err != nil {
			return err
		}
		r.has[at.at] = v.Kind != jsonscan.Null
		return nil
	})
}
