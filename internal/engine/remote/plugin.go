package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/opensearch"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/ppl/command"
	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// pluginRows is at how many rows the plugin cuts an answer without saying so (plugins.query.size_limit).
const pluginRows = 10_000

// The oldest plugin whose semantics are those of this package: the engine that came to stay with 3.3. Commands that came later
// need later ones.
const (
	pluginMajor = 3
	pluginMinor = 3
)

// since says with which version 3.x of the plugin a command came, where that is after pluginMinor.
func since(word string) int {
	return map[string]int{
		"replace": 4, "streamstats": 4, "chart": 4, "multisearch": 4, "mvcombine": 4, "convert": 5, "addtotals": 5, "addcoltotals": 5, "transpose": 5,
		"nomv": 6, "mvexpand": 6, "graphlookup": 6, "union": 7, "foreach": 8, "makeresults": 8, "xyseries": 8, "timewrap": 8, "appendpipe": 8, "fieldformat": 8,
	}[word]
}

// plugin reports whether the cluster's plugin may answer: it is there, and new enough for the words.
func (e *Engine) plugin(ctx context.Context, words []string) bool {
	if e.config.Plugin == PluginNever {
		return false
	}
	c, err := e.cluster.Capabilities(ctx)
	if err != nil || !c.SQL || !c.Version.Known() || !c.Version.AtLeast(pluginMajor, pluginMinor) {
		return false
	}
	return !slices.ContainsFunc(words, func(w string) bool { return !c.Version.AtLeast(pluginMajor, max(pluginMinor, since(w))) })
}

// words names the commands of a query, those of its sub-searches too as far as they are written out.
func words(q *ppl.Query) []string {
	var out []string
	for part := range strings.FieldsFuncSeq(ppl.Format(q), func(r rune) bool { return r == '|' || r == '[' }) {
		if w := strings.Fields(part); len(w) > 0 {
			out = append(out, strings.ToLower(w[0]))
		}
	}
	return out
}

// pluginText returns the query as the plugin is to read it: the names of indices and of their own fields; ok is false where the
// tables show other names or values than the indices have.
func (e *Engine) pluginText(ctx context.Context, p *prepared) (string, bool) {
	if !slices.ContainsFunc(p.plan.fetches, func(f *fetch) bool { return !f.t.raw }) {
		return p.q.Text, true
	}
	pipe := p.q.Pipeline
	s, ok := pipe.Commands[0].(*command.Search)
	if !ok || len(p.plan.fetches) != 1 {
		return "", false
	}
	t := p.plan.fetches[0].t
	names, err := e.reads(ctx, p.q, t)
	if err != nil || t.convert || len(t.facts.words) > 0 {
		return "", false
	}
	for _, name := range names {
		if l := t.mapping.leaves[name]; l == nil || l.path != name || len(t.leavesOf(name)) != 1 {
			return "", false
		}
	}
	named := *s
	named.Index = t.target
	return ppl.Format(&ppl.Query{Pipeline: &command.Pipeline{Commands: append([]command.Command{&named}, pipe.Commands[1:]...)}}), true
}

// reads lists the columns of the one table of a query that it mentions anywhere.
func (e *Engine) reads(ctx context.Context, q *ppl.Query, t *table) ([]string, error) {
	cat := *t.cat
	cat.Columns = slices.Clone(cat.Columns)
	for i := range cat.Columns {
		cat.Columns[i].SQL = function.Ident(cat.Columns[i].Name)
	}
	log := &plan.ScanLog{}
	opt := e.options(0)
	opt.Log = log
	if _, err := e.compiler().Compile(ctx, q, lone{&cat}, opt); err != nil {
		return nil, err
	}
	names, _ := log.Columns(&cat)
	return names, nil
}

// ask sends a query to the plugin.
func (e *Engine) ask(ctx context.Context, query string, cut int, each func(row []any) error) (*outcome, error) {
	limit := pluginRows
	if cut > 0 && cut < pluginRows {
		query, limit = strings.TrimRight(strings.TrimSpace(query), "| \t\n")+" | head "+strconv.Itoa(cut), cut+1
	}
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		return nil, fault.WithCode(err, fault.Internal)
	}
	res, err := e.cluster.Do(ctx, opensearch.Request{
		Method: http.MethodPost, Path: "/_plugins/_ppl", Body: body, Idempotent: true, MaxBytes: maxReply, Timeout: e.timeout(ctx),
	})
	if err != nil {
		return nil, pluginError(err)
	}
	cols, list, err := parseAnswer(res.Body)
	if err != nil {
		return nil, fault.WithCode(fmt.Errorf("cluster %s: %w", e.cluster.Name(), err), fault.Unavailable)
	}
	out := &outcome{columns: cols, scanned: -1}
	if len(list) >= limit {
		out.notes = append(out.notes, fmt.Sprintf("the cluster cuts answers at %d rows (plugins.query.size_limit): there may be more", pluginRows))
		out.cut = true
	}
	for _, row := range list {
		if err := each(row); err != nil {
			if errors.Is(err, errEnough) {
				break
			}
			return nil, err
		}
	}
	return out, nil
}

// pluginError gives a refusal of the plugin a code and a next step.
func pluginError(err error) error {
	var refused *opensearch.ResponseError
	if !errors.As(err, &refused) {
		return err
	}
	said := refused.Reason
	if refused.Details != "" && !strings.Contains(said, refused.Details) {
		said = strings.TrimSuffix(said, ".") + ": " + refused.Details
	}
	said = clip(strings.Join(strings.Fields(said), " "), 500)
	wrap := func(code fault.Code, hint string) error {
		out := fault.WithCode(fmt.Errorf("cluster %s: PPL: %s: %w", refused.Cluster, said, &quiet{err}), code)
		if hint != "" {
			out = fault.WithHint(out, "%s", hint)
		}
		return out
	}
	low := strings.ToLower(refused.Type + " " + said)
	switch {
	case refused.Status == http.StatusForbidden || refused.Status == http.StatusUnauthorized:
		return err
	case refused.Status == http.StatusNotFound || strings.Contains(low, "indexnotfound") || strings.Contains(low, "no such index"):
		return wrap(fault.NotFound, "List the indices with data_describe.")
	case strings.Contains(low, "failed to find action"):
		return wrap(fault.Unsupported, "The command needs the ml-commons plugin, which the cluster lacks.")
	case strings.Contains(low, "unsupported") || strings.Contains(low, "not supported"):
		return wrap(fault.Unsupported, "Write the step with another command, or read the rows and work on them in a later stage.")
	case refused.Status == http.StatusBadRequest || strings.Contains(low, "syntaxcheck") || strings.Contains(low, "semanticcheck"):
		return wrap(fault.InvalidQuery, "")
	}
	return wrap(fault.Unavailable, "")
}

// quiet keeps an error in the chain without saying it twice.
type quiet struct{ error }

// Error says nothing more.
func (q *quiet) Error() string { return "refused" }

// Unwrap returns the error.
func (q *quiet) Unwrap() error { return q.error }

// parseAnswer reads what POST _plugins/_ppl answers.
func parseAnswer(body []byte) ([]rows.Column, [][]any, error) {
	var answer struct {
		Schema []struct {
			Name  string `json:"name"`
			Alias string `json:"alias"`
			Type  string `json:"type"`
		} `json:"schema"`
		Rows [][]any `json:"datarows"`
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if err := dec.Decode(&answer); err != nil {
		return nil, nil, fmt.Errorf("read answer of PPL: %w", err)
	}
	cols := make([]rows.Column, len(answer.Schema))
	for i, s := range answer.Schema {
		cols[i] = rows.Column{Name: s.Name, Type: wireType(s.Type)}
		if s.Alias != "" {
			cols[i].Name = s.Alias
		}
	}
	for n, row := range answer.Rows {
		if len(row) != len(cols) {
			return nil, nil, fmt.Errorf("read answer of PPL: row %d has %d cells for %d columns", n+1, len(row), len(cols))
		}
		for i := range row {
			row[i] = wireCell(row[i], cols[i].Type)
		}
	}
	return cols, answer.Rows, nil
}

// wireType reads a type of the schema; older plugins name the types of mappings.
func wireType(s string) rows.Type {
	switch s {
	case "text", "keyword", "varchar", "char":
		return rows.String
	case "long":
		return rows.BigInt
	case "integer":
		return rows.Int
	case "short":
		return rows.SmallInt
	case "byte":
		return rows.TinyInt
	case "half_float", "real":
		return rows.Float
	case "object", "map":
		return rows.Struct
	case "nested":
		return rows.Array
	case "datetime":
		return rows.Timestamp
	}
	return rows.Type(s)
}

// wireCell turns a JSON value into a cell of its column's type.
func wireCell(v any, t rows.Type) any {
	switch x := v.(type) {
	case json.Number:
		if t.Integer() || t == rows.Undefined || t == "" || t == rows.Array || t == rows.Struct {
			if n, err := x.Int64(); err == nil {
				return n
			}
		}
		if t == rows.String || t == rows.Interval || t == rows.Time {
			return x.String()
		}
		f, err := x.Float64()
		if err != nil {
			return x.String()
		}
		return f
	case string:
		switch t {
		case rows.Timestamp, rows.Date:
			if at, ok := plan.ParseTime(x); ok {
				return at
			}
		case rows.Double, rows.Float: // NaN and the infinities are texts in JSON
			if f, err := strconv.ParseFloat(x, 64); err == nil {
				return f
			}
		default:
		}
	case []any:
		for i := range x {
			x[i] = wireCell(x[i], "")
		}
	case map[string]any:
		for k := range x {
			x[k] = wireCell(x[k], "")
		}
	}
	return v
}

// byPlugin answers a query by the plugin if that can: done is false if it is to be answered by search. A refusal of a query that
// we understand is no end: the search API answers it as well.
func (e *Engine) byPlugin(ctx context.Context, p *prepared, cut int, each func(row []any) error) (out *outcome, why string, done bool) {
	if cut <= 0 || cut > pluginRows+1 || !e.plugin(ctx, words(p.q)) {
		return nil, "", false
	}
	query, ok := e.pluginText(ctx, p)
	if !ok {
		return nil, "", false
	}
	began := false
	out, err := e.ask(ctx, query, cut, func(row []any) error { began = true; return each(row) })
	if err == nil {
		out.notes = append(out.notes, p.plan.notes()...)
		return out, "", true
	}
	if began || ctx.Err() != nil {
		return nil, "", false
	}
	return nil, fmt.Sprintf("asked by the search API, since the cluster's PPL plugin refused the query (%s)", clip(err.Error(), 200)), false
}
