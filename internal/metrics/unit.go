package metrics

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// Short writes a duration as PromQL does, without what is zero: 90s, 5m, 1h30m.
func Short(d time.Duration) string {
	if d < time.Second && d > 0 {
		return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
	}
	d = d.Round(time.Second)
	var out strings.Builder
	for _, u := range []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		if n := d / u.of; n > 0 {
			fmt.Fprintf(&out, "%d%s", n, u.name)
			d -= n * u.of
		}
	}
	if out.Len() == 0 {
		return "0s"
	}
	return out.String()
}

// Number writes a value for people: six significant digits, no exponent where it can be helped.
func Number(v float64) string {
	switch {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 0):
		return fmt.Sprint(v)
	case v == math.Trunc(v) && math.Abs(v) < 1e15:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case math.Abs(v) >= 1e6 && math.Abs(v) < 1e15:
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 6, 64)
}

// unitOfName reads the unit out of a metric's name, as Prometheus' naming rules put it at its end; "" if there is none.
func unitOfName(name string) string {
	for _, p := range append(parts(), "_total") {
		if p == "_count" && strings.HasSuffix(name, p) {
			return ""
		}
		name = strings.TrimSuffix(name, p)
	}
	words := split(name)
	if len(words) == 0 {
		return ""
	}
	short := map[string]string{
		"seconds": "s", "milliseconds": "ms", "ms": "ms", "microseconds": "us", "nanoseconds": "ns", "bytes": "bytes", "mib": "MiB", "mebibytes": "MiB",
		"ratio": "ratio", "percent": "%", "celsius": "°C", "volts": "V", "joules": "J", "hertz": "Hz", "kib": "KiB", "gib": "GiB",
	}
	return short[words[len(words)-1]]
}

// unitOf reckons the unit of an expression's values; "" where it is not certain.
func unitOf(e parser.Expr) string {
	switch e := e.(type) {
	case *parser.ParenExpr:
		return unitOf(e.Expr)
	case *parser.StepInvariantExpr:
		return unitOf(e.Expr)
	case *parser.UnaryExpr:
		return unitOf(e.Expr)
	case *parser.SubqueryExpr:
		return unitOf(e.Expr)
	case *parser.MatrixSelector:
		return unitOf(e.VectorSelector)
	case *parser.VectorSelector:
		return unitOfName(usage{VectorSelector: e}.metric())
	case *parser.AggregateExpr:
		switch e.Op {
		case parser.COUNT, parser.COUNT_VALUES, parser.GROUP, parser.STDVAR:
			return ""
		}
		return unitOf(e.Expr)
	case *parser.Call:
		return unitOfCall(e)
	case *parser.BinaryExpr:
		return unitOfBinary(e)
	}
	return ""
}

func unitOfCall(c *parser.Call) string {
	switch c.Func.Name {
	case "rate", "irate", "deriv":
		if u := unitOf(c.Args[0]); u != "" {
			return u + "/s"
		}
		return "/s"
	case "increase", "delta", "idelta", "sum_over_time", "avg_over_time", "min_over_time", "max_over_time", "last_over_time", "abs", "round", "ceil", "floor",
		"clamp_min", "clamp_max", "clamp", "sort", "sort_desc", "stddev_over_time":
		return unitOf(c.Args[0])
	case "histogram_quantile", "quantile_over_time":
		return strings.TrimSuffix(unitOf(c.Args[1]), "/s")
	}
	return ""
}

func unitOfBinary(b *parser.BinaryExpr) string {
	l, r := unitOf(b.LHS), unitOf(b.RHS)
	_, scaled := b.RHS.(*parser.NumberLiteral)
	switch {
	case b.Op.IsComparisonOperator() && !b.ReturnBool, b.Op.IsSetOperator():
		return l
	case b.Op == parser.DIV && !scaled && ratioOf(b.LHS) && ratioOf(b.RHS) && l == r && l != "":
		return "ratio"
	case b.Op == parser.DIV && strings.HasSuffix(l, "/s") && r == "/s":
		return strings.TrimSuffix(l, "/s") // seconds a second over requests a second
	case (b.Op == parser.ADD || b.Op == parser.SUB) && l == r:
		return l
	}
	return ""
}

// ratioOf reports whether an operand is made of series, not of a bare number.
func ratioOf(e parser.Expr) bool { return len(selectors(e)) > 0 }

// ParseStep reads a step or range as PromQL writes it (90s, 5m, 1h30m) or as a number of seconds.
func ParseStep(text string) (time.Duration, error) {
	if n, err := strconv.ParseFloat(text, 64); err == nil && n > 0 && n < 1e9 {
		return time.Duration(n * float64(time.Second)), nil
	}
	d, err := model.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fault.WithHint(fault.New(fault.InvalidArgument, "step %q cannot be read", text), "Write it as PromQL does: 30s, 5m, 1h.")
	}
	return time.Duration(d), nil
}
