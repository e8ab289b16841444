package command

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// MakeResults makes rows out of nothing, each with the time of the query, or of a text of CSV or JSON.
type MakeResults struct {
	node
	Count  int64
	Format string // csv or json; "" for rows out of nothing
	Data   string
	DataAt syntax.Span
}

// The bounds on made rows are upstream's.
const (
	makeResultsMax      = 5000
	makeResultsMaxCells = 5000
	makeResultsMaxCell  = 60_000 // characters
)

func makeresultsSpec() Spec {
	return Spec{
		Name: "makeresults", Source: true, Syntax: "makeresults [count=N] [format=csv|json data='TEXT']",
		Doc: "Makes rows that have the time of the query as @timestamp, or rows of a text of CSV (name:type heads) or JSON.", Parse: parseMakeResults,
	}
}

func parseMakeResults(p *syntax.Parser, n node) Command {
	m := &MakeResults{node: n, Count: 1}
	for {
		at := p.PeekAt(2).Span()
		switch {
		case p.AcceptOption("count"):
			if m.Count = max(p.Int("how many rows"), 0); m.Count > makeResultsMax {
				p.Fail(at, "makeresults makes at most %d rows", makeResultsMax)
			}
		case p.AcceptOption("format"):
			if m.Format = strings.ToLower(p.Word("csv or json")); m.Format != "csv" && m.Format != "json" {
				p.Fail(at, "the format of makeresults is csv or json")
			}
		case p.AcceptOption("data"):
			m.DataAt, m.Data = at, p.Str("the rows")
		case (m.Format == "") != (m.Data == ""):
			p.Fail(n.at, "makeresults takes format= and data= together")
			return m
		default:
			return m
		}
	}
}

// String returns the command as PPL.
func (m *MakeResults) String() string {
	if m.Format != "" {
		return "makeresults format=" + m.Format + " data=" + syntax.Quote(m.Data)
	}
	return fmt.Sprintf("makeresults count=%d", m.Count)
}

// Compile makes the rows.
func (m *MakeResults) Compile(env *plan.Env, _ *plan.Rel) (*plan.Rel, error) {
	var names []string
	var types []rows.Type
	var values [][]any
	var err error
	switch m.Format {
	case "":
		return env.Clock(m.Count), nil
	case "csv":
		names, types, values, err = m.csv()
	default:
		names, types, values, err = m.json()
	}
	if err != nil {
		return nil, err
	}
	if len(names)*len(values) > makeResultsMaxCells {
		return nil, syntax.Errorf(m.DataAt, "makeresults makes at most %d cells, these are %d", makeResultsMaxCells, len(names)*len(values))
	}
	for _, row := range values {
		for _, v := range row {
			if s, ok := v.(string); ok && len(s) > makeResultsMaxCell {
				return nil, syntax.Errorf(m.DataAt, "a cell of makeresults has at most %d characters", makeResultsMaxCell)
			}
		}
	}
	if m.Format == "csv" || slices.Contains(names, "@timestamp") {
		return env.TypedValues(names, types, values), nil
	}
	return m.stamped(env, env.TypedValues(names, types, values)), nil
}

// stamped puts the time of the query before the other columns.
func (m *MakeResults) stamped(env *plan.Env, r *plan.Rel) *plan.Rel {
	clock := env.Clock(1).Cols()[0]
	r.SetCols(append([]*plan.Col{clock}, r.Cols()...))
	r.TimeField = clock.Name
	return r
}

// csv reads the rows of a table; its heads may name types as cast does.
func (m *MakeResults) csv() (names []string, types []rows.Type, values [][]any, err error) {
	r := csv.NewReader(strings.NewReader(m.Data))
	r.TrimLeadingSpace = true
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, nil, syntax.Errorf(m.DataAt, "makeresults: %s", err.Error())
		}
		if names == nil {
			for _, head := range record {
				name, word, _ := strings.Cut(head, ":")
				t, ok := csvType(strings.ToLower(strings.TrimSpace(word)))
				if !ok {
					return nil, nil, nil, syntax.Errorf(m.DataAt, "makeresults: column %s: no type %s", name, word).
						WithHint("The types are string, int, long, float, double and boolean; cast others behind.")
				}
				names, types = append(names, strings.TrimSpace(name)), append(types, t)
			}
			continue
		}
		row := make([]any, len(names))
		for i, text := range record {
			if row[i], err = cellOf(text, types[i]); err != nil {
				return nil, nil, nil, syntax.Errorf(m.DataAt, "makeresults: row %d, column %s: %q is no %s", len(values)+1, names[i], text, types[i])
			}
		}
		values = append(values, row)
	}
	if names == nil {
		return nil, nil, nil, syntax.Errorf(m.DataAt, "makeresults: the data has no head")
	}
	return names, types, values, nil
}

func csvType(word string) (rows.Type, bool) {
	switch word {
	case "", "string":
		return rows.String, true
	case "int", "integer":
		return rows.Int, true
	case "long", "bigint":
		return rows.BigInt, true
	case "float":
		return rows.Float, true
	case "double":
		return rows.Double, true
	case "boolean":
		return rows.Boolean, true
	}
	return "", false
}

func cellOf(text string, t rows.Type) (any, error) {
	switch {
	case t == rows.String:
		return text, nil
	case text == "":
		return nil, nil
	case t.Integer():
		return strconv.ParseInt(text, 10, 64)
	case t == rows.Boolean:
		return strconv.ParseBool(text)
	}
	return strconv.ParseFloat(text, 64)
}

// json reads an array of objects; a member's type is that of its first value, as dynamic mapping has it.
func (m *MakeResults) json() (names []string, types []rows.Type, values [][]any, err error) {
	d := json.NewDecoder(strings.NewReader(m.Data))
	d.UseNumber()
	var docs []json.RawMessage
	if err := d.Decode(&docs); err != nil {
		return nil, nil, nil, syntax.Errorf(m.DataAt, "makeresults: want a JSON array of objects: %s", err.Error())
	}
	for i, doc := range docs {
		keys, cells, err := members(doc)
		if err != nil {
			return nil, nil, nil, syntax.Errorf(m.DataAt, "makeresults: element %d: %s", i+1, err.Error())
		}
		for j, k := range keys {
			if !slices.Contains(names, k) {
				names, types = append(names, k), append(types, rows.Undefined)
			}
			if at := slices.Index(names, k); types[at] == rows.Undefined {
				types[at] = jsonType(cells[j])
			}
		}
		row := make([]any, len(names))
		for j, k := range keys {
			row[slices.Index(names, k)] = cells[j]
		}
		values = append(values, row)
	}
	for i, row := range values {
		values[i] = append(row, make([]any, len(names)-len(row))...)
	}
	return names, types, values, nil
}

// members reads one object in the order it is written; what is nested stays JSON text.
func members(doc json.RawMessage) (keys []string, cells []any, err error) {
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, nil, errors.New("no object")
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, nil, err
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, nil, err
		}
		cell, err := jsonCell(raw)
		if err != nil {
			return nil, nil, err
		}
		keys, cells = append(keys, fmt.Sprint(key)), append(cells, cell)
	}
	return keys, cells, nil
}

func jsonCell(raw json.RawMessage) (any, error) {
	if raw[0] == '{' || raw[0] == '[' {
		var b bytes.Buffer
		err := json.Compact(&b, raw)
		return b.String(), err
	}
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return n, nil
	}
	var v any
	err := json.Unmarshal(raw, &v)
	return v, err
}

func jsonType(v any) rows.Type {
	switch v.(type) {
	case nil:
		return rows.Undefined
	case bool:
		return rows.Boolean
	case int64:
		return rows.BigInt
	case float64:
		return rows.Float
	}
	return rows.String
}
