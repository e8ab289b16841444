package function_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"

	"github.com/plumbline-mcp/plumbline/internal/engine/local/udf"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

const now = "2026-05-27 18:20:30.250000"

func connect(tb testing.TB) *sql.Conn {
	tb.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	conn, err := db.Conn(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	if err := udf.Register(tb.Context(), conn, function.UDFs()); err != nil {
		tb.Fatal(err)
	}
	return conn
}

// call compiles a function over constants.
func call(name string, class function.Class, args ...function.Value) (function.Value, error) {
	f, ok := function.Lookup(name, class)
	if !ok {
		return function.Value{}, fmt.Errorf("no function %s", name)
	}
	return f.Call(&function.Call{Name: name, Args: args, Settings: &function.Settings{Now: now}, Order: "n"})
}

// eval computes a function and shows the answer as text.
func eval(tb testing.TB, conn *sql.Conn, v function.Value) string {
	tb.Helper()
	var got sql.NullString
	if err := conn.QueryRowContext(tb.Context(), "SELECT CAST("+v.SQL+" AS VARCHAR)").Scan(&got); err != nil {
		tb.Fatalf("%v in %s", err, v.SQL)
	}
	if !got.Valid {
		return "null"
	}
	return got.String
}

// vals makes constants; a function.Value stays as it is.
func vals(list ...any) []function.Value {
	out := make([]function.Value, len(list))
	for i, x := range list {
		if v, ok := x.(function.Value); ok {
			out[i] = v
			continue
		}
		out[i] = function.Literal(x)
	}
	return out
}

// column is text that is no constant, as a field gives it.
func column(text string) function.Value {
	return function.Value{SQL: "(SELECT " + function.Quote(text) + ")", Type: rows.String, Text: true}
}

func typed(t rows.Type, expr string) function.Value { return function.Value{SQL: expr, Type: t} }

func lambda(tb testing.TB, body string, args []function.Value, params ...string) function.Value {
	tb.Helper()
	return function.Value{Lambda: &function.Lambda{Params: params, Body: func(p []function.Value) (function.Value, error) {
		return call(body, function.Scalar, append(slices.Clone(p), args...)...)
	}}}
}

func TestFunctionsGiveTheAnswersOfOpenSearch(t *testing.T) {
	conn := connect(t)
	day, stamp := typed(rows.Date, "DATE '2024-02-29'"), typed(rows.Timestamp, "TIMESTAMP '2024-02-29 13:14:15.123456'")
	list := typed(rows.Array, "[3, 1, 2]")
	list.Elem = rows.Int
	none := function.Literal(nil)
	for _, tc := range []struct {
		fn   string
		args []function.Value
		want string
		typ  rows.Type
	}{
		// numbers
		{"abs", vals(-3), "3", rows.Int},
		{"ceil", vals(1.2), "2.0", rows.Double},
		{"floor", vals(-1.2), "-2.0", rows.Double},
		{"divide", vals(7, 2), "3", rows.Int},
		{"divide", vals(-7, 2), "-3", rows.Int},
		{"divide", vals(7.0, 2), "3.5", rows.Double},
		{"divide", vals(1, 0), "null", rows.Int},
		{"mod", vals(-7, 3), "-1", rows.Int},
		{"mod", vals(1.5, 0), "null", rows.Double},
		{"add", vals(2147483647, 1), "2147483648", rows.BigInt},
		{"multiply", vals(2, 2.5), "5.0", rows.Double},
		{"round", vals(12.345, 2), "12.35", rows.Double},
		{"round", vals(15, -1), "20", rows.Int},
		{"truncate", vals(-1.987, 1), "-1.9", rows.Double},
		{"sqrt", vals(-1), "null", rows.Double},
		{"ln", vals(0), "null", rows.Double},
		{"log", vals(2, 8), "3.0", rows.Double},
		{"pow", vals(-3, 0.5), "null", rows.Double},
		{"sign", vals(-2.5), "-1.0", rows.Double},
		{"atan", vals(0, 1), "0.0", rows.Double},
		{"conv", vals("-ff", 16, 10), "-255", rows.String},
		{"crc32", vals("abc"), "891568578", rows.BigInt},
		{"max", vals(1, 2.5, nil), "2.5", rows.Double},
		{"min", vals("b", "a", 7), "7", rows.Int},
		{"max", vals("b", "a", 7), "b", rows.String},
		{"sum", vals(1, 2, 3), "6", rows.BigInt},
		{"avg", vals(1, 2), "1.5", rows.Double},
		// strings
		{"concat", vals("a", "b"), "ab", rows.String},
		{"concat", vals("a", nil), "null", rows.String},
		{"concat_ws", vals("-", "a", nil, "b"), "a-b", rows.String},
		{"substring", vals("hello", 0, 2), "h", rows.String},
		{"substring", vals("hello", -1), "hello", rows.String},
		{"substr", vals("hello", 2, 3), "ell", rows.String},
		{"locate", vals("l", "hello", 4), "4", rows.Int},
		{"locate", vals("z", "hello"), "0", rows.Int},
		{"position", vals("lo", "hello"), "4", rows.Int},
		{"right", vals("hello", 9), "hello", rows.String},
		{"left", vals("hello", -1), "", rows.String},
		{"strcmp", vals("a", "b"), "-1", rows.Int},
		{"like", vals("Hello", "h%o"), "true", rows.Boolean},
		{"like", vals("Hello", "h%o", true), "false", rows.Boolean},
		{"like", vals("a_b", `a\_b`), "true", rows.Boolean},
		{"replace", vals("2024-05", `(\d+)-(\d+)`, `\2/$1`), "05/2024", rows.String},
		{"replace", vals("a$b", `\$`, `\$\$`), "a$$b", rows.String},
		{"replace", vals("foobar", `foo(?=bar)`, "x"), "xbar", rows.String},
		{"regexp_match", vals("aab", `^(a)\1b$`), "true", rows.Boolean},
		{"regexp_match", vals("aaab", `a++ab`), "false", rows.Boolean},
		{"regexp_match", vals("x-Y", `\p{Lower}-\p{Upper}`), "true", rows.Boolean},
		// conditions
		{"coalesce", vals(nil, 1, 2.5), "1.0", rows.Double},
		{"nullif", vals(1, 1), "null", rows.Int},
		{"if", vals(true, 1, "x"), "1", rows.String},
		{"case", vals(false, "a", true, "b", "c"), "b", rows.String},
		{"isempty", vals(""), "true", rows.Boolean},
		{"isblank", vals(" "), "true", rows.Boolean},
		{"contains", vals("Hello", "ELL"), "true", rows.Boolean},
		{"earliest", vals("-1d@d", stamp), "false", rows.Boolean},
		{"latest", vals("now", stamp), "true", rows.Boolean},
		// conversions
		{"cast", vals(2.9, "int"), "2", rows.Int},
		{"cast", vals(column("9007199254740993"), "long"), "9007199254740993", rows.BigInt},
		{"cast", vals(column("x"), "int"), "null", rows.Int},
		{"cast", vals(true, "string"), "TRUE", rows.String},
		{"cast", vals(typed(rows.Double, "CAST(12345678.5 AS DOUBLE)"), "string"), "1.23456785E7", rows.String},
		{"cast", vals("2001:0db8::1", "ip"), "2001:db8::1", rows.IP},
		{"tostring", vals(3661, "duration"), "01:01:01", rows.String},
		{"tostring", vals(-1234567.891, "commas"), "-1,234,567.89", rows.String},
		{"tonumber", vals("zz", 36), "1295.0", rows.Double},
		{"num", vals(column("1,234.5")), "1234.5", rows.Double},
		{"memk", vals(column("2m")), "2048.0", rows.Double},
		{"dur2sec", vals(column("1+00:00:01")), "86401.0", rows.Double},
		// dates
		{"week", vals(typed(rows.Date, "DATE '2008-02-20'"), 1), "8", rows.Int},
		{"yearweek", vals("2019-01-05", 1), "201901", rows.Int},
		{"dayofweek", vals(day), "5", rows.Int},
		{"weekday", vals(day), "3", rows.Int},
		{"microsecond", vals(stamp), "123456", rows.Int},
		{"date_format", vals(stamp, "%D %W %u %f"), "29th Thursday 9 123456", rows.String},
		{"date_format", vals(stamp, "yyyy-MM-dd HH:mm:ss.SSS"), "2024-02-29 13:14:15.123", rows.String},
		{"time_format", vals("13:14:15", "%r|%Y"), "01:14:15 PM|0000", rows.String},
		{"time_format", vals("13:14:15", "%M"), "null", rows.String},
		{"strftime", vals(1700000000, "%a %e %j %s %3Q %%"), "Tue 14 318 1700000000 000 %", rows.String},
		{"strftime", vals(1700000000123.0, "%T.%3N"), "22:13:20.123", rows.String},
		{"str_to_date", vals("Mar 5 2021 01:02 PM", "%b %e %Y %h:%i %p"), "2021-03-05 13:02:00", rows.Timestamp},
		{"str_to_date", vals("31.2.2021", "%d.%m.%Y"), "null", rows.Timestamp},
		{"adddate", vals(day, 1), "2024-03-01", rows.Date},
		{"date_sub", vals(day, typed(rows.Interval, "INTERVAL 1 YEAR")), "2023-02-28 00:00:00", rows.Timestamp},
		{"timestampdiff", vals("WEEK", "2024-01-01", "2024-01-20"), "2", rows.BigInt},
		{"timestampadd", vals("QUARTER", -1, day), "2023-11-29 00:00:00", rows.Timestamp},
		{"addtime", vals(typed(rows.Time, "TIME '23:00:00'"), "02:00:00"), "01:00:00", rows.Time},
		{"timediff", vals("10:00:00", "09:30:00"), "00:30:00", rows.Time},
		{"period_add", vals(7011, 2), "197101", rows.Int},
		{"period_diff", vals(202402, 202312), "2", rows.Int},
		{"makedate", vals(2024, 60), "2024-02-29", rows.Date},
		{"unix_timestamp", vals(20240229), "1709164800.0", rows.Double},
		{"from_unixtime", vals(1.5), "1970-01-01 00:00:01.5", rows.Timestamp},
		{"from_unixtime", vals(-1), "null", rows.Timestamp},
		{"convert_tz", vals("2024-01-01 00:00:00", "+00:00", "+05:30"), "2024-01-01 05:30:00", rows.Timestamp},
		{"convert_tz", vals("2024-01-01 00:00:00", "+00:00", "+15:00"), "null", rows.Timestamp},
		{"datetime", vals("2008-01-01 02:00:00+10:00", "-10:00"), "2007-12-31 06:00:00", rows.Timestamp},
		{"to_days", vals("1970-01-02"), "719529", rows.BigInt},
		{"now", nil, "2026-05-27 18:20:30", rows.Timestamp},
		{"sysdate", vals(3), "2026-05-27 18:20:30.25", rows.Timestamp},
		{"curdate", nil, "2026-05-27", rows.Date},
		{"extract", vals("DAY_MINUTE", stamp), "291314", rows.BigInt},
		{"last_day", vals("2023-02-06"), "2023-02-28", rows.Date},
		{"get_format", vals("time", "USA"), "%h:%i:%s %p", rows.String},
		// collections
		{"mvindex", vals(list, -1), "2", rows.Int},
		{"mvindex", vals(list, 0, 1), "[3, 1]", rows.Array},
		{"mvindex", vals(list, 9), "null", rows.Int},
		{"mvfind", vals(list, "[12]"), "1", rows.Int},
		{"mvfind", vals(list, "9"), "null", rows.Int},
		{"mvjoin", vals(list, "+"), "3+1+2", rows.String},
		{"mvappend", vals(1, list, nil), "[1, 3, 1, 2]", rows.Array},
		{"mvappend", vals(1, "a", 2.5), `[1,"a",2.5]`, rows.Array},
		{"mvappend", vals(nil, nil), "null", rows.Array},
		{"array", vals(1, 2.5), "[1.0, 2.5]", rows.Array},
		{"split", vals("abc", ""), "[a, b, c]", rows.Array},
		{"array_length", vals(list), "3", rows.Int},
		{"transform", append(vals(list), lambda(t, "multiply", vals(10), "x")), "[30, 10, 20]", rows.Array},
		{"transform", append(vals(list), lambda(t, "add", nil, "x", "i")), "[3, 2, 4]", rows.Array},
		{"reduce", append(vals(list, 0), lambda(t, "add", nil, "acc", "x")), "6", rows.BigInt},
		{"reduce", append(vals(list, 0), lambda(t, "add", nil, "acc", "x"), lambda(t, "divide", vals(4.0), "acc")), "1.5", rows.Double},
		// JSON
		{"json_extract", vals(`{"a": [{"b": 1}, {"b": "x"}]}`, "a{1}.b"), "x", rows.String},
		{"json_extract", vals(`{"a": [1, 2]}`, "a{}", "c"), "[[1,2],null]", rows.String},
		{"json_extract", vals("{", "a"), "null", rows.String},
		{"json_extract", vals(column(`{"a":{"b":true}}`), "$.a.b"), "true", rows.String},
		{"json_set", vals(`{"a": 1}`, "b", 2.5, "a", nil), `{"a":null,"b":2.5}`, rows.String},
		{"json_append", vals(`{"a": [1]}`, "a", "[2]"), `{"a":[1,"[2]"]}`, rows.String},
		{"json_extend", vals(`{"a": [1]}`, "a", "[2]"), `{"a":[1,2.0]}`, rows.String},
		{"json_delete", vals(`{"a": [{"b": 1, "c": 2}]}`, "a{}.b"), `{"a":[{"c":2}]}`, rows.String},
		{"json_array_length", vals("[1, [2]]"), "2", rows.Int},
		{"json_array_length", vals("{}"), "null", rows.Int},
		{"json_keys", vals("[1]"), "null", rows.String},
		{"json_object", vals("k", "v", "n", 1), `{"k":"v","n":1}`, rows.String},
		// addresses, digests, types, text
		{"cidrmatch", vals("::ffff:10.1.2.3", "10.0.0.0/8"), "true", rows.Boolean},
		{"cidrmatch", vals("2001:db8::1", "2001:db8::/32"), "true", rows.Boolean},
		{"sha2", vals("hello", 256), "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", rows.String},
		{"typeof", vals(1), "INT", rows.String},
		{"typeof", vals(none), "UNDEFINED", rows.String},
		{"match", vals(column("The House at Pooh Corner"), "pooh bear"), "true", rows.Boolean},
		{"match_phrase", vals(column("quick brown fox"), "quick fox"), "false", rows.Boolean},
		{"match_phrase_prefix", vals(column("quick brown fox"), "brown f"), "true", rows.Boolean},
		{"query_string", vals(column("disk full on db-1"), `"disk full" AND NOT cache`), "true", rows.Boolean},
		{"simple_query_string", vals(column("disk full"), "+disk -full"), "false", rows.Boolean},
		{"match", vals(typed(rows.String, "(SELECT 'a b')"), "a"), "false", rows.Boolean},
	} {
		t.Run(tc.fn+" gives "+tc.want, func(t *testing.T) {
			v, err := call(tc.fn, function.Scalar, tc.args...)
			if err != nil {
				t.Fatal(err)
			}
			if got := eval(t, conn, v); got != tc.want {
				t.Errorf("got %s, want %s from %s", got, tc.want, v.SQL)
			}
			if v.Type != tc.typ {
				t.Errorf("type %s, want %s", v.Type, tc.typ)
			}
		})
	}
}

func TestMistakesAreNamedBeforeTheQueryRuns(t *testing.T) {
	for _, tc := range []struct {
		fn   string
		args []function.Value
		want string
	}{
		{"date", vals("2020-15-26"), "date:2020-15-26 in unsupported format, please use 'yyyy-MM-dd'"},
		{"hour", vals("2020-08-26"), "time:2020-08-26 in unsupported format"},
		{"timestamp", vals("2025-12-01 15:02:61"), "unsupported format"},
		{"cast", vals(1, "ip"), "Cannot convert INTEGER to IP"},
		{"cast", vals(1, "money"), "unknown type money"},
		{"conv", vals("1", 1, 10), "less than Character.MIN_RADIX"},
		{"array", vals(1, true), "operand types: [INTEGER, BOOLEAN]"},
		{"replace", vals("a", "(", ""), "Invalid regex pattern '('"},
		{"regexp_match", vals("a", "[a&&b]"), "intersection"},
		{"sha2", vals("a", 1), "224, 256, 384 or 512"},
		{"cidrmatch", vals("1.2.3.4", "nonsense"), "is not valid"},
		{"substring", vals("a"), "the signature is substring(s, start"},
		{"abs", vals(typed(rows.Date, "DATE '2024-01-01'")), "argument 1 must be a number, not date"},
		{"earliest", vals("-1parsec", typed(rows.Timestamp, "now()")), "unsupported unit parsec"},
		{"exists", append(vals(typed(rows.Array, "[1]")), lambda(t, "nonsense", nil, "x")), "no function nonsense"},
		{"filter", vals(typed(rows.Array, "[1]"), 1), "argument 2 must be a lambda"},
		{"geoip", vals("x", "1.1.1.1"), "no geographic database"},
	} {
		t.Run(tc.fn, func(t *testing.T) {
			_, err := call(tc.fn, function.Scalar, tc.args...)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got %v, want an error with %q", err, tc.want)
			}
			if code := fault.CodeOf(err); tc.fn != "exists" && code != fault.InvalidQuery && code != fault.Unsupported {
				t.Errorf("code %s", code)
			}
		})
	}
}

func TestAggregatesOverRows(t *testing.T) {
	conn := connect(t)
	x := typed(rows.Int, "x")
	s := typed(rows.String, "s")
	at := typed(rows.Timestamp, "t")
	for _, tc := range []struct {
		fn   string
		args []function.Value
		want string
		typ  rows.Type
	}{
		{"count", nil, "5", rows.BigInt},
		{"c", vals(x), "4", rows.BigInt},
		{"sum", vals(x), "17", rows.BigInt},
		{"avg", vals(x), "4.25", rows.Double},
		{"max", vals(s), "d", rows.String},
		{"min", vals(x), "1", rows.Int},
		{"dc", vals(s), "3", rows.BigInt},
		{"var_pop", vals(x), "9.6875", rows.Double},
		{"median", vals(x), "5", rows.Int},
		{"percentile", vals(x, 75), "9", rows.Int},
		{"p99.9", vals(x), "9", rows.Int},
		{"perc0", vals(x), "1", rows.Int},
		{"first", vals(x), "5", rows.Int},
		{"last", vals(x), "9", rows.Int},
		{"earliest", vals(s, at), "d", rows.String},
		{"latest", vals(s, at), "a", rows.String},
		{"take", vals(s, 2), "[a, b]", rows.Array},
		{"list", vals(x), "[5, 1, 2, 9]", rows.Array},
		{"values", vals(s), "[a, b, d]", rows.Array},
	} {
		t.Run(tc.fn, func(t *testing.T) {
			v, err := call(tc.fn, function.Aggregate, tc.args...)
			if err != nil {
				t.Fatal(err)
			}
			if v.Type != tc.typ {
				t.Errorf("type %s, want %s", v.Type, tc.typ)
			}
			from := ` FROM (VALUES (1, NULL, 'a', TIMESTAMP '2024-01-05'), (2, 5, 'b', TIMESTAMP '2024-01-04'), (3, 1, NULL, TIMESTAMP '2024-01-03'),
				(4, 2, 'a', TIMESTAMP '2024-01-02'), (5, 9, 'd', TIMESTAMP '2024-01-01')) r(n, x, s, t)`
			var got string
			if err := conn.QueryRowContext(t.Context(), "SELECT CAST("+v.Aggregate("").SQL+" AS VARCHAR)"+from).Scan(&got); err != nil {
				t.Fatal(err)
			}
			if got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
			over := "SELECT CAST(" + v.Aggregate(" FILTER (WHERE n < 9) OVER (PARTITION BY 1)").SQL + " AS VARCHAR)" + from + " LIMIT 1"
			if err := conn.QueryRowContext(t.Context(), over).Scan(&got); err != nil {
				t.Fatalf("as a window: %v", err)
			}
			if got != tc.want {
				t.Errorf("as a window got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestTextThatIsNoDateStopsTheQueryInAColumn(t *testing.T) {
	conn := connect(t)
	v, err := call("year", function.Scalar, column("2024-13-01"))
	if err != nil {
		t.Fatal(err)
	}
	var got any
	err = conn.QueryRowContext(t.Context(), "SELECT "+v.SQL).Scan(&got)
	if err == nil || !strings.Contains(err.Error(), "date:2024-13-01 in unsupported format") {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestARegexBombIsStopped(t *testing.T) {
	conn := connect(t)
	bomb, err := call("regexp_match", function.Scalar, column(strings.Repeat("a", 40)+"!"), function.Literal(`^(?=a)(a+)+$`))
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	var got any
	err = conn.QueryRowContext(t.Context(), "SELECT "+bomb.SQL).Scan(&got)
	if err == nil || !strings.Contains(err.Error(), "backtracks too much") {
		t.Errorf("got %v, %v", got, err)
	}
	if spent := time.Since(begin); spent > 10*function.MatchTimeout {
		t.Errorf("stopped after %v", spent)
	}
}

func TestARegexRunsInDuckDBWhereItCan(t *testing.T) {
	conn := connect(t)
	for _, tc := range []struct {
		pattern, subject string
		native           bool
		group            int
		want             string
	}{
		{`(?<verb>[A-Z]+) (\S+)`, "GET /x", true, 2, "/x"},
		{`a(b)(c)(d)(e)(f)(g)(h)(i)(j)(k)`, "abcdefghijk", true, 10, "k"},
		{`[\]x(](a)`, "](a", true, 1, "a"},
		{`(?<!x)(y)`, "xyy", false, 1, "y"},
		{`(z)`, "abc", true, 1, "null"},
		{`(a)|(b)`, "b", true, 1, ""},
		{`\Qa.b\E(.)`, "a.bc", true, 1, "c"},
		{`[a[0-9]]+(x)`, "a1x", true, 1, "x"},
	} {
		t.Run(tc.pattern, func(t *testing.T) {
			re, err := function.ParseRegex(tc.pattern)
			if err != nil {
				t.Fatal(err)
			}
			if re.Native() != tc.native {
				t.Errorf("native = %v", re.Native())
			}
			if got := eval(t, conn, typed(rows.String, re.Extract(function.Quote(tc.subject), tc.group, false))); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestEveryFunctionIsDescribedAndFound(t *testing.T) {
	lib := function.NewLibrary()
	seen := map[string]bool{}
	for _, f := range function.All() {
		if f.Doc == "" || f.Args == "" || f.Compile == nil {
			t.Errorf("%s lacks its doc, signature or compiler", f.Name)
		}
		for _, name := range append([]string{f.Name}, f.Aliases...) {
			key := fmt.Sprint(f.Class, name)
			if seen[key] {
				t.Errorf("%s is there twice", name)
			}
			seen[key] = true
			if _, ok := lib.Lookup(strings.ToUpper(name), f.Class); !ok {
				t.Errorf("%s is not found", name)
			}
		}
	}
	if names := function.Names(); !slices.IsSorted(names) || len(names) < 180 {
		t.Errorf("%d names", len(names))
	}
}

func TestRelativeTimes(t *testing.T) {
	base := time.Date(2026, 5, 27, 18, 20, 30, 0, time.UTC) // a Wednesday
	for expr, want := range map[string]string{
		"now": "2026-05-27 18:20:30", "-1d@d": "2026-05-26 00:00:00", "+2h": "2026-05-27 20:20:30", "@w": "2026-05-24 00:00:00", "@w1": "2026-05-25 00:00:00",
		"-3mon@mon": "2026-02-01 00:00:00", "@q": "2026-04-01 00:00:00", "-1y@y": "2025-01-01 00:00:00", "-h": "2026-05-27 17:20:30", "-1d@d+9h": "2026-05-26 09:00:00",
		"2024-01-02": "2024-01-02 00:00:00", "07/01/2014:00:30:00": "2014-07-01 00:30:00",
	} {
		got, err := function.RelativeTime(expr, base)
		if err != nil || got.Format(time.DateTime) != want {
			t.Errorf("%s: got %v, %v, want %s", expr, got, err, want)
		}
	}
	if _, err := function.RelativeTime("yesterday", base); err == nil {
		t.Error("no error for yesterday")
	}
}
