package command

import (
	"encoding/json"
	"errors"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Foreach runs a template of eval for each of some fields, or for each element of an array.
type Foreach struct {
	node
	Mode    string // multifield, multivalue, json_array, auto_collections; "" until the target decides
	Fields  []string
	Target  syntax.Expr // the array of the collection modes; nil for multifield, or when auto_collections finds one
	Body    string      // what stands between the brackets
	BodyAt  syntax.Span
	Options map[string]string // placeholders by option: fieldstr, matchstr, itemstr, iterstr
}

// The modes of foreach.
const (
	foreachFields = "multifield"
	foreachValues = "multivalue"
	foreachJSON   = "json_array"
	foreachAuto   = "auto_collections"
)

func foreachSpec() Spec {
	return Spec{
		Name:   "foreach",
		Syntax: "foreach [mode=multifield|multivalue|json_array|auto_collections] [fieldstr= matchstr= itemstr= iterstr=] TARGET[ ..] [ eval NAME=EXPRESSION ]",
		Doc:    "Runs a template of eval for each field (<<FIELD>>, <<MATCHSTR>>) or each element of an array (<<ITEM>>, <<ITER>>).",
		Parse:  parseForeach,
	}
}

func parseForeach(p *syntax.Parser, n node) Command {
	f := &Foreach{node: n, Options: map[string]string{}}
	f.options(p)
	f.target(p)
	f.options(p)
	f.body(p)
	if f.Mode == "" {
		f.Mode = foreachFields
	}
	return f
}

func (f *Foreach) options(p *syntax.Parser) {
	for p.IsOption("mode", "fieldstr", "matchstr", "itemstr", "iterstr") {
		at := p.Peek().Span()
		name := strings.ToLower(p.Text(p.Peek()))
		p.AcceptOption(name)
		value := p.Word("a name")
		if name != "mode" {
			f.Options[name] = value
			continue
		}
		f.Mode = strings.ToLower(value)
		if !slices.Contains([]string{foreachFields, foreachValues, foreachJSON, foreachAuto}, f.Mode) {
			p.Fail(at, "foreach has no mode %s", value).WithHint("The modes are multifield, multivalue, json_array and auto_collections.")
		}
	}
}

// target reads field patterns, or the one array of the other modes.
func (f *Foreach) target(p *syntax.Parser) {
	call := p.Peek().Kind == syntax.Ident && p.PeekAt(1).Kind == syntax.Mark && p.Text(p.PeekAt(1)) == "("
	if call || p.Peek().Kind == syntax.String {
		f.Target = p.Expr()
		if f.Mode == "" {
			f.Mode = foreachJSON
		}
		return
	}
	for p.IsName() || p.Is("*") {
		if p.IsOption("mode", "fieldstr", "matchstr", "itemstr", "iterstr") {
			break
		}
		w := p.WildField()
		f.Fields = append(f.Fields, w.Name)
		p.Accept(",")
	}
}

// body passes the bracketed eval and keeps its text, placeholders and all.
func (f *Foreach) body(p *syntax.Parser) {
	p.Expect("[")
	start := p.Peek().Span().Start
	for depth := 0; p.Err() == nil; p.Next() {
		switch {
		case p.AtEnd():
			p.FailExpect("the ']' that ends foreach")
			return
		case p.Is("["):
			depth++
		case p.Is("]") && depth == 0:
			f.BodyAt = syntax.Span{Start: start, End: p.LastEnd()}
			f.Body = strings.TrimSpace(p.Slice(f.BodyAt))
			p.Next()
			if word, _, _ := strings.Cut(f.Body, " "); !strings.EqualFold(word, "eval") {
				p.Fail(f.BodyAt, "foreach runs an eval").WithHint("Write: foreach FIELDS [ eval NAME = EXPRESSION ]")
			}
			return
		case p.Is("]"):
			depth--
		}
	}
}

// String returns the command as PPL.
func (f *Foreach) String() string {
	parts := []string{"foreach mode=" + f.Mode}
	for _, name := range []string{"fieldstr", "matchstr", "itemstr", "iterstr"} {
		if v := f.Options[name]; v != "" {
			parts = append(parts, name+"="+v)
		}
	}
	for _, name := range f.Fields {
		parts = append(parts, pattern(name))
	}
	if f.Target != nil {
		parts = append(parts, syntax.Print(f.Target))
	}
	return strings.Join(parts, " ") + " [ " + f.Body + " ]"
}

// Compile expands the template, or folds it over the elements.
func (f *Foreach) Compile(env *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := f.needSource(in); err != nil {
		return nil, err
	}
	in.Settle()
	if f.Mode == foreachFields {
		return f.overFields(env, in)
	}
	return f.overElements(in)
}

// overFields runs the template once for each field that fits a pattern.
func (f *Foreach) overFields(env *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	seen := map[string]bool{}
	for _, wanted := range f.Fields {
		found := false
		for _, name := range in.Names() {
			match, ok := wildcard(wanted, name)
			if !ok {
				continue
			}
			found = true
			if seen[name] {
				continue
			}
			seen[name] = true
			sets, err := f.expand(map[string]string{
				f.placeholder("fieldstr", "FIELD"): name, f.placeholder("matchstr", "MATCHSTR"): match,
			})
			if err != nil {
				return nil, err
			}
			if in, err = (&Eval{f.node, sets}).Compile(env, in); err != nil {
				return nil, f.within(err)
			}
		}
		if !found && !strings.Contains(wanted, "*") {
			return nil, in.Unknown(&syntax.Field{Node: syntax.Node{At: f.at}, Name: wanted})
		}
	}
	return in, nil
}

// wildcard matches a name and returns what the stars stand for.
func wildcard(wanted, name string) (string, bool) {
	if !strings.Contains(wanted, "*") {
		return "", wanted == name
	}
	if ok, err := path.Match(wanted, name); err != nil || !ok {
		return "", false
	}
	re, err := regexp.Compile("^" + strings.ReplaceAll(regexp.QuoteMeta(wanted), `\*`, "(.*)") + "$")
	if err != nil {
		return "", false
	}
	return strings.Join(re.FindStringSubmatch(name)[1:], ""), true
}

func (f *Foreach) placeholder(option, standard string) string {
	if name := f.Options[option]; name != "" {
		return name
	}
	return standard
}

// expand puts values in the place of placeholders and reads the eval. A placeholder that the user named may stand bare.
func (f *Foreach) expand(values map[string]string) ([]Assign, error) {
	text := f.Body
	for _, ph := range slices.Sorted(maps.Keys(values)) {
		value := values[ph]
		text = substitute(text, "<<"+ph+">>", value)
		if slices.Contains(slices.Collect(maps.Values(f.Options)), ph) {
			text = regexp.MustCompile(`\b`+regexp.QuoteMeta(ph)+`\b`).ReplaceAllLiteralString(text, value)
		}
	}
	p, err := syntax.NewParser(text)
	if err != nil {
		return nil, f.within(err)
	}
	p.Pipeline = func(p *syntax.Parser) syntax.Pipeline { return parsePipeline(p, true) }
	p.Next() // eval
	sets := assigns(p)
	if p.Err() == nil && !p.AtEnd() {
		p.FailExpect("',' or the end of the template")
	}
	if err := p.Err(); err != nil {
		return nil, inText(err, text)
	}
	return sets, nil
}

// substitute puts a field's name in the place of a placeholder; a name that is no bare word is quoted where it stands alone.
func substitute(text, placeholder, name string) string {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(text, placeholder)
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		alone := func(s string, at int) bool { return s == "" || strings.IndexByte(" \t\n,=()+-*/%<>!", s[at]) >= 0 }
		if alone(before, max(len(before)-1, 0)) && alone(after, 0) {
			b.WriteString(syntax.Name(name))
		} else {
			b.WriteString(name)
		}
		text = after
	}
}

// inText makes a syntax error point into the expanded template.
func inText(err error, text string) error {
	if e, ok := errors.AsType[*syntax.Error](err); ok {
		shown := *e
		shown.Query = text
		return &shown
	}
	return err
}

// within makes an error of the expanded template point at the template in the query.
func (f *Foreach) within(err error) error {
	if e, ok := errors.AsType[*syntax.Error](err); ok && e.Query == "" {
		shown := *e
		shown.Span = f.BodyAt
		return &shown
	}
	return err
}

// The names by which an expanded template refers to the element and its place.
const (
	foreachItem = "foreach_item"
	foreachIter = "foreach_iter"
)

// overElements folds the template over an array. A target that is no array of the mode's kind changes nothing.
func (f *Foreach) overElements(in *plan.Rel) (*plan.Rel, error) {
	sets, err := f.expand(map[string]string{
		f.placeholder("itemstr", "ITEM"): foreachItem, f.placeholder("iterstr", "ITER"): foreachIter,
	})
	if err != nil {
		return nil, err
	}
	list, ok, err := f.elements(in, sets)
	if err != nil || !ok {
		return in, err
	}
	var steps []plan.Step
	for _, s := range sets {
		in.Prepare(s.X)
		steps = append(steps, plan.Step{State: s.Field.Name, X: s.X})
	}
	xs, err := in.FoldList(list, plan.FoldNames{Item: foreachItem, Iter: foreachIter}, steps)
	if err != nil {
		return nil, f.within(err)
	}
	done := map[string]bool{}
	i := 0
	for _, s := range steps {
		if !done[s.State] {
			done[s.State] = true
			in.Set(plan.NewCol(s.State, xs[i]))
			i++
		}
	}
	return in, nil
}

// elements finds the array of the target.
func (f *Foreach) elements(in *plan.Rel, sets []Assign) (plan.X, bool, error) {
	target := f.Target
	if target == nil && len(f.Fields) > 0 {
		if len(f.Fields) > 1 {
			return plan.X{}, false, syntax.Errorf(f.at, "foreach over elements takes one array, found %d fields", len(f.Fields))
		}
		target = &syntax.Field{Node: syntax.Node{At: f.at}, Name: f.Fields[0]}
	}
	if target == nil {
		return f.firstArray(in)
	}
	if c, ok := target.(*syntax.Call); ok && strings.EqualFold(c.Name, "json_array") {
		c := *c
		c.Name = "array"
		x, err := in.Compile(&c)
		return doubles(x), true, err
	}
	in.Prepare(target)
	x, err := in.Compile(target)
	switch {
	case err != nil:
		return x, false, err
	case x.Type == rows.Array && !x.JSON:
		return x, f.Mode != foreachJSON, nil
	case x.Type != rows.String && !x.JSON || f.Mode == foreachValues:
		return x, false, nil
	}
	if s, ok := x.Literal.(string); ok {
		return f.literal(s)
	}
	return jsonText(x, numericUse(sets)), true, nil
}

func (f *Foreach) firstArray(in *plan.Rel) (plan.X, bool, error) {
	for _, c := range in.Cols() {
		if c.Type == rows.Array && !c.JSON && !c.Hidden { // what documents hold is JSON, and scalar by its mapping
			return c.X(), true, nil
		}
	}
	return plan.X{}, false, syntax.Errorf(f.at, "foreach finds no array among the fields").WithHint("Name the array: foreach mode=multivalue FIELD [ eval .. ]")
}

// doubles makes whole numbers doubles, which numbers out of JSON are.
func doubles(x plan.X) plan.X {
	if x.Elem.Numeric() {
		x.SQL, x.Elem = "CAST("+x.SQL+" AS DOUBLE[])", rows.Double
	}
	return x
}

// literal reads a JSON array constant, whose elements must be of one kind.
func (f *Foreach) literal(s string) (plan.X, bool, error) {
	var vs []any
	if err := json.Unmarshal([]byte(s), &vs); err != nil {
		return plan.X{}, false, syntax.Errorf(f.Target.Span(), "foreach: this is no JSON array")
	}
	numbers, parts := 0, make([]string, len(vs))
	for i, v := range vs {
		text, ok := v.(string)
		if _, number := v.(float64); number {
			numbers++
		}
		if !ok && v != nil {
			b, err := json.Marshal(v)
			if err != nil {
				return plan.X{}, false, syntax.Errorf(f.Target.Span(), "foreach: element %d: %s", i, err.Error())
			}
			text = string(b)
		}
		parts[i] = percent(function.Quote(text))
		if v == nil {
			parts[i] = "NULL"
		}
	}
	t, sql := rows.String, "VARCHAR[]"
	switch {
	case numbers == len(vs) && numbers > 0:
		t, sql = rows.Double, "DOUBLE[]"
	case numbers > 0:
		return plan.X{}, false, syntax.Errorf(f.Target.Span(), "foreach: the JSON array mixes numbers and texts")
	}
	x := plan.Cell(rows.Array, "CAST(["+strings.Join(parts, ", ")+"] AS "+sql+")")
	x.Elem = t
	return x, true, nil
}

// jsonText is the list of a field that holds a JSON array.
func jsonText(x plan.X, numeric bool) plan.X {
	elem, t := "json_extract_string(v, '$')", rows.String
	if numeric {
		elem, t = "TRY_CAST("+elem+" AS DOUBLE)", rows.Double
	}
	out := plan.Cell(rows.Array, "CASE WHEN json_valid(%s) AND json_type(%s) = 'ARRAY' THEN list_transform(json_extract(%s, '$[*]'), lambda v: "+elem+") END", x, x, x)
	out.Elem = t
	return out
}

// numericUse reports whether the template calculates with the element.
func numericUse(sets []Assign) bool {
	used := false
	for _, s := range sets {
		syntax.Walk(s.X, func(e syntax.Expr) {
			b, ok := e.(*syntax.Binary)
			if !ok || !slices.Contains([]string{syntax.Add, syntax.Sub, syntax.Mul, syntax.Div, syntax.Mod}, b.Op) {
				return
			}
			for _, side := range []syntax.Expr{b.L, b.R} {
				f, ok := side.(*syntax.Field)
				used = used || ok && f.Name == foreachItem
			}
		})
	}
	return used
}
