package command

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Bin puts a number or a time into buckets. Numbers become texts such as 20-30.
type Bin struct {
	node
	Field    *syntax.Field
	Options  []string // as written, for the formatter
	Width    *plan.Span
	Log      *logSpan
	MinSpan  float64
	Bins     int64
	Start    *float64
	End      *float64
	Align    string
	AlignAt  syntax.Span
	As       string
	minSpans *plan.Span
}

// logSpan is coefficient times base to the n.
type logSpan struct{ coef, base float64 }

// Bounds of bins=, as upstream's.
const (
	minBins     = 2
	maxBins     = 50_000
	defaultBins = 100
)

func binSpec() Spec {
	return Spec{
		Name: "bin", Syntax: "bin FIELD [span=WIDTH] [minspan=WIDTH] [bins=N] [aligntime=earliest|latest|TIME] [start=N] [end=N] [as NAME]",
		Doc: "Puts numbers or times into buckets of equal width; numbers become texts such as 20-30.", Parse: parseBin,
	}
}

func parseBin(p *syntax.Parser, n node) Command {
	b := &Bin{node: n}
	for {
		start := p.Peek().Span()
		if !b.option(p) {
			if b.Field != nil || !p.IsName() || p.IsWord("as") {
				break
			}
			b.Field = p.Field()
			continue
		}
		b.Options = append(b.Options, p.Slice(syntax.Span{Start: start.Start, End: p.LastEnd()}))
	}
	if b.Field == nil {
		p.FailExpect("the field to put into buckets")
		b.Field = &syntax.Field{}
	}
	if p.AcceptWord("as") {
		b.As = p.Field().Name
		for b.option(p) {
			continue
		}
	}
	return b
}

func (b *Bin) option(p *syntax.Parser) bool {
	switch {
	case p.AcceptOption("span"):
		b.width(p)
	case p.AcceptOption("minspan"):
		s := plan.ReadSpan(p)
		b.minSpans, b.MinSpan = &s, s.N
	case p.AcceptOption("bins"):
		at := p.Peek().Span()
		b.Bins = p.Int("the number of bins")
		if b.Bins < minBins || b.Bins > maxBins {
			p.Fail(at, "The bins parameter must be between %d and %d, got: %d", minBins, maxBins, b.Bins)
		}
	case p.AcceptOption("start"):
		f := p.Float("start")
		b.Start = &f
	case p.AcceptOption("end"):
		f := p.Float("end")
		b.End = &f
	case p.AcceptOption("aligntime"):
		b.AlignAt = p.Peek().Span()
		b.Align = p.Word("earliest, latest or a time")
	default:
		return false
	}
	return true
}

// width reads a span: a number, a length of time, or a logarithmic one such as log10 or 2log2.
func (b *Bin) width(p *syntax.Parser) {
	t := p.Peek()
	word := strings.ToLower(p.Text(t))
	coef, base, ok := strings.Cut(word, "log")
	if t.Kind == syntax.String {
		coef, base, ok = strings.Cut(strings.ToLower(syntax.Unquote(p.Text(t))), "log")
	}
	if !ok || t.Kind != syntax.Ident && t.Kind != syntax.Unit && t.Kind != syntax.String {
		s := plan.ReadSpan(p)
		b.Width = &s
		return
	}
	p.Next()
	l := logSpan{1, 10}
	var err1, err2 error
	if coef != "" {
		l.coef, err1 = strconv.ParseFloat(coef, 64)
	}
	if base != "" {
		l.base, err2 = strconv.ParseFloat(base, 64)
	}
	if err1 != nil || err2 != nil || l.base <= 1 || l.coef <= 0 {
		p.Fail(t.Span(), "Invalid log span: %s", word).WithHint("Write log10, log2 or 2log10.")
	}
	b.Log = &l
}

// String returns the command as PPL.
func (b *Bin) String() string {
	out := strings.Join(append([]string{"bin", syntax.Name(b.Field.Name)}, b.Options...), " ")
	if b.As != "" {
		out += " as " + syntax.Name(b.As)
	}
	return out
}

// Compile replaces the field, or adds a column under the name after `as`.
func (b *Bin) Compile(_ *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := b.needSource(in); err != nil {
		return nil, err
	}
	in.Settle()
	in.PrepareFields(b.Field)
	x, err := in.Field(b.Field)
	if err != nil {
		return nil, err
	}
	var y plan.X
	switch {
	case x.Type == rows.Timestamp || x.Type == rows.Date || x.Type == rows.Time:
		y, err = b.time(in, x)
	case x.Type.Numeric() || x.Type == rows.String:
		y, err = b.number(in, plan.Cell(rows.Double, "TRY_CAST(%s AS DOUBLE)", x))
	default:
		err = syntax.Errorf(b.Field.At, "Cannot apply binning: field '%s' is non-numeric and not time-related, expected numeric or time-related type", b.Field.Name)
	}
	if err != nil {
		return nil, err
	}
	name := b.As
	if name == "" {
		name = b.Field.Name
	}
	in.Set(plan.NewCol(name, y))
	return in, nil
}

func num(f float64) string {
	return "CAST(" + strconv.FormatFloat(f, 'f', -1, 64) + " AS DOUBLE)"
}

func (b *Bin) number(in *plan.Rel, x plan.X) (plan.X, error) {
	switch {
	case b.Log != nil:
		return b.Log.compile(x), nil
	case b.Width != nil && b.Width.Unit != "":
		return x, syntax.Errorf(b.Width.At, "a span with a unit of time needs a time field")
	case b.Width != nil:
		return fixed(x, b.Width.N), nil
	}
	t := in.Temp(x, in.Window("min("+x.SQL+")", rows.Double, nil, false, "").Also(x), in.Window("max("+x.SQL+")", rows.Double, nil, false, "").Also(x))
	v, lo, hi := t[0], t[1], t[2]
	span := plan.Cell(rows.Double, "(%s - %s)", hi, lo)
	switch {
	case b.minSpans != nil:
		least := num(math.Pow(10, math.Ceil(math.Log10(b.MinSpan))))
		w := plan.Cell(rows.Double, "CASE WHEN pow(10, floor(log10(nullif(%s, 0)))) >= "+num(b.MinSpan)+" THEN pow(10, floor(log10(%s))) ELSE "+least+" END", span, span)
		return rangeOf(in, v, w), nil
	case b.Bins > 0:
		return rangeOf(in, v, binWidth(in, span, hi, b.Bins)), nil
	case b.Start != nil || b.End != nil:
		if b.Start != nil {
			lo = plan.Cell(rows.Double, "least(%s, "+num(*b.Start)+")", lo)
		}
		if b.End != nil {
			hi = plan.Cell(rows.Double, "greatest(%s, "+num(*b.End)+")", hi)
		}
		l := plan.Cell(rows.Double, "log10(nullif(%s - %s, 0))", hi, lo)
		w := plan.Cell(rows.Double, "pow(10, CASE WHEN abs(%s - floor(%s)) < 1e-10 THEN floor(%s) - 1 ELSE floor(%s) END)", l, l, l, l)
		return rangeOf(in, v, w), nil
	}
	w := plan.Cell(rows.Double, "pow(10, floor(log10(nullif(%s, 0))))", span)
	t = in.Temp(v, w)
	return plan.Cell(rows.String, "(CAST(floor(%s / %s) * %s AS VARCHAR) || '-' || CAST((floor(%s / %s) + 1) * %s AS VARCHAR))", t[0], t[1], t[1], t[0], t[1], t[1]), nil
}

// binWidth is the power of ten that gives at most n bins.
func binWidth(in *plan.Rel, span, hi plan.X, n int64) plan.X {
	_ = in
	k := strconv.FormatInt(n, 10)
	w := plan.Cell(rows.Double, "pow(10, ceil(log10(nullif(%s, 0) / "+k+")))", span)
	return plan.Cell(rows.Double, "(%s * CASE WHEN ceil(%s / %s) + CASE WHEN fmod(%s, %s) = 0 THEN 1 ELSE 0 END > "+k+" THEN 10 ELSE 1 END)", w, span, w, hi, w)
}

// digits is how many decimals a bound of a bucket of the width shows.
func digits(w float64) int {
	switch {
	case w >= 1:
		return 1
	case w >= 0.1:
		return 2
	case w >= 0.01:
		return 3
	}
	return 4
}

// fixed is the bucket of a constant width.
func fixed(x plan.X, w float64) plan.X {
	lo := "floor(%s / " + num(w) + ") * " + num(w)
	if w == math.Trunc(w) {
		return plan.Cell(rows.String, "(CAST(CAST("+lo+" AS BIGINT) AS VARCHAR) || '-' || CAST(CAST("+lo+" + "+num(w)+" AS BIGINT) AS VARCHAR))", x, x)
	}
	f := fmt.Sprintf("%%%%.%df", digits(w))
	return plan.Cell(rows.String, "printf('"+f+"-"+f+"', "+lo+", "+lo+" + "+num(w)+")", x, x)
}

// rangeOf is the bucket of a width computed from the data; null where the width is null (all values are equal).
func rangeOf(in *plan.Rel, v, w plan.X) plan.X {
	t := in.Temp(v, w)
	v, w = t[0], t[1]
	lo := plan.Cell(rows.Double, "(floor(%s / %s) * %s)", v, w, w)
	return plan.Cell(rows.String, "CASE WHEN %s IS NULL OR %s IS NULL THEN NULL WHEN %s = floor(%s) THEN CAST(CAST(%s AS BIGINT) AS VARCHAR) || '-' || CAST(CAST(%s + %s AS BIGINT) AS VARCHAR)"+
		" WHEN %s >= 0.1 THEN printf('%%.2f-%%.2f', %s, %s + %s) WHEN %s >= 0.01 THEN printf('%%.3f-%%.3f', %s, %s + %s) ELSE printf('%%.4f-%%.4f', %s, %s + %s) END",
		v, w, w, w, lo, lo, w, w, lo, lo, w, w, lo, lo, w, lo, lo, w)
}

func (l logSpan) compile(x plan.X) plan.X {
	y := "(%s / " + num(l.coef) + ")"
	n := "ln(" + y + ") / ln(" + num(l.base) + ")"
	switch l.base {
	case 2:
		n = "log2(" + y + ")"
	case 10:
		n = "log10(" + y + ")"
	}
	bound := num(l.coef) + " * pow(" + num(l.base) + ", floor(" + n + ")"
	return plan.Cell(rows.String, "CASE WHEN %s IS NULL THEN NULL WHEN %s > 0 THEN CAST("+bound+") AS VARCHAR) || '-' || CAST("+bound+" + 1) AS VARCHAR) ELSE 'Invalid' END", x, x, x, x)
}

// time puts a time into buckets. Months become texts such as 2025-07, as upstream's.
func (b *Bin) time(in *plan.Rel, x plan.X) (plan.X, error) {
	s := b.Width
	if s == nil {
		s = b.minSpans
	}
	switch {
	case s == nil && b.Bins > 0:
		return b.timeBins(in, x), nil
	case s == nil:
		s = &plan.Span{N: 1, Unit: "hour"}
	case s.Unit == "":
		return x, syntax.Errorf(s.At, "a span over time needs a unit, such as 1h")
	}
	ts := x
	if x.Type != rows.Timestamp || x.Nanos {
		ts = plan.Cell(rows.Timestamp, "CAST(%s AS TIMESTAMP)", x)
	}
	n := strconv.FormatFloat(s.N, 'f', -1, 64)
	switch s.Unit {
	case "day", "week":
		if s.Unit == "week" {
			n = strconv.FormatFloat(7*s.N, 'f', -1, 64)
		}
		return plan.Cell(rows.Timestamp, "time_bucket(INTERVAL '"+n+" days', %s, TIMESTAMP '1970-01-01')", ts), nil
	case "month", "quarter", "year":
		return plan.Cell(rows.String, "strftime(time_bucket("+plan.Interval(*s)+", %s, TIMESTAMP '1970-01-01'), '%%Y-%%m')", ts), nil
	}
	return b.aligned(in, ts, *s)
}

func (b *Bin) aligned(in *plan.Rel, ts plan.X, s plan.Span) (plan.X, error) {
	w := plan.Interval(s)
	align := strings.ToLower(b.Align)
	switch {
	case align == "":
		return plan.Cell(rows.Timestamp, "time_bucket("+w+", %s, TIMESTAMP '1970-01-01')", ts), nil
	case align == "earliest" || align == "latest":
		fn := map[string]string{"earliest": "min", "latest": "max"}[align]
		t := in.Temp(ts, in.Window(fn+"("+ts.SQL+")", rows.Timestamp, nil, false, "").Also(ts))
		return plan.Cell(rows.Timestamp, "time_bucket("+w+", %s, %s)", t[0], t[1]), nil
	case strings.HasPrefix(align, "@d"):
		t := in.Temp(ts, in.Window("min("+ts.SQL+")", rows.Timestamp, nil, false, "").Also(ts))
		origin := "date_trunc('day', %s)"
		if rest := align[2:]; rest != "" {
			num, unit := syntax.SplitUnit(rest[1:])
			k, err := strconv.ParseFloat(num, 64)
			if err != nil || plan.Unit(unit) == "" || !strings.ContainsAny(rest[:1], "+-") {
				return ts, syntax.Errorf(b.AlignAt, "aligntime is earliest, latest, seconds since 1970, or @d with an offset such as @d+3h")
			}
			origin += " " + rest[:1] + " " + plan.Interval(plan.Span{N: k, Unit: plan.Unit(unit)})
		}
		return plan.Cell(rows.Timestamp, "time_bucket("+w+", %s, "+origin+")", t[0], t[1]), nil
	}
	if sec, err := strconv.ParseFloat(align, 64); err == nil {
		return plan.Cell(rows.Timestamp, "time_bucket("+w+", %s, make_timestamp(CAST("+num(sec)+" * 1000000 AS BIGINT)))", ts), nil
	}
	t, ok := plan.ParseTime(b.Align)
	if !ok {
		return ts, syntax.Errorf(b.AlignAt, "aligntime is earliest, latest, seconds since 1970, or @d with an offset such as @d+3h")
	}
	return plan.Cell(rows.Timestamp, "time_bucket("+w+", %s, "+plan.TimeSQL(t, false)+")", ts), nil
}

// timeBins chooses, as a date histogram does, the smallest handy width that gives at most n buckets.
func (b *Bin) timeBins(in *plan.Rel, x plan.X) plan.X {
	const widths = "[1, 5, 10, 30, 60, 300, 600, 1800, 3600, 10800, 43200, 86400, 604800, 2592000, 7776000, 31536000, 157680000]"
	ts := plan.Cell(rows.Timestamp, "CAST(%s AS TIMESTAMP)", x)
	t := in.Temp(ts, in.Window("min("+ts.SQL+")", rows.Timestamp, nil, false, "").Also(ts), in.Window("max("+ts.SQL+")", rows.Timestamp, nil, false, "").Also(ts))
	n := strconv.FormatInt(b.Bins, 10)
	w := plan.Cell(rows.BigInt, "list_filter("+widths+", lambda w: floor(epoch(%s) / w) - floor(epoch(%s) / w) + 1 <= "+n+" OR w = 157680000)[1]", t[2], t[1])
	t = in.Temp(t[0], w)
	return plan.Cell(rows.Timestamp, "time_bucket(to_seconds(%s), %s, TIMESTAMP '1970-01-01')", t[1], t[0])
}
