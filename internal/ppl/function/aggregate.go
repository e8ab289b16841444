package function

import (
	"fmt"
	"strconv"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

const (
	// percentileShortcut is the name under which pNN and percNN are kept.
	percentileShortcut = "p<percent>"
	// listLimit is how many values list() keeps, as in OpenSearch.
	listLimit = 100
	// takeDefault is take()'s size without a second argument, as in OpenSearch.
	takeDefault = 10
	// takeLimit bounds take()'s size: an array in one cell must stay readable.
	takeLimit = 10_000
	// percentileNudge lifts a quantile so that quantile_disc picks element floor(q*n) of the sorted values, as the
	// cluster's t-digest does for sets small enough to be exact.
	percentileNudge = 1e-10
)

func aggregates() []Func {
	agg := func(name, args, doc string, lo, hi int, compile func(*Call) (Value, error), aliases ...string) Func {
		return Func{Name: name, Aliases: aliases, Class: Aggregate, Args: args, Doc: doc, Min: lo, Max: hi, Compile: compile}
	}
	return []Func{
		agg("count", "count([expr | eval(condition)])", "How many rows, or how many rows where the expression is not null.", 0, 1, count, "c"),
		agg("sum", "sum(number)", "The sum.", 1, 1, sum),
		agg("avg", "avg(number)", "The mean.", 1, 1, avg, "mean"),
		agg("max", "max(expr)", "The greatest value.", 1, 1, extreme("max")),
		agg("min", "min(expr)", "The least value.", 1, 1, extreme("min")),
		agg("var_samp", "var_samp(number)", "The sample variance.", 1, 1, spread("var_samp"), "variance"),
		agg("var_pop", "var_pop(number)", "The population variance.", 1, 1, spread("var_pop")),
		agg("stddev_samp", "stddev_samp(number)", "The sample standard deviation.", 1, 1, spread("stddev_samp"), "stddev", "std"),
		agg("stddev_pop", "stddev_pop(number)", "The population standard deviation.", 1, 1, spread("stddev_pop")),
		agg("distinct_count", "distinct_count(expr)", "How many different values; exact here, an estimate on a cluster.", 1, 1, distinct, "dc", "distinct_count_approx", "estdc"),
		agg("percentile", "percentile(number, percent[, compression])", "The value below which percent of the values lie; exact here.", 2, 3, percentile, "percentile_approx"),
		agg(percentileShortcut, "p95(number)", "Shortcut for percentile: p50, perc99.9, ...", 1, 1, percentileByName),
		agg("median", "median(number)", "The 50th percentile.", 1, 1, median),
		agg("first", "first(expr)", "The first value in input order that is not null.", 1, 1, first),
		agg("last", "last(expr)", "The last value in input order that is not null.", 1, 1, last),
		agg("earliest", "earliest(expr[, time])", "The value at the least time.", 1, 2, byTime("arg_min")),
		agg("latest", "latest(expr[, time])", "The value at the greatest time.", 1, 2, byTime("arg_max")),
		agg("take", "take(expr[, size])", "The first values in input order, 10 unless told.", 1, 2, take),
		agg("list", "list(expr)", "The first 100 values as strings, in input order.", 1, 1, list),
		agg("values", "values(expr)", "The different values as strings, sorted.", 1, 1, values),
	}
}

func count(c *Call) (Value, error) {
	if len(c.Args) == 0 {
		return scalar(rows.BigInt, "count(*)%s", Over), nil
	}
	if c.Distinct {
		return distinct(c)
	}
	return scalar(rows.BigInt, "count(%s)%s", c.Args[0].SQL, Over), nil
}

func distinct(c *Call) (Value, error) {
	return scalar(rows.BigInt, "count(DISTINCT %s)%s", c.Args[0].SQL, Over), nil
}

// numericArg returns argument 0 ready for arithmetic; a string column counts as double, as on the cluster.
func numericArg(c *Call) (Value, error) {
	a := c.Args[0]
	switch {
	case a.Type.Numeric():
		return a, nil
	case a.Type == rows.String, a.Type == rows.Undefined:
		return Value{SQL: dbl(a), Type: rows.Double}, nil
	}
	return Value{}, fault.New(fault.InvalidQuery, "Aggregation function %s expects field type {[INTEGER]|[DOUBLE]}, but got [%s]", c.Name, typeWord(a.Type))
}

func sum(c *Call) (Value, error) {
	a, err := numericArg(c)
	if err != nil {
		return Value{}, err
	}
	if a.Type.Integer() {
		return scalar(rows.BigInt, "CAST(sum(%s)%s AS BIGINT)", a.SQL, Over), nil
	}
	return scalar(rows.Double, "sum(%s)%s", dbl(a), Over), nil
}

func avg(c *Call) (Value, error) {
	a := c.Args[0]
	switch a.Type {
	case rows.Timestamp, rows.Date:
		return scalar(rows.Timestamp, "make_timestamp(CAST(avg(epoch_us(CAST(%s AS TIMESTAMP)))%s AS BIGINT))", a.SQL, Over), nil
	default:
	}
	a, err := numericArg(c)
	if err != nil {
		return Value{}, err
	}
	return scalar(rows.Double, "avg(%s)%s", dbl(a), Over), nil
}

func extreme(fn string) func(*Call) (Value, error) {
	return func(c *Call) (Value, error) {
		a := c.Args[0]
		return kind(fn+"("+a.SQL+")"+Over, a), nil
	}
}

func spread(fn string) func(*Call) (Value, error) {
	return func(c *Call) (Value, error) {
		a, err := numericArg(c)
		if err != nil {
			return Value{}, err
		}
		return scalar(rows.Double, "%s(%s)%s", fn, dbl(a), Over), nil
	}
}

func percentile(c *Call) (Value, error) {
	p := c.Args[1]
	var pct float64
	switch x := p.Literal.(type) {
	case int64:
		pct = float64(x)
	case float64:
		pct = x
	default:
		return Value{}, fault.New(fault.InvalidQuery, "%s: argument 2 must be a number between 0 and 100", c.Name)
	}
	return quantile(c, pct)
}

func percentileByName(c *Call) (Value, error) {
	m := percentileName.FindStringSubmatch(c.Name)
	if m == nil {
		return Value{}, fault.New(fault.InvalidQuery, "%s: a percentile shortcut is p or perc with a number, such as p95", c.Name)
	}
	pct, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return Value{}, fault.New(fault.InvalidQuery, "%s: %w", c.Name, err)
	}
	return quantile(c, pct)
}

func median(c *Call) (Value, error) { return quantile(c, 50) }

func quantile(c *Call, pct float64) (Value, error) {
	if pct < 0 || pct > 100 {
		return Value{}, fault.New(fault.InvalidQuery, "%s: the percentile %v is not between 0 and 100", c.Name, pct)
	}
	a, err := numericArg(c)
	if err != nil {
		return Value{}, err
	}
	q := min(1, pct/100+percentileNudge)
	return kind(fmt.Sprintf("quantile_disc(%s, %s)%s", a.SQL, strconv.FormatFloat(q, 'f', -1, 64), Over), a), nil
}

func first(c *Call) (Value, error) {
	a := c.Args[0]
	if c.Order == "" {
		return kind("any_value("+a.SQL+")"+Over, a), nil
	}
	return kind("arg_min("+a.SQL+", "+c.Order+")"+Over, a), nil
}

func last(c *Call) (Value, error) {
	a := c.Args[0]
	if c.Order == "" {
		return kind("list_extract(list_filter(list("+a.SQL+")"+Over+", lambda v: v IS NOT NULL), -1)", a), nil
	}
	return kind("arg_max("+a.SQL+", "+c.Order+")"+Over, a), nil
}

func byTime(fn string) func(*Call) (Value, error) {
	return func(c *Call) (Value, error) {
		a := c.Args[0]
		var t Value
		switch {
		case len(c.Args) == 2:
			t = c.Args[1]
		case c.Time != nil:
			t = *c.Time
		default:
			return Value{}, fault.WithHint(fault.New(fault.InvalidQuery, "%s: default @timestamp field not found", c.Name),
				"Name the time field: %s(field, time_field).", c.Name)
		}
		return kind(fmt.Sprintf("%s(%s, %s)%s", fn, a.SQL, t.SQL, Over), a), nil
	}
}

func take(c *Call) (Value, error) {
	n := int64(takeDefault)
	if len(c.Args) == 2 {
		var ok bool
		if n, ok = c.Args[1].integer(); !ok || n < 0 {
			return Value{}, fault.New(fault.InvalidQuery, "%s: argument 2 must be a whole number", c.Name)
		}
	}
	n = min(n, takeLimit)
	a := c.Args[0]
	return Value{SQL: firstN(a.SQL, c.Order, n), Type: rows.Array, Elem: a.Type}, nil
}

// firstN is the first n values in order that are not null, as a list; [] when there is none.
func firstN(sql, order string, n int64) string {
	if n == 0 {
		return "list(" + sql + ")" + Over + "[1:0]"
	}
	if order == "" {
		return fmt.Sprintf("coalesce(list_filter(list(%s)%s, lambda v: v IS NOT NULL)[1:%d], [])", sql, Over, n)
	}
	return fmt.Sprintf("coalesce(arg_min(%s, %s, %d)%s, [])", sql, order, n, Over)
}

func list(c *Call) (Value, error) {
	if !scalarType(c.Args[0].Type) {
		return Value{}, wrongType(c, 0, "a single value")
	}
	return Value{SQL: firstN(display(c.Args[0]), c.Order, listLimit), Type: rows.Array, Elem: rows.String}, nil
}

func values(c *Call) (Value, error) {
	if !scalarType(c.Args[0].Type) {
		return Value{}, wrongType(c, 0, "a single value")
	}
	sql := fmt.Sprintf("list_sort(list_filter(coalesce(list(DISTINCT %s)%s, []), lambda v: v IS NOT NULL))", display(c.Args[0]), Over)
	if c.Settings != nil && c.Settings.ValuesLimit > 0 {
		sql += fmt.Sprintf("[1:%d]", c.Settings.ValuesLimit)
	}
	return Value{SQL: sql, Type: rows.Array, Elem: rows.String}, nil
}

// display returns v as text the way list and values show it: booleans are true and false, not TRUE and FALSE.
func display(v Value) string {
	if v.Type == rows.Boolean {
		return "CAST(" + v.SQL + " AS VARCHAR)"
	}
	return str(v)
}
