package command

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// GraphLookup walks from document to document of an index and adds those it reaches as an array.
type GraphLookup struct {
	node
	Index    string
	IndexAt  syntax.Span
	Start    syntax.Expr // a field; nil when values are given
	Values   []*syntax.Literal
	From, To *syntax.Field
	Both     bool // <->
	Depth    int64
	DepthAs  string
	Arrays   bool
	Filter   syntax.Expr
	As       string
}

// The bounds of a walk. Its documents are held in memory at once.
const (
	graphMaxDepth = 1000
	graphMaxDocs  = 100_000
)

func graphlookupSpec() Spec {
	return Spec{
		Name: "graphlookup", Source: true,
		Syntax: "graphlookup INDEX start=FIELD|VALUE[, ..] edge=FROM-->TO|FROM<->TO [maxDepth=N] [depthField=NAME] [supportArray=BOOL] [filter=(CONDITION)] as NAME",
		Doc:    "Walks breadth first from document to document of an index, FROM one field TO another, and adds those it reaches as an array.",
		Parse:  parseGraphLookup,
	}
}

func parseGraphLookup(p *syntax.Parser, n node) Command {
	g := &GraphLookup{node: n}
	g.Index, g.IndexAt = p.IndexName()
	for g.option(p) {
		continue
	}
	p.ExpectWord("as")
	g.As = p.Field().Name
	switch {
	case p.Err() != nil:
	case g.From == nil:
		p.Fail(n.at, "graphlookup needs an edge").WithHint("Write: graphlookup INDEX start=FIELD edge=FROM-->TO as NAME")
	case g.Start == nil && len(g.Values) == 0:
		p.Fail(n.at, "graphlookup needs a start").WithHint("Write: graphlookup INDEX start=FIELD edge=FROM-->TO as NAME")
	}
	return g
}

func (g *GraphLookup) option(p *syntax.Parser) bool {
	at := p.PeekAt(2).Span()
	switch {
	case p.AcceptOption("start", "startfield"):
		g.start(p)
	case p.AcceptOption("edge"):
		g.edge(p)
	case p.AcceptOption("maxdepth"):
		if g.Depth = p.Int("how deep to go"); g.Depth < 0 || g.Depth > graphMaxDepth {
			p.Fail(at, "maxDepth is 0 to %d", graphMaxDepth)
		}
	case p.AcceptOption("depthfield"):
		g.DepthAs = p.Field().Name
	case p.AcceptOption("supportarray"):
		g.Arrays = p.Bool("supportArray")
	case p.AcceptOption("usepit"):
		p.Bool("usePIT") // how a cluster pages; the walk is the same
	case p.AcceptOption("batchmode"):
		if p.Bool("batchMode") {
			p.Fail(at, "batchMode=true is not supported").WithHint("Leave batchMode out: each row then has the documents it reaches.")
		}
	case p.AcceptOption("filter"):
		g.Filter = p.Expr()
	default:
		return false
	}
	return p.Err() == nil
}

func (g *GraphLookup) start(p *syntax.Parser) {
	if p.IsName() {
		g.Start = p.Field()
		return
	}
	for {
		l, ok := p.Expr().(*syntax.Literal)
		if !ok {
			p.Fail(p.Peek().Span(), "start is a field or a list of values")
			return
		}
		g.Values = append(g.Values, l)
		if !p.Accept(",") {
			return
		}
	}
}

// edge reads FROM-->TO or FROM<->TO, however the lexer cut the arrow.
func (g *GraphLookup) edge(p *syntax.Parser) {
	g.From = p.Field()
	start, arrow := p.Peek().Span(), ""
	for p.Peek().Kind == syntax.Mark && len(arrow) < 3 {
		arrow += p.Text(p.Next())
	}
	if g.Both = arrow == "<->"; !g.Both && arrow != "-->" {
		p.Fail(start, "an edge is FROM-->TO or FROM<->TO")
	}
	g.To = p.Field()
}

// String returns the command as PPL.
func (g *GraphLookup) String() string {
	var b strings.Builder
	b.WriteString("graphlookup " + indexName(g.Index) + " start=")
	if g.Start != nil {
		b.WriteString(syntax.Print(g.Start))
	}
	for i, v := range g.Values {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(syntax.Print(v))
	}
	b.WriteString(" edge=" + syntax.Name(g.From.Name) + map[bool]string{true: "<->", false: "-->"}[g.Both] + syntax.Name(g.To.Name))
	if g.Depth > 0 {
		fmt.Fprintf(&b, " maxDepth=%d", g.Depth)
	}
	if g.DepthAs != "" {
		b.WriteString(" depthField=" + syntax.Name(g.DepthAs))
	}
	if g.Arrays {
		b.WriteString(" supportArray=true")
	}
	if g.Filter != nil {
		b.WriteString(" filter=(" + syntax.Print(g.Filter) + ")")
	}
	return b.String() + " as " + syntax.Name(g.As)
}

// Compile gathers the index's documents and the values to start from, lets a Go function walk, and joins what each value reaches.
func (g *GraphLookup) Compile(env *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if in == nil && g.Start != nil {
		return nil, g.needSource(in)
	}
	docs, err := g.documents(env)
	if err != nil {
		return nil, err
	}
	if g.Start == nil {
		return g.fromValues(docs)
	}
	in.Settle()
	x, err := in.Compile(g.Start)
	if err != nil {
		return nil, err
	}
	key := in.Temp(plan.Cell(rows.String, "CAST(to_json(%s) AS VARCHAR)", x))[0]
	starts := in.Fork()
	list := plan.Cell(rows.Array, "list(DISTINCT %s) FILTER (WHERE %s IS NOT NULL)", key, key)
	starts.Group(nil, []*plan.Col{plan.NewCol("starts", list)})
	walk := env.Beside(starts, docs, "CROSS JOIN", plan.X{})
	walk.SetCols(slices.Concat(starts.Cols(), docs.Cols()))
	found := g.walk(walk, walk.Col("starts").X())
	walk.SetCols([]*plan.Col{walk.Col("starts"), plan.NewCol("found", found)})
	walk.Flush()
	walk.Materialize()
	out := env.Beside(in, walk, "CROSS JOIN", plan.X{}.Also(walk.Col("found").X())) // read, or the one row would be none
	out.Pins(in)
	cell := plan.Cell(rows.Array, "coalesce((%s)[list_position(%s, %s)], '[]')", walk.Col("found").X(), walk.Col("starts").X(), key)
	cell.JSON, cell.Elem = true, rows.Struct
	out.SetCols(append(slices.Clone(in.Cols()), plan.NewCol(g.As, cell)))
	return out, nil
}

// fromValues walks from constants: one row.
func (g *GraphLookup) fromValues(docs *plan.Rel) (*plan.Rel, error) {
	values := make([]any, len(g.Values))
	for i, v := range g.Values {
		values[i] = v.Value
	}
	b, err := json.Marshal(values)
	if err != nil {
		return nil, syntax.Errorf(g.at, "graphlookup: start: %s", err.Error())
	}
	found := g.walk(docs, plan.Cell(rows.Array, "["+percent(function.Quote(string(b)))+"]"))
	cell := plan.Cell(rows.Array, "(%s)[1]", found)
	cell.JSON, cell.Elem = true, rows.Struct
	docs.SetCols([]*plan.Col{plan.NewCol(g.As, cell)})
	docs.Explicit = true
	return docs, nil
}

// documents is one row: the index's documents as JSON with the two fields of the edge, each a list in the index's order.
func (g *GraphLookup) documents(env *plan.Env) (*plan.Rel, error) {
	r, err := env.Scan(g.Index, g.IndexAt)
	if err != nil {
		return nil, err
	}
	if g.Filter != nil {
		if err := r.Filter(g.Filter); err != nil {
			return nil, err
		}
	}
	r.Limit(graphMaxDocs, 0)
	r.Settle()
	r.Fold()
	pos := r.Numbered()
	from, err := r.Field(g.From)
	if err != nil {
		return nil, err
	}
	to, err := r.Field(g.To)
	if err != nil {
		return nil, err
	}
	parts := make([]string, 0, len(r.Cols()))
	doc := plan.Cell(rows.String, "")
	for _, c := range r.Cols() {
		v := jsonOf(c.X())
		parts = append(parts, function.Quote(c.Name)+", "+v.SQL)
		doc = doc.Also(v)
	}
	doc.SQL = "CAST(json_object(" + strings.Join(parts, ", ") + ") AS VARCHAR)"
	cols := make([]*plan.Col, 0, 3)
	for name, x := range map[string]plan.X{"docs": doc, "froms": jsonOf(from), "tos": jsonOf(to)} {
		cols = append(cols, plan.NewCol(name, plan.Cell(rows.Array, "coalesce(list(CAST(%s AS VARCHAR) ORDER BY %s), [])", x, pos)))
	}
	slices.SortFunc(cols, func(a, b *plan.Col) int { return strings.Compare(a.Name, b.Name) })
	r.Group(nil, cols)
	return r, nil
}

// jsonOf is a value as JSON; times are shown as answers show them.
func jsonOf(x plan.X) plan.X {
	if x.JSON {
		return plan.Cell(rows.String, "CAST(%s AS JSON)", x)
	}
	if x.Type.Temporal() {
		x = plan.Display(x)
	}
	return plan.Cell(rows.String, "to_json(%s)", x)
}

func (g *GraphLookup) walk(r *plan.Rel, starts plan.X) plan.X {
	flags := fmt.Sprintf("%d, %t, %t, %s", g.Depth, g.Both, g.Arrays, percent(function.Quote(g.DepthAs)))
	return plan.Cell(rows.Array, "ppl_graph(%s, %s, %s, %s, "+flags+")", starts, r.Col("docs").X(), r.Col("froms").X(), r.Col("tos").X())
}

// graphWalks answers, for each start (JSON of a value or of a list of them), the JSON array of the documents it reaches.
// The walk is upstream's: level by level; a document counts when it leads somewhere not yet visited, or to nothing; unless
// arrays are supported, documents that lead to a visited value are not looked at.
func graphWalks(args []any) (any, error) {
	starts, docs := args[0].([]any), texts(args[1].([]any))
	w := &graphWalk{docs: docs, from: edges(args[2].([]any)), to: edges(args[3].([]any))}
	w.depth, w.both, w.arrays, w.as = args[4].(int64), args[5].(bool), args[6].(bool), args[7].(string)
	w.byTo, w.byFrom = index(w.to), index(w.from)
	out := make([]any, len(starts))
	for i, s := range starts {
		text, _ := s.(string)
		out[i] = "[" + strings.Join(w.from1(edgeValues(text)), ",") + "]"
	}
	return out, nil
}

type graphWalk struct {
	docs         []string
	from, to     [][]string
	byTo, byFrom map[string][]int
	depth        int64
	both, arrays bool
	as           string
}

// edges reads each document's values of a field; a document without one has the one value "" that leads nowhere.
func edges(list []any) [][]string {
	out := make([][]string, len(list))
	for i, v := range list {
		text, _ := v.(string)
		out[i] = edgeValues(text)
	}
	return out
}

// edgeValues reads JSON of a value or of a list of them; a text may itself hold a JSON list. Null gives none.
func edgeValues(text string) []string {
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return nil
	}
	if s, ok := v.(string); ok && strings.HasPrefix(s, "[") {
		var inner []any
		if json.Unmarshal([]byte(s), &inner) == nil {
			v = inner
		}
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	var out []string
	for _, e := range list {
		if e != nil {
			out = append(out, fmt.Sprint(e))
		}
	}
	return out
}

func index(values [][]string) map[string][]int {
	out := map[string][]int{}
	for i, vs := range values {
		for _, v := range vs {
			out[v] = append(out[v], i)
		}
	}
	return out
}

func (w *graphWalk) from1(start []string) []string {
	visited := map[string]bool{}
	level := w.unvisited(start, visited)
	var out []string
	for depth := int64(0); len(level) > 0 && depth <= w.depth; depth++ {
		var next []string
		for _, i := range w.matching(level, visited) {
			leads := w.leads(w.from[i], visited)
			if w.both {
				leads = append(leads, w.leads(w.to[i], visited)...)
			}
			if len(leads) == 0 {
				continue
			}
			out = append(out, w.shown(i, depth))
			next = append(next, w.unvisited(leads, visited)...)
		}
		level = next
	}
	return out
}

// unvisited marks values visited and returns those that were not.
func (w *graphWalk) unvisited(values []string, visited map[string]bool) []string {
	var out []string
	for _, v := range values {
		if v != "" && !visited[v] {
			visited[v] = true
			out = append(out, v)
		}
	}
	return out
}

// leads are the values not visited; a document without values leads to "", which keeps it and ends there.
func (w *graphWalk) leads(values []string, visited map[string]bool) []string {
	if len(values) == 0 {
		return []string{""}
	}
	var out []string
	for _, v := range values {
		if !visited[v] {
			out = append(out, v)
		}
	}
	return out
}

// matching lists the documents that the values of a level lead to, in the index's order.
func (w *graphWalk) matching(level []string, visited map[string]bool) []int {
	var found []int
	add := func(by map[string][]int, other [][]string) {
		for _, v := range level {
			for _, i := range by[v] {
				if w.arrays || !slices.ContainsFunc(other[i], func(s string) bool { return visited[s] }) {
					found = append(found, i)
				}
			}
		}
	}
	add(w.byTo, w.from)
	if w.both {
		add(w.byFrom, w.to)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func (w *graphWalk) shown(i int, depth int64) string {
	doc := w.docs[i]
	if w.as == "" {
		return doc
	}
	name, err := json.Marshal(w.as)
	if err != nil {
		return doc
	}
	comma := ","
	if doc == "{}" {
		comma = ""
	}
	return strings.TrimSuffix(doc, "}") + comma + string(name) + ":" + strconv.FormatInt(depth, 10) + "}"
}
