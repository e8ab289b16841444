package plan

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Search adds the condition of a search expression. Its terms match tokens of text fields and whole values of others; a field
// that no document has matches nothing, and NOT keeps what is null.
func (r *Rel) Search(s syntax.Search) error {
	x, err := r.searchX(s)
	if err == nil {
		r.Where(x)
	}
	return err
}

func (r *Rel) searchX(s syntax.Search) (X, error) {
	switch s := s.(type) {
	case *syntax.SearchTerm:
		return r.searchAll(s), nil
	case *syntax.SearchNot:
		x, err := r.searchX(s.X)
		return Cell(rows.Boolean, "(%s IS NOT TRUE)", x), err
	case *syntax.SearchLogic:
		xs := make([]X, len(s.Xs))
		for i, e := range s.Xs {
			x, err := r.searchX(e)
			if err != nil {
				return x, err
			}
			xs[i] = x
		}
		return join(xs, strings.ToUpper(s.Op)), nil
	case *syntax.SearchCompare:
		return r.searchCompare(s)
	}
	return X{}, syntax.Errorf(s.Span(), "this cannot stand in a search")
}

// join connects conditions; none at all is false.
func join(xs []X, op string) X {
	out := X{Value: function.Value{Type: rows.Boolean}}
	parts := make([]string, len(xs))
	for i, x := range xs {
		parts[i] = x.SQL
		out.Uses = append(out.Uses, x.Uses...)
	}
	out.SQL = "(" + strings.Join(parts, " "+op+" ") + ")"
	if len(xs) == 0 {
		out.SQL = "false"
	}
	return out
}

// searchAll looks for a term in every field.
func (r *Rel) searchAll(t *syntax.SearchTerm) X {
	if t.Text == "*" && !t.Quoted {
		return X{Value: function.Value{SQL: "true", Type: rows.Boolean}}
	}
	var xs []X
	for _, c := range r.cols {
		if c.Hidden || c.Type != rows.String && !c.Type.Numeric() && c.Type != rows.Array && c.Type != rows.IP {
			continue
		}
		if x := searchValue(c.X(), syntax.Eq, *t); x.SQL != "false" {
			xs = append(xs, x)
		}
	}
	return join(xs, "OR")
}

func (r *Rel) searchCompare(s *syntax.SearchCompare) (X, error) {
	if name := strings.ToLower(s.Field.Name); !s.Field.Quoted && (name == "earliest" || name == "latest") && s.Op == syntax.Eq {
		return r.timeModifier(name, s)
	}
	f, ok := r.find(s.Field.Name)
	if !ok {
		r.env.Note("no document has the field %s: the search condition on it matches nothing", s.Field.Name)
		return X{Value: function.Value{SQL: "false", Type: rows.Boolean}}, nil
	}
	op := s.Op
	if op == "in" || op == syntax.Ne {
		op = syntax.Eq
	}
	xs := make([]X, len(s.Values))
	for i, v := range s.Values {
		xs[i] = searchValue(f, op, v)
	}
	x := join(xs, "OR")
	if s.Op == syntax.Ne { // != wants the field to be there
		x = Cell(rows.Boolean, "(%s IS NOT NULL AND %s IS NOT TRUE)", f, x)
	}
	return x, nil
}

// timeModifier compiles earliest= and latest= on the index's time field.
func (r *Rel) timeModifier(name string, s *syntax.SearchCompare) (X, error) {
	field := r.TimeField
	if field == "" {
		field = "@timestamp"
	}
	t, err := r.Field(&syntax.Field{Node: s.Field.Node, Name: field})
	if err != nil {
		return t, err
	}
	c := &exprs{r: r}
	v, err := c.use(name, s.At, &function.Call{Args: []function.Value{function.Literal(s.Values[0].Text), t.Value}})
	return X{Value: v, Uses: t.Uses}, err
}

// searchValue compiles field op value by the rules of the field's type.
func searchValue(f X, op string, t syntax.SearchTerm) X {
	switch {
	case f.Type.Numeric():
		n := numberText(strings.TrimRight(t.Text, "dDfFlL"))
		if n.Literal == nil {
			return X{Value: function.Value{SQL: "false", Type: rows.Boolean}}
		}
		return Cell(rows.Boolean, "(%s "+op+" "+n.SQL+")", f)
	case f.Type == rows.Boolean:
		if b := strings.ToLower(t.Text); b == "true" || b == "false" {
			return Cell(rows.Boolean, "(%s = "+b+")", f)
		}
		return X{Value: function.Value{SQL: "false", Type: rows.Boolean}}
	case f.Type == rows.Timestamp || f.Type == rows.Date:
		return searchTime(f, op, t.Text)
	case f.Type == rows.Array || f.Type == rows.Struct:
		return Cell(rows.Boolean, "regexp_matches(CAST(%s AS VARCHAR), "+escape(function.Quote(tokens(t.Text)))+")", f)
	case op != syntax.Eq:
		return Cell(rows.Boolean, "(%s "+op+" "+escape(function.Quote(t.Text))+")", f)
	case f.Text:
		return searchText(f, t.Text)
	case strings.ContainsAny(t.Text, "*?"):
		return Cell(rows.Boolean, "regexp_full_match(%s, "+escape(function.Quote(glob(t.Text)))+")", f)
	}
	return Cell(rows.Boolean, "(%s = "+escape(function.Quote(t.Text))+")", f)
}

// searchText looks for a term among the words of a text. A search for a part of the text stands before the regular
// expression: it is three times as fast and rules most rows out.
func searchText(f X, text string) X {
	re := Cell(rows.Boolean, "regexp_matches(%s, "+escape(function.Quote(tokens(text)))+")", f)
	words := split(text)
	if len(words) != 1 && !strings.ContainsAny(strings.TrimSpace(text), " \t\n") {
		return re
	}
	longest := ""
	for _, w := range words {
		if s := string(w.text); len(s) > len(longest) && !strings.ContainsAny(s, "*?") {
			longest = s
		}
	}
	if longest == "" {
		return re
	}
	return Cell(rows.Boolean, "(contains(lower(%s), lower("+escape(function.Quote(longest))+")) AND %s)", f, re)
}

func escape(s string) string { return strings.ReplaceAll(s, "%", "%%") }

// glob is the regular expression of a value with wildcards.
func glob(s string) string {
	var b strings.Builder
	b.WriteString("(?s)")
	hidden := false
	for _, r := range s {
		switch {
		case hidden:
			b.WriteString(regexp.QuoteMeta(string(r)))
			hidden = false
		case r == '\\':
			hidden = true
		case r == '*':
			b.WriteString(".*")
		case r == '?':
			b.WriteByte('.')
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	return b.String()
}

// tokens is the regular expression that finds a term among the words of a text: any of its words, or, when the text has
// blanks, all of them one after the other.
func tokens(s string) string {
	var words []string
	for _, w := range split(s) {
		words = append(words, w.pattern())
	}
	switch {
	case len(words) == 0:
		return regexp.QuoteMeta(s)
	case strings.ContainsAny(strings.TrimSpace(s), " \t\n"):
		all := split(s)
		return all[0].before() + "(?i:" + strings.Join(words, other+"+") + ")" + all[len(all)-1].after()
	}
	for i, w := range split(s) {
		words[i] = w.before() + "(?i:" + words[i] + ")" + w.after()
	}
	if len(words) == 1 {
		return words[0]
	}
	return "(?:" + strings.Join(words, "|") + ")"
}

// The characters of words. Beyond ASCII everything but general and CJK punctuation counts as a letter: the classes \pL and \pN
// would be exact, but cost RE2 ten milliseconds to compile.
const (
	beyond   = `\x{80}-\x{1FFF}\x{2070}-\x{2FFF}\x{3040}-\x{10FFFF}`
	wordChar = `[A-Za-z0-9_` + beyond + `]`
	other    = `[^A-Za-z0-9_` + beyond + `]`
)

// token is a word of a search term; * and ? in it are wildcards, a backslash hides them.
type token struct{ text []rune }

// split cuts a term into words as the standard analyzer does: a dot or apostrophe between letters, and a dot or comma between
// digits, belong to the word.
func split(s string) []token {
	var out []token
	var cur []rune
	rs := []rune(s)
	flush := func() {
		if len(cur) > 0 {
			out = append(out, token{cur})
			cur = nil
		}
	}
	for i := 0; i < len(rs); i++ {
		r := rs[i]
		switch {
		case r == '\\' && i+1 < len(rs):
			i++
			if isWord(rs[i]) {
				cur = append(cur, rs[i])
			} else {
				flush()
			}
		case isWord(r) || r == '*' || r == '?':
			cur = append(cur, r)
		case i > 0 && i+1 < len(rs) && len(cur) > 0 && glue(rs[i-1], r, rs[i+1]):
			cur = append(cur, r)
		default:
			flush()
		}
	}
	flush()
	return out
}

// glue reports whether a mark between two characters joins them to one word.
func glue(a, mark, b rune) bool {
	digits := unicode.IsDigit(a) && unicode.IsDigit(b)
	letters := unicode.IsLetter(a) && unicode.IsLetter(b)
	return letters && strings.ContainsRune(".':", mark) || digits && strings.ContainsRune(".,;'", mark)
}

func (t token) pattern() string {
	var b strings.Builder
	for _, r := range t.text {
		switch r {
		case '*':
			b.WriteString(wordChar + "*")
		case '?':
			b.WriteString(wordChar)
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	return b.String()
}

// before is what may stand before the word: nothing, or what cannot be a part of it.
func (t token) before() string {
	switch first := t.text[0]; {
	case unicode.IsDigit(first):
		return `(?:^|[^A-Za-z0-9_.,;'` + beyond + `]|(?:^|[^0-9])[.,;'])`
	case unicode.IsLetter(first):
		return `(?:^|[^A-Za-z0-9_.':` + beyond + `]|(?:^|[^A-Za-z` + beyond + `])[.':])`
	}
	return "(?:^|" + other + ")"
}

func (t token) after() string {
	switch last := t.text[len(t.text)-1]; {
	case unicode.IsDigit(last):
		return `(?:$|[^A-Za-z0-9_.,;'` + beyond + `]|[.,;'](?:$|[^0-9]))`
	case unicode.IsLetter(last):
		return `(?:$|[^A-Za-z0-9_.':` + beyond + `]|[.':](?:$|[^A-Za-z` + beyond + `]))`
	}
	return "(?:$|" + other + ")"
}

func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// searchTime compares with a point in time; a day or a minute without seconds stands for all of it.
func searchTime(f X, op, text string) X {
	t, ok := ParseTime(text)
	if !ok {
		return X{Value: function.Value{SQL: "false", Type: rows.Boolean}}
	}
	width := time.Second
	switch {
	case !strings.Contains(text, ":"):
		width = 24 * time.Hour
	case strings.Count(text, ":") == 1:
		width = time.Minute
	case strings.Contains(text, "."):
		width = time.Nanosecond
	}
	lo, hi := TimeSQL(t, f.Nanos), TimeSQL(t.Add(width), f.Nanos)
	switch op {
	case syntax.Eq:
		if width == time.Nanosecond {
			return Cell(rows.Boolean, "(%s = "+lo+")", f)
		}
		return Cell(rows.Boolean, "(%s >= "+lo+" AND %s < "+hi+")", f, X{Value: function.Value{SQL: f.SQL}})
	case syntax.Gt:
		if width > time.Nanosecond {
			return Cell(rows.Boolean, "(%s >= "+hi+")", f)
		}
	case syntax.Le:
		if width > time.Nanosecond {
			return Cell(rows.Boolean, "(%s < "+hi+")", f)
		}
	}
	return Cell(rows.Boolean, fmt.Sprintf("(%%s %s %s)", op, lo), f)
}
