package plan

import (
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Has reports whether the name means something in r: a column, an object of columns, or a path into one.
func (r *Rel) Has(name string) bool {
	_, ok := r.find(name)
	return ok
}

// Field resolves a field name.
func (r *Rel) Field(f *syntax.Field) (X, error) {
	if x, ok := r.find(f.Name); ok {
		return x, nil
	}
	return X{}, r.Unknown(f)
}

// Unknown is the error for a field that is not there, with the nearest name as the hint.
func (r *Rel) Unknown(f *syntax.Field) error {
	e := syntax.Errorf(f.At, "Field [%s] not found.", f.Name)
	names := r.Names()
	if n := syntax.Nearest(f.Name, names); n != "" {
		return e.WithHint("Did you mean %s?", syntax.Name(n))
	}
	const show = 12
	if len(names) > show {
		return e.WithHint("The fields here are %s and %d more.", strings.Join(names[:show], ", "), len(names)-show)
	}
	if len(names) > 0 {
		return e.WithHint("The fields here are %s.", strings.Join(names, ", "))
	}
	return e
}

// Column returns the column that a name stands for, be it qualified by the index or a join alias; nil if it is no column.
func (r *Rel) Column(name string) *Col {
	if c := r.Col(name); c != nil {
		return c
	}
	q, rest, ok := strings.Cut(name, ".")
	if !ok {
		return nil
	}
	for _, c := range r.cols {
		if c.Qualifier == q && (c.Name == rest || c.Name == name) {
			return c
		}
	}
	if q == r.Source {
		return r.Col(rest)
	}
	return nil
}

// find resolves a name: a column, one qualified by the index or a join alias, an object, or a path into an object.
func (r *Rel) find(name string) (X, bool) {
	if c := r.Column(name); c != nil {
		return c.X(), true
	}
	if r.hasPrefix(name + ".") {
		return r.object(name), true
	}
	return r.path(name)
}

func (r *Rel) hasPrefix(prefix string) bool {
	return slices.ContainsFunc(r.cols, func(c *Col) bool { return strings.HasPrefix(c.Name, prefix) })
}

// path reaches into a column that holds an object: a.b.c where a or a.b is a struct.
func (r *Rel) path(name string) (X, bool) {
	for i := strings.LastIndexByte(name, '.'); i > 0; i = strings.LastIndexByte(name[:i], '.') {
		c := r.Col(name[:i])
		if c == nil {
			continue
		}
		switch {
		case c.Flat:
			key := `$."` + strings.ReplaceAll(name[i+1:], `"`, `\"`) + `"`
			return Cell(rows.String, "json_extract_string(%s, "+escape(function.Quote(key))+")", c.X()), true
		case c.Type == rows.Struct && !c.JSON, c.Type == rows.Array && !c.JSON:
			return Cell(rows.String, "json_extract_string(to_json(%s), "+escape(function.Quote(jsonPath(name[i+1:])))+")", c.X()), true
		case c.Type == rows.Struct, c.Type == rows.Array:
			return Cell(rows.String, "json_extract_string(%s, "+escape(function.Quote(jsonPath(name[i+1:])))+")", c.X()), true
		}
		return X{}, false
	}
	return X{}, false
}

func jsonPath(dotted string) string {
	var b strings.Builder
	b.WriteByte('$')
	for p := range strings.SplitSeq(dotted, ".") {
		b.WriteString(`."` + strings.ReplaceAll(p, `"`, `\"`) + `"`)
	}
	return b.String()
}

// object builds the struct of the columns below prefix as JSON text without nulls; null when all of them are null.
func (r *Rel) object(prefix string) X {
	root := &tree{}
	var uses []*Col
	var nulls []string
	for _, c := range r.cols {
		if !strings.HasPrefix(c.Name, prefix+".") || c.Hidden {
			continue
		}
		root.add(strings.Split(c.Name[len(prefix)+1:], "."), jsonValue(c))
		uses = append(uses, c.uses...)
		nulls = append(nulls, c.SQL)
	}
	sql := "CASE WHEN coalesce(" + castAll(nulls) + ") IS NOT NULL THEN json_merge_patch('{}', " + root.sql() + ") END"
	return X{Value: function.Value{SQL: sql, Type: rows.Struct, JSON: true}, Uses: uses}
}

func castAll(sqls []string) string {
	parts := make([]string, len(sqls))
	for i, s := range sqls {
		parts[i] = "CAST(" + s + " AS VARCHAR)"
	}
	return strings.Join(parts, ", ")
}

// jsonValue is the column as a member of a JSON object.
func jsonValue(c *Col) string {
	switch {
	case c.JSON:
		return "CAST(" + c.SQL + " AS JSON)"
	case c.Type == rows.Timestamp, c.Type == rows.Date, c.Type == rows.Time:
		return "CAST(" + c.SQL + " AS VARCHAR)"
	}
	return c.SQL
}

// tree is a nested object being built; a node that is both a value and an object keeps the object.
type tree struct {
	keys []string
	kids map[string]*tree
	leaf string
}

func (t *tree) add(path []string, sql string) {
	if len(path) == 0 {
		t.leaf = sql
		return
	}
	if t.kids == nil {
		t.kids = map[string]*tree{}
	}
	k := t.kids[path[0]]
	if k == nil {
		k = &tree{}
		t.kids[path[0]] = k
		t.keys = append(t.keys, path[0])
	}
	k.add(path[1:], sql)
}

func (t *tree) sql() string {
	if len(t.keys) == 0 {
		return t.leaf
	}
	parts := make([]string, 0, len(t.keys))
	for _, k := range t.keys {
		parts = append(parts, function.Quote(k)+", "+t.kids[k].sql())
	}
	return "json_object(" + strings.Join(parts, ", ") + ")"
}

// Prepare closes the SELECT when one of the expressions mentions a column that is computed in it: the expression then reads
// the result instead of repeating the computation. Call it before compiling expressions that belong together.
func (r *Rel) Prepare(exprs ...syntax.Expr) {
	for _, e := range exprs {
		if e == nil {
			continue
		}
		found := false
		syntax.Walk(e, func(x syntax.Expr) {
			if f, ok := x.(*syntax.Field); ok && !found {
				found = r.computed(f.Name)
			}
			if subquery(x) {
				found = found || !r.derived || len(r.where) > 0
			}
		})
		if found {
			r.Flush()
			return
		}
	}
}

func subquery(e syntax.Expr) bool {
	_, exists := e.(*syntax.Exists)
	_, in := e.(*syntax.InQuery)
	_, scalar := e.(*syntax.Scalar)
	return exists || in || scalar
}

// PrepareFields is Prepare for fields.
func (r *Rel) PrepareFields(fs ...*syntax.Field) {
	for _, f := range fs {
		if r.computed(f.Name) {
			r.Flush()
			return
		}
	}
}

func (r *Rel) computed(name string) bool {
	if c := r.Column(name); c != nil {
		return !c.Simple
	}
	for _, c := range r.cols {
		if !c.Simple && (strings.HasPrefix(c.Name, name+".") || strings.HasPrefix(name, c.Name+".")) {
			return true
		}
	}
	return false
}
