package remote

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/local"
	"github.com/plumbline-mcp/plumbline/internal/engine/local/doctable"
	"github.com/plumbline-mcp/plumbline/internal/ppl/catalog"
	"github.com/plumbline-mcp/plumbline/internal/record"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// table is an index expression as PPL sees it.
type table struct {
	name    string // as the query names it
	target  string // the index expression that is asked
	kind    engine.Kind
	form    record.Form
	mapping *mapping
	raw     bool // the columns are the mapping's own; otherwise they are those of the kind
	convert bool // documents go through package record: their values must be read to be understood
	cat     *catalog.Table
	fields  map[string]*field
	notes   []string
	known   time.Time           // when the mapping was read
	sampled bool                // cat knows what sample documents show
	facts   *facts              // of a well-known table
	tainted sync.Map            // paths with values that are not in the index
	looked  sync.Map            // keywords of which documents without a value were looked at -> whether none has one
	window  atomic.Int64        // index.max_result_window where it is known to be less than usual
	placed  map[string][]string // sources, once they cannot change
	pos     map[string]int      // display position of each column
}

// field is a column of a table with the index's fields that hold it.
type field struct {
	col    catalog.Column
	leaves []*leaf           // any one of them holds the value; none: the column is computed or always null
	words  map[string]string // spelling in the index -> spelling of records; nil where they are the same
	coarse bool              // the index knows the time less exactly than the document
	absent any               // what a document without the field stands for; nil: null
	twin   *field            // of a level's text its number and the other way: it stands in where the field is missing
}

// each asks every leaf of the field: a document has its value in one of them.
func (f *field) each(ask func(*leaf) (clause, bool)) (clause, bool) {
	if len(f.leaves) == 0 {
		return clause{}, false
	}
	out := clause{exact: true}
	var qs []dsl
	for _, l := range f.leaves {
		q, ok := ask(l)
		if !ok {
			return clause{}, false
		}
		out.exact = out.exact && q.exact
		qs = append(qs, q.q)
	}
	out.q = anyOf(qs)
	return out, true
}

// taint notes that the field has values that are not in the index: groups and orders by it would miss them.
func (t *table) taint(path string) { t.tainted.Store(path, true) }

func (t *table) isTainted(path string) bool { _, ok := t.tainted.Load(path); return ok }

func (t *table) field(name string) *field {
	if f := t.fields[name]; f != nil {
		return f
	}
	if prefix := t.name + "."; strings.HasPrefix(name, prefix) { // qualified by the index
		return t.fields[name[len(prefix):]]
	}
	return nil
}

// options are how documents of the table become columns.
func (t *table) options(schema string) doctable.Options {
	return doctable.Options{Schema: schema, Index: t.target, ClusterOrder: true}
}

// describe works out the columns, by the mapping and by sample documents.
func (t *table) describe(ctx context.Context, docs [][]byte) error {
	from := t.mapping.json(nil)
	if t.convert {
		from = convertedMapping(t)
	}
	cat, err := doctable.Describe(ctx, "t", from, docs, t.options("s"))
	if err != nil {
		return fmt.Errorf("read mapping of %s: %w", t.target, err)
	}
	t.sampled = len(docs) > 0
	t.placed = t.sources() // its mapping and facts are known now
	t.cat = t.present(cat)
	t.pos = map[string]int{}
	t.fields = map[string]*field{}
	defer t.pair()
	for i, c := range t.cat.Columns {
		t.pos[c.Name] = i
		t.fields[c.Name] = &field{col: c, leaves: t.leavesOf(c.Name), words: t.words(c.Name), coarse: t.convert, absent: t.absent(c.Name)}
	}
	return nil
}

// present shows a table of documents as the table of its kind: other names, the core columns, the other spellings hidden.
func (t *table) present(docs *catalog.Table) *catalog.Table {
	out := *docs
	out.Name, out.Columns = t.name, slices.Clone(docs.Columns)
	for i := range out.Columns {
		c := &out.Columns[i]
		c.Hidden = c.Hidden || strings.HasPrefix(c.Name, "_") && (c.Name == "_id" || c.Name == "_index")
	}
	if t.raw {
		t.addCanonical(&out)
		return &out
	}
	shown := t.canonical(docs)
	known := map[string]bool{}
	for _, c := range shown {
		known[c.Name] = true
	}
	out.Columns = shown
	for _, c := range docs.Columns { // the names of the index stay reachable
		if !known[c.Name] && (t.facts == nil || !t.facts.none[c.Name]) {
			c.Hidden = true
			known[c.Name] = true
			out.Columns = append(out.Columns, c)
		}
	}
	for _, c := range local.Aliases(t.kind, shown) {
		if !known[c.Name] {
			known[c.Name] = true
			out.Columns = append(out.Columns, c)
		}
	}
	out.TimeField = local.TimeField(t.kind)
	return &out
}

// addCanonical makes the names of records reachable in a table of index names.
func (t *table) addCanonical(out *catalog.Table) {
	if t.kind == engine.Generic || !t.form.Renames() {
		return
	}
	known := map[string]bool{}
	for _, c := range out.Columns {
		known[c.Name] = true
	}
	for _, c := range t.canonical(out) {
		if !known[c.Name] && !strings.HasPrefix(c.Name, "_") {
			c.Hidden = true
			known[c.Name] = true
			out.Columns = append(out.Columns, c)
		}
	}
	if out.TimeField == "" && known[local.TimeField(t.kind)] {
		out.TimeField = local.TimeField(t.kind)
	}
}

// canonical returns the columns of the table's kind over a table of documents.
func (t *table) canonical(docs *catalog.Table) []catalog.Column {
	byName := map[string]*catalog.Column{}
	for i := range docs.Columns {
		byName[docs.Columns[i].Name] = &docs.Columns[i]
	}
	sources := t.sources()
	if t.convert { // the documents are records already
		sources = map[string][]string{}
		for name := range byName {
			if !byName[name].Hidden && !strings.HasPrefix(name, "_") {
				sources[name] = []string{name}
			}
		}
	}
	out := local.Core(t.kind)
	at := map[string]int{}
	for i := range out {
		at[out[i].Name] = i
		out[i].SQL = nullOf(out[i])
	}
	core := len(out)
	var names []string
	for name := range sources {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		var parts []catalog.Column
		for _, raw := range sources[name] {
			if c := byName[raw]; c != nil && (!c.Hidden || c.JSON) {
				parts = append(parts, *c)
			}
		}
		if len(parts) == 0 {
			continue
		}
		i, isCore := at[name]
		c := parts[0]
		if isCore {
			c = out[i]
		}
		// A log's second time says the same as its first but for rare cases: it is there for those who ask.
		c.Name, c.Hidden = name, t.kind == engine.Logs && (name == "time" || name == "timestamp")
		c = t.united(c, parts, isCore)
		if isCore {
			out[i] = c
		} else {
			out = append(out, c)
		}
	}
	local.Arrange(out[core:])
	t.derive(out)
	file := catalog.Column{Name: "_file", Type: rows.String, SQL: "CAST(NULL AS VARCHAR)", Hidden: true}
	if c := byName["_index"]; c != nil {
		file.SQL = c.SQL
	}
	return append(out, file, catalog.Column{Name: "_line", Type: rows.BigInt, SQL: "CAST(NULL AS BIGINT)", Hidden: true})
}

// nullOf is a null of the column's type.
func nullOf(c catalog.Column) string { return "CAST(NULL AS " + storage(c) + ")" }

func storage(c catalog.Column) string {
	switch {
	case c.JSON:
		return "VARCHAR"
	case c.Nanos:
		return "TIMESTAMP_NS"
	}
	return map[rows.Type]string{
		rows.Boolean: "BOOLEAN", rows.TinyInt: "TINYINT", rows.SmallInt: "SMALLINT", rows.Int: "INTEGER", rows.BigInt: "BIGINT",
		rows.Float: "FLOAT", rows.Double: "DOUBLE", rows.Timestamp: "TIMESTAMP", rows.Date: "DATE", rows.Time: "TIME",
	}[c.Type] + map[bool]string{true: "VARCHAR"}[!sized(c.Type)]
}

func sized(t rows.Type) bool {
	return t == rows.Boolean || t.Numeric() || t.Temporal()
}

// united is a column that takes its value from the first part that has one, in the type of a core column where it is one.
func (t *table) united(c catalog.Column, parts []catalog.Column, isCore bool) catalog.Column {
	same := true
	for _, p := range parts {
		same = same && p.Type == parts[0].Type && p.JSON == parts[0].JSON && p.Nanos == parts[0].Nanos && p.Elem == parts[0].Elem
	}
	switch {
	case isCore && c.JSON:
		c.SQL = parts[0].SQL
		c.Text = false
		return t.spelled(c)
	case isCore && c.Type == rows.Timestamp && same && parts[0].Type == rows.Timestamp:
		c.Nanos = parts[0].Nanos
	case isCore:
	case same:
		c.Type, c.Elem, c.Nanos, c.JSON, c.Text = parts[0].Type, parts[0].Elem, parts[0].Nanos, parts[0].JSON, parts[0].Text
	default:
		c.Type, c.Elem, c.Nanos, c.JSON = rows.String, "", false, false
	}
	var sqls []string
	for _, p := range parts {
		sql := p.SQL
		if p.Type != c.Type || p.Nanos != c.Nanos || p.JSON != c.JSON || p.Elem != c.Elem {
			sql = "TRY_CAST(" + sql + " AS " + storage(c) + ")"
		}
		sqls = append(sqls, sql)
	}
	c.SQL = sqls[0]
	if len(sqls) > 1 {
		c.SQL = "coalesce(" + strings.Join(sqls, ", ") + ")"
	}
	c.Text = c.Name == "body" && t.kind == engine.Logs || !isCore && parts[0].Text
	return t.spelled(c)
}

// spelled brings the values of a column to the spelling of records.
func (t *table) spelled(c catalog.Column) catalog.Column {
	words := t.words(c.Name)
	if words == nil {
		switch x := spanDefault(t.kind, c.Name).(type) {
		case string:
			c.SQL = "coalesce(" + c.SQL + ", " + quote(x) + ")"
		case int64:
			c.SQL = "coalesce(" + c.SQL + ", " + strconv.FormatInt(x, 10) + ")"
		}
		return c
	}
	var b strings.Builder
	b.WriteString("CASE " + c.SQL)
	var from []string
	for w := range words {
		from = append(from, w)
	}
	slices.Sort(from)
	for _, w := range from {
		b.WriteString(" WHEN " + quote(w) + " THEN " + quote(words[w]))
	}
	b.WriteString(" ELSE " + c.SQL + " END")
	c.SQL = b.String()
	return c
}

// spanDefault is what a span without the field stands for, nil for other fields.
func spanDefault(kind engine.Kind, name string) any {
	if kind != engine.Spans {
		return nil
	}
	switch name {
	case "parentSpanId":
		return ""
	case "kind":
		return "SPAN_KIND_UNSPECIFIED"
	case "status.code":
		return int64(0)
	}
	return nil
}

// absent is what a document without the column's field stands for, nil if every document has it or it is null then.
func (t *table) absent(column string) any {
	name := t.canonicalName(column)
	if t.raw && t.mapping.leaves[column] != nil || t.convert || t.facts != nil && t.facts.always[name] {
		return nil
	}
	return spanDefault(t.kind, name)
}

// levels are the numbers of the levels' texts, as OpenTelemetry counts them.
func levels() []string { return []string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"} }

// derived reports a column of logs that some documents have only by its twin: the text of a level by its number, or the other way.
func (t *table) derived(name string) bool {
	twin := map[string]string{"severityText": "severityNumber", "severityNumber": "severityText"}[name]
	return twin != "" && t.kind == engine.Logs && !t.raw && t.facts != nil && !t.facts.always[name] && len(t.sources()[twin]) > 0
}

// pair joins the text and the number of levels where one stands in for the other.
func (t *table) pair() {
	text, number := t.fields["severityText"], t.fields["severityNumber"]
	if text == nil || number == nil {
		return
	}
	plainText, plainNumber := *text, *number
	for name, f := range t.fields {
		switch canonical := t.canonicalName(name); {
		case !t.derived(canonical):
		case canonical == "severityText":
			f.twin = &plainNumber
		case canonical == "severityNumber":
			f.twin = &plainText
		}
	}
}

// derive gives the level's text and number to the rows that have only the other.
func (t *table) derive(cols []catalog.Column) {
	at := map[string]int{}
	for i, c := range cols {
		at[c.Name] = i
	}
	i, okText := at["severityText"]
	k, okNumber := at["severityNumber"]
	if !okText || !okNumber {
		return
	}
	text, number := cols[i].SQL, cols[k].SQL
	if t.derived("severityText") {
		cols[i].SQL = "coalesce(" + text + ", list_extract(['" + strings.Join(levels(), "', '") + "'], CASE WHEN " + number + " BETWEEN 1 AND 24 THEN CAST((" + number + " - 1) // 4 + 1 AS INTEGER) END))"
	}
	if t.derived("severityNumber") {
		var b strings.Builder
		for n, l := range levels() {
			fmt.Fprintf(&b, " WHEN '%s' THEN %d", l, 4*n+1)
		}
		cols[k].SQL = "coalesce(" + number + ", CASE " + text + b.String() + " END)"
	}
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// sources maps the names of records to the index's fields that hold them, the best first.
func (t *table) sources() map[string][]string {
	if t.placed != nil {
		return t.placed
	}
	out := map[string][]string{}
	for _, p := range t.form.Place(t.mapping.names()) {
		out[p.Name] = append(out[p.Name], p.Raw)
	}
	if t.facts != nil {
		for name := range t.facts.none {
			if spanDefault(t.kind, name) == nil && name != "severityText" && name != "severityNumber" {
				delete(out, name)
			}
		}
	}
	const service, resource = "serviceName", "resource.attributes.service.name"
	own, theirs := out[service], out[resource]
	if t.kind == engine.Logs || t.kind == engine.Spans {
		out[service] = append(slices.Clone(own), theirs...)
		out[resource] = append(slices.Clone(theirs), own...)
	}
	return out
}

// paths returns the fields of the documents that a column is made of.
func (t *table) paths(column string) []string {
	if name := t.canonicalName(column); t.derived(name) {
		return append(slices.Clone(t.sources()["severityText"]), t.sources()["severityNumber"]...)
	}
	if !t.raw || t.mapping.leaves[column] == nil {
		if t.kind != engine.Generic && t.form.Renames() {
			if raws := t.sources()[t.canonicalName(column)]; len(raws) > 0 {
				return raws
			}
		}
	}
	if l := t.mapping.leaves[column]; l != nil {
		if parent, _, ok := cutLast(l.path); ok && t.mapping.isSub(l.path) {
			return []string{parent}
		}
		return []string{l.path}
	}
	return []string{column}
}

// canonicalName undoes the aliases of package local.
func (t *table) canonicalName(column string) string {
	if t.facts != nil {
		if name, ok := t.facts.aliasOf[column]; ok {
			return name
		}
	}
	return column
}

// leavesOf returns the index's fields behind a column.
func (t *table) leavesOf(column string) []*leaf {
	if l := t.mapping.leaves[column]; l != nil && !t.convert && (t.facts == nil || !t.facts.none[column]) && (t.raw || len(t.sources()[column]) == 0) {
		return []*leaf{l}
	}
	if t.convert {
		return t.convertLeaves(t.canonicalName(column))
	}
	if t.kind == engine.Generic || !t.form.Renames() {
		return nil
	}
	var out []*leaf
	for _, raw := range t.sources()[t.canonicalName(column)] {
		l := t.mapping.leaves[raw]
		if l == nil {
			return nil
		}
		out = append(out, l)
	}
	if t.facts != nil {
		if best := t.facts.best[t.canonicalName(column)]; best != "" {
			return []*leaf{t.mapping.leaves[best]}
		}
	}
	return out
}

// arrange gives a loaded table all columns of the description, in its order: those that were not asked for are null.
func (t *table) arrange(cat *catalog.Table) {
	have := map[string]bool{}
	for _, c := range cat.Columns {
		have[c.Name] = true
		for parent, _, ok := cutLast(c.Name); ok; parent, _, ok = cutLast(parent) {
			have[parent] = true // an object whose members were not in the mapping
		}
	}
	for _, c := range t.cat.Columns {
		if !have[c.Name] {
			c.SQL = nullOf(c)
			if c.Type == rows.Array && !c.JSON {
				c.SQL = "CAST(NULL AS " + storage(catalog.Column{Type: c.Elem}) + "[])"
			}
			cat.Columns = append(cat.Columns, c)
		}
	}
	at := func(c catalog.Column) int {
		if i, ok := t.pos[c.Name]; ok {
			return i
		}
		return len(t.pos)
	}
	slices.SortStableFunc(cat.Columns, func(a, b catalog.Column) int { return at(a) - at(b) })
}

func (t *table) words(column string) map[string]string {
	if t.facts == nil || t.raw && t.mapping.leaves[column] != nil {
		return nil
	}
	return t.facts.words[t.canonicalName(column)]
}
