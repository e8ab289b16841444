package command

import (
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Convert turns texts into numbers and times and back.
type Convert struct {
	node
	Format string
	Sets   []Conversion
}

// Conversion is fn(field) [as name].
type Conversion struct {
	Fn    string
	FnAt  syntax.Span
	Field *syntax.Field
	As    string
}

// convertFormat is how ctime and mktime write a time when they are not told.
const convertFormat = "%m/%d/%Y %H:%M:%S"

func conversions() []string {
	return []string{"auto", "ctime", "dur2sec", "memk", "mktime", "mstime", "none", "num", "rmcomma", "rmunit"}
}

func convertSpec() Spec {
	return Spec{
		Name: "convert", Syntax: "convert [timeformat=FORMAT] auto|num|memk|rmcomma|rmunit|ctime|mktime|mstime|dur2sec|none(FIELD)[ as NAME][, ..]",
		Doc: "Turns texts into numbers and times and back; what cannot be converted is null.", Parse: parseConvert,
	}
}

func parseConvert(p *syntax.Parser, n node) Command {
	c := &Convert{node: n, Format: convertFormat}
	if p.AcceptOption("timeformat") {
		c.Format = p.Str("a format")
	}
	for {
		t := p.Peek()
		s := Conversion{Fn: strings.ToLower(p.Text(t)), FnAt: t.Span()}
		if !slices.Contains(conversions(), s.Fn) {
			e := p.Fail(t.Span(), "unknown conversion: %s", s.Fn)
			e.WithHint("Conversions are %s.", strings.Join(conversions(), ", "))
			return c
		}
		p.Next()
		p.Expect("(")
		s.Field = p.Field()
		p.Expect(")")
		if p.AcceptWord("as") {
			s.As = p.Field().Name
		}
		c.Sets = append(c.Sets, s)
		if !p.Accept(",") && !p.IsName() {
			return c
		}
	}
}

// String returns the command as PPL.
func (c *Convert) String() string {
	parts := make([]string, len(c.Sets))
	for i, s := range c.Sets {
		parts[i] = s.Fn + "(" + syntax.Name(s.Field.Name) + ")"
		if s.As != "" {
			parts[i] += " as " + syntax.Name(s.As)
		}
	}
	out := "convert "
	if c.Format != convertFormat {
		out += "timeformat=" + syntax.Quote(c.Format) + " "
	}
	return out + strings.Join(parts, ", ")
}

// Compile replaces the columns, or adds them under other names.
func (c *Convert) Compile(_ *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := c.needSource(in); err != nil {
		return nil, err
	}
	in.Settle()
	for _, s := range c.Sets {
		in.PrepareFields(s.Field)
		x, err := in.Field(s.Field)
		if err != nil {
			return nil, err
		}
		y := c.convert(s.Fn, x)
		if s.As != "" {
			in.Set(plan.NewCol(s.As, y))
		} else {
			in.Put(plan.NewCol(s.Field.Name, y))
		}
	}
	return in, nil
}

// The texts that conversions read, as regular expressions of DuckDB.
const (
	leadingNumber = `'^\s*([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))'`
	memoryText    = `'^\s*([+-]?[0-9]+(?:\.[0-9]+)?)([kKmMgG]?)\s*$'`
)

func (c *Convert) convert(fn string, x plan.X) plan.X {
	if fn == "none" {
		return x
	}
	if x.Type.Numeric() && fn != "ctime" {
		return plan.Cell(rows.Double, "CAST(%s AS DOUBLE)", x)
	}
	s := text(x)
	leading := plan.Cell(rows.Double, "TRY_CAST(regexp_extract(%s, "+leadingNumber+", 1) AS DOUBLE)", s)
	plain := plan.Cell(rows.Double, "CASE WHEN NOT regexp_matches(%s, '[a-zA-Z]') THEN TRY_CAST(replace(%s, ',', '') AS DOUBLE) END", s, s)
	memory := plan.Cell(rows.Double, "(TRY_CAST(regexp_extract(%s, "+memoryText+", 1) AS DOUBLE) * CASE lower(regexp_extract(%s, "+memoryText+", 2)) WHEN 'm' THEN 1024 WHEN 'g' THEN 1048576 ELSE 1 END)", s, s)
	format := percent(function.Quote(c.Format))
	switch fn {
	case "rmcomma":
		return plain
	case "rmunit":
		return leading
	case "num":
		return plan.Cell(rows.Double, "CASE WHEN regexp_matches(%s, '[a-zA-Z]') THEN %s ELSE %s END", s, leading, plain)
	case "memk":
		return memory
	case "auto":
		return plan.Cell(rows.Double, "coalesce(%s, TRY_CAST(%s AS DOUBLE), %s, %s)", memory, s, plain, leading)
	case "ctime":
		return plan.Cell(rows.String, "strftime(make_timestamp(CAST(TRY_CAST(%s AS DOUBLE) * 1000000 AS BIGINT)), "+format+")", x)
	case "mktime":
		return plan.Cell(rows.Double, "epoch(try_strptime(%s, "+format+"))", s)
	case "mstime":
		re := `'^(?:([0-9]+):)?([0-9]+(?:\.[0-9]+)?)$'`
		return plan.Cell(rows.Double, "(coalesce(TRY_CAST(regexp_extract(%s, "+re+", 1) AS DOUBLE), 0) * 60 + TRY_CAST(regexp_extract(%s, "+re+", 2) AS DOUBLE))", s, s)
	}
	return plan.Cell(rows.Double, "epoch(TRY_CAST(CASE WHEN regexp_full_match(%s, '[0-9]{1,2}:[0-9]{2}:[0-9]{2}') THEN %s END AS TIME))", s, s)
}
