package local

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/local/duck"
	"github.com/plumbline-mcp/plumbline/internal/record"
)

const (
	// mapSample is how many rows are looked at for the keys of a map column.
	mapSample = 100_000
	// structDepth bounds how deep structs become columns; what lies deeper is JSON.
	structDepth = 8
)

// parquet adds the Parquet files to the groups: they are scanned where they lie. One that DuckDB cannot read is noted.
func (s *snapshot) parquet(ctx context.Context, conn *duck.Conn, jobs []*job, groups map[string][]member) error {
	ord := 0 // above the segments' tables
	for _, g := range groups {
		for _, m := range g {
			ord = max(ord, m.ord)
		}
	}
	for _, j := range jobs {
		if !j.parquet || j.err != nil {
			continue
		}
		from := "read_parquet(" + duck.Literal(j.found.path) + ", file_row_number=true)"
		stored, err := describeParquet(ctx, conn, from)
		report := engine.File{Path: j.found.name, Format: string(record.FormatParquet), Bytes: j.found.size}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			report.Example = firstLine(err.Error())
			s.notes = append(s.notes, "not read: "+j.found.name+": "+report.Example)
			s.report = append(s.report, report)
			continue
		}
		report.Rows = stored.Rows
		s.report = append(s.report, report)
		name := string(stored.Kind)
		if stored.Kind == engine.Generic {
			name = freeName(groups, tableName(j.found.path))
		}
		ord++
		groups[name] = append(groups[name], member{from: from, stored: stored, ord: ord, file: j.found.name, stats: []memberFile{{
			fileStats: fileStats{Table: name, Rows: stored.Rows}, name: j.found.name, format: record.FormatParquet,
		}}})
	}
	return nil
}

// describeParquet finds out what a file holds and how its columns become those of our tables.
func describeParquet(ctx context.Context, conn *duck.Conn, from string) (*storedTable, error) {
	// DESCRIBE is no SELECT to DuckDB's C API; LIMIT 0 gives the same types in its result.
	list, err := all(ctx, conn, "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM "+from+")")
	if err != nil {
		return nil, err
	}
	rows, err := one(ctx, conn, "SELECT count(*) FROM "+from)
	if err != nil {
		return nil, err
	}
	t := &storedTable{Rows: rows, foreign: true}
	var names []string
	for _, row := range list {
		name, _ := row[0].(string)
		names = append(names, plainName(name))
	}
	t.Kind = kindOf(names)
	for _, row := range list {
		name, _ := row[0].(string)
		typ, _ := row[1].(string)
		if name == "file_row_number" {
			continue
		}
		cols, err := parquetColumns(ctx, conn, from, standardName(t.Kind, name), duck.Ident(name), typ)
		if err != nil {
			return nil, err
		}
		for _, c := range cols {
			if len(t.Columns) < maxColumns && !slices.ContainsFunc(t.Columns, func(o storedColumn) bool { return o.Name == c.Name }) {
				t.Columns = append(t.Columns, c)
			}
		}
	}
	return t, nil
}

// plainName reduces a name to its letters and digits, lower case: trace_id, traceId and TraceId are one.
func plainName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case (r >= 'a' && r <= 'z') || (r >= '0' && r <= '9'):
			return r
		default:
			return -1
		}
	}, name)
}

// kindOf guesses what rows with these columns are.
func kindOf(plain []string) engine.Kind {
	has := func(names ...string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return slices.Contains(plain, n) })
	}
	switch {
	case has("traceid") && has("spanid") && has("starttime", "starttimeunixnano", "duration", "durationinnanos", "durationnano"):
		return engine.Spans
	case has("body", "message", "log") && has("timestamp", "time", "timeunixnano", "ts", "observedtimestamp"):
		return engine.Logs
	case has("value") && has("name", "metricname", "metric") && has("timestamp", "time", "timeunixnano", "ts"):
		return engine.Metrics
	default:
		return engine.Generic
	}
}

// standardName is what our tables call a column that exporters to Parquet call otherwise.
func standardName(kind engine.Kind, name string) string {
	if kind == engine.Generic {
		return name
	}
	common := map[string]string{
		"traceid": "traceId", "spanid": "spanId", "parentspanid": "parentSpanId", "servicename": "serviceName", "service": "serviceName",
		"resourceattributes": "resource.attributes", "attributes": "attributes", "spanattributes": "attributes", "logattributes": "attributes",
		"scopename": "instrumentationScope.name", "instrumentationscopename": "instrumentationScope.name",
	}
	own := map[engine.Kind]map[string]string{
		engine.Logs: {
			"timestamp": "@timestamp", "time": "@timestamp", "timeunixnano": "@timestamp", "ts": "@timestamp", "observedtimestamp": "observedTimestamp",
			"observedtimeunixnano": "observedTimestamp", "severitytext": "severityText", "severity": "severityText", "level": "severityText",
			"severitynumber": "severityNumber", "body": "body", "message": "body", "log": "body", "flags": "flags", "traceflags": "flags",
		},
		engine.Spans: {
			"starttime": "startTime", "starttimeunixnano": "startTime", "timestamp": "startTime", "endtime": "endTime", "endtimeunixnano": "endTime",
			"duration": "durationInNanos", "durationnano": "durationInNanos", "durationinnanos": "durationInNanos", "durationns": "durationInNanos",
			"name": "name", "spanname": "name", "operationname": "name", "kind": "kind", "spankind": "kind", "statuscode": "status.code",
			"statusmessage": "status.message", "events": "events", "links": "links", "tracegroup": "traceGroup",
		},
		engine.Metrics: {
			"timestamp": "@timestamp", "time": "@timestamp", "timeunixnano": "@timestamp", "ts": "@timestamp", "metricname": "name", "metric": "name",
			"name": "name", "value": "value", "labels": "attributes", "type": "type",
		},
	}[kind]
	plain := plainName(name)
	if n, ok := own[plain]; ok {
		return n
	}
	if n, ok := common[plain]; ok {
		return n
	}
	return name
}

// parquetColumns turns one column into ours: structs and maps are spread over dotted names, types become those of segments.
func parquetColumns(ctx context.Context, conn *duck.Conn, from, name, expr, typ string) ([]storedColumn, error) {
	if keys, ok := strings.CutPrefix(typ, "MAP("); ok && strings.HasPrefix(keys, "VARCHAR,") {
		return mapColumns(ctx, conn, from, name, expr, strings.TrimSuffix(strings.TrimSpace(strings.TrimPrefix(keys, "VARCHAR,")), ")"))
	}
	if strings.HasPrefix(typ, "STRUCT(") && !strings.HasSuffix(typ, "]") && strings.Count(name, ".") < structDepth {
		var out []storedColumn
		for _, f := range structFields(typ) {
			cols, err := parquetColumns(ctx, conn, from, name+"."+f[0], "struct_extract("+expr+", "+duck.Literal(f[0])+")", f[1])
			if err != nil {
				return nil, err
			}
			out = append(out, cols...)
		}
		return out, nil
	}
	return []storedColumn{parquetColumn(name, expr, typ)}, nil
}

// mapColumns looks into the first rows for the keys of a map.
func mapColumns(ctx context.Context, conn *duck.Conn, from, name, expr, typ string) ([]storedColumn, error) {
	sql := fmt.Sprintf("SELECT DISTINCT unnest(map_keys(%s)) AS k FROM (SELECT %s FROM %s LIMIT %d) ORDER BY k LIMIT %d", expr, expr, from, mapSample, maxColumns)
	keys, err := all(ctx, conn, sql)
	if err != nil {
		return nil, err
	}
	var out []storedColumn
	for _, k := range keys {
		if key, ok := k[0].(string); ok && key != "" {
			out = append(out, parquetColumn(name+"."+key, expr+"["+duck.Literal(key)+"]", typ))
		}
	}
	return out, nil
}

// parquetColumn casts a value to one of the types of segments.
func parquetColumn(name, expr, typ string) storedColumn {
	cast := func(to string) storedColumn {
		return storedColumn{Name: name, Type: to, expr: "CAST(" + expr + " AS " + to + ")"}
	}
	timed := strings.HasSuffix(name, "Time") || strings.HasSuffix(name, "imestamp")
	base, _, _ := strings.Cut(typ, "(")
	switch {
	case strings.HasSuffix(typ, "]") || base == "STRUCT" || base == "MAP" || base == "UNION" || typ == "JSON":
		return storedColumn{Name: name, Type: "VARCHAR", JSON: true, expr: "CAST(to_json(" + expr + ") AS VARCHAR)"}
	case timed && (base == "BIGINT" || base == "UBIGINT"):
		return storedColumn{Name: name, Type: "TIMESTAMP_NS", expr: "make_timestamp_ns(CAST(" + expr + " AS BIGINT))"}
	}
	switch base {
	case "BIGINT", "DOUBLE", "VARCHAR", "BOOLEAN", "TIMESTAMP", "TIMESTAMP_NS":
		return storedColumn{Name: name, Type: base, expr: expr}
	case "TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT":
		return storedColumn{Name: name, Type: "BIGINT", expr: "TRY_CAST(" + expr + " AS BIGINT)"}
	case "FLOAT", "DECIMAL", "HUGEINT", "UHUGEINT":
		return cast("DOUBLE")
	case "DATE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP WITH TIME ZONE":
		return cast("TIMESTAMP")
	case "BLOB":
		return storedColumn{Name: name, Type: "VARCHAR", expr: "lower(hex(" + expr + "))"}
	default:
		return cast("VARCHAR")
	}
}

// structFields reads DuckDB's spelling of a struct type, STRUCT(a INTEGER, "b c" STRUCT(...)), into names and types.
func structFields(typ string) [][2]string {
	body := strings.TrimSuffix(strings.TrimPrefix(typ, "STRUCT("), ")")
	var out [][2]string
	depth, start, quoted := 0, 0, false
	for i := 0; i <= len(body); i++ {
		if i < len(body) {
			switch c := body[i]; {
			case c == '"':
				quoted = !quoted
			case quoted:
			case c == '(' || c == '[':
				depth++
			case c == ')' || c == ']':
				depth--
			}
			if body[i] != ',' || depth > 0 || quoted {
				continue
			}
		}
		name, rest := fieldName(strings.TrimSpace(body[start:i]))
		if name != "" {
			out = append(out, [2]string{name, rest})
		}
		start = i + 1
	}
	return out
}

// fieldName splits `name TYPE`, where the name may be quoted.
func fieldName(field string) (name, typ string) {
	if !strings.HasPrefix(field, `"`) {
		name, typ, _ = strings.Cut(field, " ")
		return name, typ
	}
	for i := 1; i < len(field); i++ {
		if field[i] != '"' {
			continue
		}
		if i+1 < len(field) && field[i+1] == '"' {
			i++
			continue
		}
		return strings.ReplaceAll(field[1:i], `""`, `"`), strings.TrimSpace(field[i+1:])
	}
	return "", ""
}
