package function

import (
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

func conversionUDFs() []UDF {
	number := func(name string, f func(string) (float64, bool)) UDF {
		return UDF{Name: name, In: []string{"VARCHAR"}, Out: "DOUBLE", Fn: func(args []any) (any, error) {
			if x, ok := f(strings.TrimSpace(args[0].(string))); ok {
				return x, nil
			}
			return nil, nil
		}}
	}
	return []UDF{
		{Name: "ppl_float_text", In: []string{"DOUBLE", "BOOLEAN"}, Out: "VARCHAR", Fn: func(args []any) (any, error) {
			return javaFloat(args[0].(float64), args[1].(bool)), nil
		}},
		{Name: "ppl_tostring", In: []string{"VARCHAR", "VARCHAR"}, Out: "VARCHAR", Fn: toStringUDF},
		{Name: "ppl_tonumber", In: []string{"VARCHAR", "BIGINT"}, Out: "DOUBLE", Fn: func(args []any) (any, error) {
			n, ok := new(big.Int).SetString(args[0].(string), int(args[1].(int64)))
			if !ok {
				return nil, nil
			}
			return float64(n.Int64()), nil
		}},
		number("ppl_convert_auto", convertAuto),
		number("ppl_convert_num", convertNum),
		number("ppl_convert_rmcomma", convertRmcomma),
		number("ppl_convert_rmunit", convertRmunit),
		number("ppl_convert_memk", convertMemk),
		number("ppl_convert_dur2sec", convertDuration),
		number("ppl_convert_mstime", convertMillis),
	}
}

// javaFloat writes x as Java's Double.toString (Float.toString when single) does.
func javaFloat(x float64, single bool) string {
	bits := 64
	if single {
		bits = 32
	}
	switch {
	case math.IsNaN(x):
		return "NaN"
	case math.IsInf(x, 1):
		return "Infinity"
	case math.IsInf(x, -1):
		return "-Infinity"
	}
	a := math.Abs(x)
	if a == 0 || (a >= 1e-3 && a < 1e7) {
		s := strconv.FormatFloat(x, 'f', -1, bits)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	}
	s := strconv.FormatFloat(x, 'E', -1, bits)
	mantissa, exponent, _ := strings.Cut(s, "E")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	sign := ""
	if strings.HasPrefix(exponent, "-") {
		sign = "-"
	}
	return mantissa + "E" + sign + strings.TrimLeft(exponent[1:], "0")
}

// toStringUDF is tostring(number as text, format); an unknown format leaves the text as it is, as on the cluster.
func toStringUDF(args []any) (any, error) {
	text, format := args[0].(string), args[1].(string)
	f, _, err := big.ParseFloat(text, 10, 200, big.ToNearestEven)
	if err != nil {
		return nil, nil //nolint:nilerr // text that is no number has no such form: null, as on a cluster
	}
	integral, _ := f.Int(nil)
	switch format {
	case "binary":
		return integral.Text(2), nil
	case "hex":
		return integral.Text(16), nil
	case "commas":
		return withCommas(f), nil
	case "duration":
		return clockText(integral.Int64()), nil
	case "duration_millis":
		return clockText(floorDiv(integral.Int64(), 1000)), nil
	}
	return text, nil
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

// clockText shows seconds as HH:MM:SS of one day.
func clockText(seconds int64) string {
	const day = 24 * 60 * 60
	s := ((seconds % day) + day) % day
	pad := func(n int64) string {
		if n < 10 {
			return "0" + strconv.FormatInt(n, 10)
		}
		return strconv.FormatInt(n, 10)
	}
	return pad(s/3600) + ":" + pad(s/60%60) + ":" + pad(s%60)
}

// withCommas groups the digits by three and keeps at most two decimals.
func withCommas(f *big.Float) string {
	s := f.Text('f', 2)
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	whole, frac, _ := strings.Cut(s, ".")
	frac = strings.TrimRight(frac, "0")
	var b strings.Builder
	for i, r := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(r)
	}
	if frac != "" {
		return sign + b.String() + "." + frac
	}
	return sign + b.String()
}

var (
	plainNumber   = regexp.MustCompile(`^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$`)
	leadingNumber = regexp.MustCompile(`^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?`)
	memorySize    = regexp.MustCompile(`^([+-]?\d+\.?\d*)([kKmMgG])?$`)
	hasLetter     = regexp.MustCompile(`[A-Za-z]`)
	durationText  = regexp.MustCompile(`^(?:(\d+)\+)?(\d{1,2}):(\d{1,2}):(\d{1,2})$`)
	millisText    = regexp.MustCompile(`^(?:(\d{1,2}):)?(\d{1,2})(?:\.(\d{1,3}))?$`)
)

func parseNumber(s string) (float64, bool) {
	if !plainNumber.MatchString(s) {
		return 0, false
	}
	x, err := strconv.ParseFloat(s, 64)
	return x, err == nil
}

// convertNum reads a number, with thousands commas allowed.
func convertNum(s string) (float64, bool) {
	return parseNumber(strings.ReplaceAll(s, ",", ""))
}

// convertRmcomma removes commas; text with letters is no number.
func convertRmcomma(s string) (float64, bool) {
	if hasLetter.MatchString(s) {
		return 0, false
	}
	return parseNumber(strings.ReplaceAll(s, ",", ""))
}

// convertRmunit reads the number at the start and drops what follows.
func convertRmunit(s string) (float64, bool) {
	m := leadingNumber.FindString(strings.ReplaceAll(s, ",", ""))
	if m == "" {
		return 0, false
	}
	x, err := strconv.ParseFloat(m, 64)
	return x, err == nil
}

// convertMemk reads a size in kilobytes: k is the default unit, m is 1024 k, g is 1024 m.
func convertMemk(s string) (float64, bool) {
	m := memorySize.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	x, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return 0, false
	}
	switch strings.ToLower(m[2]) {
	case "m":
		x *= 1024
	case "g":
		x *= 1024 * 1024
	}
	return x, true
}

// convertAuto tries the other conversions from the strictest to the most lenient.
func convertAuto(s string) (float64, bool) {
	for _, f := range []func(string) (float64, bool){parseNumber, convertDuration, convertMillisStrict, convertMemk, convertNum, convertRmunit} {
		if x, ok := f(s); ok {
			return x, true
		}
	}
	return 0, false
}

// convertDuration reads [days+]HH:MM:SS.
func convertDuration(s string) (float64, bool) {
	m := durationText.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	var parts [4]int
	for i, p := range m[1:] {
		parts[i], _ = strconv.Atoi("0" + p)
	}
	if parts[1] > 23 || parts[2] > 59 || parts[3] > 59 {
		return 0, false
	}
	return float64(((parts[0]*24+parts[1])*60+parts[2])*60 + parts[3]), true
}

// convertMillisStrict is convertMillis for text with minutes: bare seconds are plain numbers.
func convertMillisStrict(s string) (float64, bool) {
	if !strings.Contains(s, ":") {
		return 0, false
	}
	return convertMillis(s)
}

// convertMillis reads [MM:]SS[.SSS].
func convertMillis(s string) (float64, bool) {
	m := millisText.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	minutes, _ := strconv.Atoi("0" + m[1])
	x, err := strconv.ParseFloat(m[2]+"."+m[3]+"0", 64)
	if err != nil || x >= 60 {
		return 0, false
	}
	return float64(minutes*60) + x, true
}
