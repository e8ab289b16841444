package local

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/local/duck"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ppl/catalog"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

var _ catalog.Catalog = (*snapshot)(nil)

// Lookup returns the table for the name after source=: a table's name, a pattern or list of names whose rows are put together, or
// the name of an OpenSearch index that holds what one of the tables holds (otel-v1-apm-span-*, logs-otel-v1-*, ss4o_logs-*, ...).
func (s *snapshot) Lookup(_ context.Context, name string) (*catalog.Table, error) {
	for n := range strings.SplitSeq(name, ",") {
		if len(s.match(strings.TrimSpace(n))) == 0 {
			return nil, s.unknown(strings.TrimSpace(n))
		}
	}
	found := s.named(name)
	if len(found) == 1 {
		return &found[0].cat.Table, nil
	}
	return together(name, found), nil
}

// named returns the tables that a list of names stands for, each once.
func (s *snapshot) named(list string) []*table {
	var out []*table
	for n := range strings.SplitSeq(list, ",") {
		for _, t := range s.match(strings.TrimSpace(n)) {
			if !slices.Contains(out, t) {
				out = append(out, t)
			}
		}
	}
	return out
}

// match returns the tables that one name stands for.
func (s *snapshot) match(name string) []*table {
	if _, rest, ok := strings.Cut(name, ":"); ok { // the cluster of a cross-cluster name
		name = rest
	}
	if t := s.byName(name); t != nil {
		return []*table{t}
	}
	if t := s.byName(indexTable(name)); t != nil {
		return []*table{t}
	}
	var out []*table
	if strings.ContainsAny(name, "*?") {
		for _, t := range s.tables {
			if ok, err := path.Match(name, t.Name); err == nil && ok && t.Name != skippedTable {
				out = append(out, t)
			}
		}
	}
	return out
}

func (s *snapshot) byName(name string) *table {
	for _, t := range s.tables {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// The names under which clusters hold what the tables hold: Data Prepper's indices and aliases, ss4o, Jaeger's, and patterns.
var (
	mapIndex     = regexp.MustCompile(`(?i)^[*.\w-]*service[-_]?map[*.\w-]*$`)
	spanIndex    = regexp.MustCompile(`(?i)^(\*?spans?\*?|\*?traces?\*?|(otel|ss4o|jaeger|apm|\*)[*.\w-]*(span|trace)[*.\w-]*|.*(span|trace)s?[-_.\w]*\*)$`)
	logIndex     = regexp.MustCompile(`(?i)^(\*?logs?\*?|(otel|ss4o|logs|\*)[*.\w-]*log[*.\w-]*|logs?[-_][*.\w-]+|.*logs?[-_.\w]*\*)$`)
	metricsIndex = regexp.MustCompile(`(?i)^(\*?metrics?\*?|(otel|ss4o|metrics|\*)[*.\w-]*metric[*.\w-]*)$`)
)

// indexTable returns the table that an index name of a cluster stands for, "" if none.
func indexTable(name string) string {
	switch {
	case mapIndex.MatchString(name):
		return string(engine.ServiceMap)
	case spanIndex.MatchString(name):
		return string(engine.Spans)
	case metricsIndex.MatchString(name):
		return string(engine.Metrics)
	case logIndex.MatchString(name):
		return string(engine.Logs)
	default:
		return ""
	}
}

// unknown says which tables there are.
func (s *snapshot) unknown(name string) error {
	var names []string
	for _, t := range s.tables {
		names = append(names, t.Name)
	}
	err := fault.New(fault.NotFound, "no table %q in this source", name)
	switch near := nearest(name, names); {
	case len(names) == 0:
		hint := "Nothing in this source could be read as logs, spans, metrics or documents."
		if note := s.idleNote(); note != "" {
			hint += " " + strings.ToUpper(note[:1]) + note[1:] + "."
		}
		return fault.WithHint(err, "%s", hint)
	case len(near) > 0 && len(near) < len(names):
		return fault.WithHint(err, "Did you mean %s? The tables are %s.", near[0], strings.Join(names, ", "))
	default:
		return fault.WithHint(err, "The tables are %s.", strings.Join(names, ", "))
	}
}

// together is the union of several tables by column name.
func together(name string, tables []*table) *catalog.Table {
	out := &catalog.Table{Name: name, Order: orderName, TimeField: tables[0].TimeField}
	at := map[string]int{}
	for _, t := range tables {
		if t.TimeField != out.TimeField {
			out.TimeField = ""
		}
		for _, c := range t.cat.Columns {
			i, ok := at[c.Name]
			if !ok {
				at[c.Name] = len(out.Columns)
				c.SQL = duck.Ident(c.Name)
				out.Columns = append(out.Columns, c)
				continue
			}
			o := &out.Columns[i]
			if sqlType(*o) != sqlType(c) {
				typ := typeOf(widestSQL(sqlType(*o), sqlType(c)))
				merged := pplColumn("", storedColumn{Name: c.Name, Type: typ.String()})
				o.Type, o.Nanos, o.JSON, o.Elem = merged.Type, merged.Nanos, false, ""
			}
			o.Hidden = o.Hidden && c.Hidden
		}
	}
	var selects []string
	for i, t := range tables {
		selects = append(selects, t.projected(out.Columns, i))
	}
	out.From = "(" + strings.Join(selects, " UNION ALL ") + ")"
	return out
}

// projected selects the columns of a union from one of its tables; i is its place.
func (t *table) projected(cols []catalog.Column, i int) string {
	var list []string
	for _, c := range cols {
		k := slices.IndexFunc(t.cat.Columns, func(o catalog.Column) bool { return o.Name == c.Name })
		expr := "NULL"
		if k >= 0 {
			expr = t.cat.Columns[k].SQL
		}
		list = append(list, "CAST("+expr+" AS "+sqlType(c)+") AS "+duck.Ident(c.Name))
	}
	const tableShift = 56 // above the orders of segments
	order := t.cat.Order
	if order == "" {
		order = "0"
	}
	list = append(list, fmt.Sprintf("%s + %d AS %s", order, int64(i)<<tableShift, orderName))
	return "SELECT " + strings.Join(list, ", ") + " FROM " + t.cat.From
}

// sqlType is the DuckDB type in which a column takes part in a union.
func sqlType(c catalog.Column) string {
	switch {
	case c.JSON:
		return "VARCHAR"
	case c.Type == rows.Boolean:
		return "BOOLEAN"
	case c.Type.Integer():
		return "BIGINT"
	case c.Type.Numeric():
		return "DOUBLE"
	case c.Type == rows.Timestamp && c.Nanos:
		return "TIMESTAMP_NS"
	case c.Type == rows.Timestamp:
		return "TIMESTAMP"
	default:
		return "VARCHAR"
	}
}

// aliases returns hidden columns for the other spellings of a table's columns: attribute keys with @ for dots below span., log. or
// nothing, as raw Data Prepper documents have them, and fields that the forms name differently.
func aliases(kind engine.Kind, cols []catalog.Column) []catalog.Column {
	known := map[string]bool{}
	for _, c := range cols {
		known[c.Name] = true
	}
	var out []catalog.Column
	add := func(name string, c catalog.Column) {
		if !known[name] {
			known[name] = true
			c.Name, c.Hidden = name, true
			out = append(out, c)
		}
	}
	own := map[engine.Kind]string{engine.Logs: "log.attributes.", engine.Spans: "span.attributes."}[kind]
	for _, c := range cols {
		if key, ok := strings.CutPrefix(c.Name, "resource.attributes."); ok {
			add("resource.attributes."+strings.ReplaceAll(key, ".", "@"), c)
		} else if key, ok := strings.CutPrefix(c.Name, "attributes."); ok {
			at := strings.ReplaceAll(key, ".", "@")
			add("attributes."+at, c)
			if own != "" {
				add(own+at, c)
				add(own+key, c)
			}
		}
		for _, name := range otherNames(kind, c.Name) {
			add(name, c)
		}
	}
	return out
}

// otherNames returns what other forms call a core field.
func otherNames(kind engine.Kind, name string) []string {
	type key struct {
		kind engine.Kind
		name string
	}
	return map[key][]string{
		{engine.Logs, "@timestamp"}:        {"time", "timestamp"},
		{engine.Logs, "severityText"}:      {"severity.text", "level"},
		{engine.Logs, "severityNumber"}:    {"severity.number"},
		{engine.Logs, "body"}:              {"message"},
		{engine.Logs, "traceId"}:           {"trace_id"},
		{engine.Logs, "spanId"}:            {"span_id"},
		{engine.Logs, "serviceName"}:       {"service.name"},
		{engine.Spans, "serviceName"}:      {"service.name"},
		{engine.Spans, "startTime"}:        {"@timestamp"},
		{engine.Spans, "traceId"}:          {"trace_id"},
		{engine.Spans, "spanId"}:           {"span_id"},
		{engine.Spans, "parentSpanId"}:     {"parent_span_id"},
		{engine.Spans, "status.code"}:      {"statusCode"},
		{engine.Metrics, "serviceName"}:    {"service.name"},
		{engine.Metrics, "name"}:           {"metric"},
		{engine.ServiceMap, "timestamp"}:   {"@timestamp"},
		{engine.ServiceMap, "serviceName"}: {"service.name"},
	}[key{kind, name}]
}
