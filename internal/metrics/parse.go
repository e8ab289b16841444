package metrics

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// maxQuery bounds a query's text: longer ones are made by machines and freeze the parser's error texts.
const maxQuery = 64 << 10

// Parse reads a PromQL expression. Its error underlines the place and says how to mend the usual mistakes.
func Parse(query string) (parser.Expr, error) {
	if strings.TrimSpace(query) == "" {
		return nil, fault.WithHint(fault.New(fault.InvalidQuery, "promql: no query"), "Write PromQL, for instance up or sum by (service) (rate(http_requests_total[5m])).")
	}
	if len(query) > maxQuery {
		return nil, fault.New(fault.TooLarge, "promql: query of %d bytes, at most %d", len(query), maxQuery)
	}
	expr, err := parser.ParseExpr(query)
	if err == nil {
		return expr, nil
	}
	var list parser.ParseErrors
	var one *parser.ParseErr
	switch {
	case errors.As(err, &list) && len(list) > 0:
		one = &list[0]
	case !errors.As(err, &one):
		return nil, fault.WithCode(fmt.Errorf("promql: %w", err), fault.InvalidQuery)
	}
	msg := one.Err.Error()
	start, end := int(one.PositionRange.Start), int(one.PositionRange.End)
	if i := unknownFunction(msg, query); i >= 0 {
		start, end = i, i+len(functionName.FindStringSubmatch(msg)[1])
	}
	out := fault.New(fault.InvalidQuery, "promql: %s %s", msg, underline(query, start, end))
	if hint := mend(msg, query); hint != "" {
		return nil, fault.WithHint(out, "%s", hint)
	}
	return nil, out
}

var functionName = regexp.MustCompile(`^unknown function with name "([^"]*)"`)

// unknownFunction finds where a function that does not exist is called, -1 if the message tells of no such.
func unknownFunction(msg, query string) int {
	m := functionName.FindStringSubmatch(msg)
	if m == nil {
		return -1
	}
	return strings.Index(query, m[1])
}

// excerpt bounds the characters of the line that an error shows.
const excerpt = 120

// underline shows the line of a span of bytes with the span underlined.
func underline(query string, start, end int) string {
	start = min(max(start, 0), len(query))
	end = min(max(end, start), len(query))
	from := strings.LastIndexByte(query[:start], '\n') + 1
	to := len(query)
	if n := strings.IndexByte(query[start:], '\n'); n >= 0 {
		to = start + n
	}
	end = max(min(end, to), start)
	line, col := strings.Count(query[:from], "\n")+1, utf8.RuneCountInString(query[from:start])+1
	before := []rune(query[from:start])
	if len(before) > excerpt/3 {
		before = append([]rune("…"), before[len(before)-excerpt/3:]...)
	}
	rest := []rune(query[start:to])
	if len(rest) > 2*excerpt/3 {
		rest = append(rest[:2*excerpt/3:2*excerpt/3], '…')
	}
	mark := max(min(utf8.RuneCountInString(query[start:end]), len(rest)), 1)
	return fmt.Sprintf("(line %d, column %d)\n  %s%s\n  %s%s", line, col, string(before), string(rest), strings.Repeat(" ", len(before)), strings.Repeat("^", mark))
}

// mend says how to mend a query, "" where that is not known.
func mend(msg, query string) string {
	if m := functionName.FindStringSubmatch(msg); m != nil {
		if near := Nearest(m[1], words()); near != "" {
			return fmt.Sprintf("Did you mean %s?", near)
		}
		return "PromQL has no such function: see https://prometheus.io/docs/prometheus/latest/querying/functions/."
	}
	switch {
	case strings.Contains(msg, "expected type range vector"):
		return "Give the selector a range: rate(name{label=\"x\"}[5m])."
	case strings.Contains(msg, "expected type instant vector") && strings.Contains(msg, "range vector"):
		return "Take the range [..] off, or put rate(), increase() or an *_over_time() function around it."
	case strings.Contains(msg, "ranges only allowed for vector selectors"):
		return "A range goes right behind a selector: rate(name[5m]); behind an expression it is a subquery and needs a colon: max_over_time((a / b)[30m:1m])."
	case strings.Contains(msg, "at least one non-empty matcher"):
		return "Name a metric, or give one label a value that is not empty."
	case strings.Contains(msg, "bad number or duration"), strings.Contains(msg, "not a valid duration"), strings.Contains(msg, "duration"):
		return "Durations are 30s, 5m, 1h, 1d, 1w, also joined: 1h30m."
	case strings.Contains(msg, "unclosed left"), strings.Contains(msg, "unexpected end of input"):
		return fmt.Sprintf("The query has %d ( and %d ), %d { and %d }, %d [ and %d ].", count(query, "("), count(query, ")"), count(query, "{"), count(query, "}"), count(query, "["), count(query, "]"))
	case strings.Contains(msg, "unterminated"):
		return `Close the quotes; labels take "double" or 'single' ones.`
	case strings.Contains(msg, `expected label matching operator but got "=="`), strings.Contains(msg, "label matching"), strings.Contains(query, "=="):
		return `Labels are matched by = != =~ !~ and quoted values: name{label="x"}.`
	case strings.Contains(msg, "unexpected string"), strings.Contains(msg, "unexpected identifier"):
		return "Between two terms stands an operator; by and without go directly before or behind an aggregation's parentheses: sum by (label) (expr)."
	}
	return ""
}

func count(s, sub string) int { return strings.Count(s, sub) }

// words lists the functions and aggregations of PromQL.
func words() []string {
	out := []string{"sum", "avg", "min", "max", "count", "topk", "bottomk", "quantile", "stddev", "stdvar", "group", "count_values"}
	for name, f := range parser.Functions {
		if !f.Experimental {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// selector reads one selector such as up{job="x"}.
func selector(text string) ([]*labels.Matcher, error) {
	ms, err := parser.ParseMetricSelector(text)
	if err != nil {
		return nil, fault.WithCode(fmt.Errorf("promql: selector %s: %w", text, err), fault.InvalidQuery)
	}
	return ms, nil
}

// selectors lists the vector selectors of an expression, with the innermost range, offset and function around each.
func selectors(expr parser.Expr) []usage {
	var out []usage
	parser.Inspect(expr, func(n parser.Node, path []parser.Node) error {
		v, ok := n.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		u := usage{VectorSelector: v}
		for _, above := range slices.Backward(path) {
			switch p := above.(type) {
			case *parser.MatrixSelector:
				u.matrix = p
			case *parser.Call:
				if u.fn == "" {
					u.fn = p.Func.Name
				}
			case *parser.AggregateExpr:
				u.grouped = true
			case *parser.SubqueryExpr:
				u.subquery = true
			}
		}
		out = append(out, u)
		return nil
	})
	return out
}

// usage is a selector and what stands around it.
type usage struct {
	*parser.VectorSelector

	matrix   *parser.MatrixSelector
	fn       string // innermost function, "" for none
	grouped  bool
	subquery bool
}

// metric is the metric's name, "" if the selector matches several.
func (u usage) metric() string {
	for _, m := range u.LabelMatchers {
		if m.Name == nameLabel && m.Type == labels.MatchEqual {
			return m.Value
		}
	}
	return ""
}

// text writes the selector without range and offset.
func (u usage) text() string {
	return (&parser.VectorSelector{Name: u.Name, LabelMatchers: u.LabelMatchers}).String()
}

// Nearest finds the candidate that a mistyped name most likely meant; "" if none is near.
func Nearest(name string, candidates []string) string {
	best, bestScore := "", 0.0
	for _, c := range candidates {
		if s := likeness(name, c); s > bestScore {
			best, bestScore = c, s
		}
	}
	return best
}

// like is the least likeness of a suggestion.
const like = .55

// likeness compares two names from 0 to 1: by letters (edit distance) and by words (the share that both have).
func likeness(a, b string) float64 {
	a, b = strings.ToLower(a), strings.ToLower(b)
	if a == b {
		return 1
	}
	letters := 1 - float64(edits(a, b))/float64(max(len(a), len(b), 1))
	wa, wb := split(a), split(b)
	both := 0
	for _, w := range wa {
		if slices.Contains(wb, w) {
			both++
		}
	}
	shared := 2 * float64(both) / float64(len(wa)+len(wb))
	if len(wa) == 1 || len(wb) == 1 {
		shared = 0
		if len(a) > 3 && strings.HasPrefix(b, a) || len(b) > 3 && strings.HasPrefix(a, b) {
			shared = .8
		}
	}
	if s := max(letters, shared); s >= like {
		return s
	}
	return 0
}

func split(name string) []string {
	return strings.FieldsFunc(name, func(r rune) bool { return r == '_' || r == ':' || r == '.' || r == '-' || r == ' ' || r == '/' })
}

// edits is the Levenshtein distance in bytes.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		prev := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			prev, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, prev+cost)
		}
	}
	return row[len(b)]
}
