package udf_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"

	"github.com/plumbline-mcp/plumbline/internal/engine/local/udf"
	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
)

func open(t *testing.T, list []function.UDF) *sql.Conn {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := udf.Register(t.Context(), conn, list); err != nil {
		t.Fatal(err)
	}
	return conn
}

func one(t *testing.T, conn *sql.Conn, query string) (any, error) {
	t.Helper()
	var v any
	err := conn.QueryRowContext(t.Context(), query).Scan(&v)
	return v, err
}

func TestFunctionsGetTypedValuesAndGiveThem(t *testing.T) {
	list := []function.UDF{
		{Name: "t_upper", In: []string{"VARCHAR"}, Out: "VARCHAR", Fn: func(a []any) (any, error) { return strings.ToUpper(a[0].(string)), nil }},
		{Name: "t_twice", In: []string{"INTEGER"}, Out: "BIGINT", Fn: func(a []any) (any, error) { return a[0].(int64) * 2, nil }},
		{Name: "t_nil", In: []string{"VARCHAR"}, Out: "VARCHAR", NullsIn: true, Fn: func(a []any) (any, error) {
			if a[0] == nil {
				return "was null", nil
			}
			return nil, nil
		}},
		{Name: "t_count", Variadic: "VARCHAR", Out: "BIGINT", Fn: func(a []any) (any, error) { return int64(len(a)), nil }},
		{Name: "t_split", In: []string{"VARCHAR"}, Out: "VARCHAR[]", Fn: func(a []any) (any, error) {
			out := []any{}
			for s := range strings.SplitSeq(a[0].(string), ",") {
				out = append(out, s)
			}
			return out, nil
		}},
		{Name: "t_fail", In: []string{"VARCHAR"}, Out: "VARCHAR", Fn: func([]any) (any, error) { return nil, errors.New("the reason") }},
		{Name: "t_panic", In: []string{"VARCHAR"}, Out: "BIGINT", Fn: func(a []any) (any, error) { return a[0].(int64), nil }},
	}
	conn := open(t, list)
	for _, tc := range []struct {
		name, sql string
		want      any
		wantErr   string
	}{
		{"text in and out", "SELECT t_upper('abc')", "ABC", ""},
		{"null in gives null out", "SELECT t_upper(NULL::VARCHAR)", nil, ""},
		{"an integer arrives as int64", "SELECT t_twice(21::INTEGER)", int64(42), ""},
		{"a function may ask for nulls", "SELECT t_nil(NULL::VARCHAR)", "was null", ""},
		{"a function may give null", "SELECT t_nil('x')", nil, ""},
		{"any number of arguments", "SELECT t_count('a', 'b', 'c')", int64(3), ""},
		{"a list comes out", "SELECT list_extract(t_split('a,b'), 2)", "b", ""},
		{"an error becomes the query's error", "SELECT t_fail('x')", nil, "the reason"},
		{"a panic becomes the query's error", "SELECT t_panic('x')", nil, "function t_panic failed"},
		{"a column of many chunks", "SELECT sum(t_twice(range::INTEGER)) FROM range(10000)", int64(99990000), ""},
		{"a text column of many chunks with nulls", "SELECT count(t_upper(CASE WHEN range % 2 = 0 THEN 'a' || range END)) FROM range(10000)", int64(5000), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := one(t, conn, tc.sql)
			if tc.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tc.wantErr) {
					t.Fatalf("got error %v, want one with %q", err, tc.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if s, ok := got.(interface{ String() string }); ok && tc.want != nil {
				if s.String() != "99990000" {
					t.Fatalf("got %v, want %v", got, tc.want)
				}
				return
			}
			if got != tc.want {
				t.Fatalf("got %v (%T), want %v", got, got, tc.want)
			}
		})
	}
}

func TestAnUnknownTypeIsRefusedByName(t *testing.T) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	err = udf.Register(context.Background(), conn, []function.UDF{{Name: "t_bad", Out: "MONEY"}})
	if err == nil || !strings.Contains(err.Error(), "t_bad") || !strings.Contains(err.Error(), "MONEY") {
		t.Fatalf("got %v, want an error naming t_bad and MONEY", err)
	}
}

func TestEveryFunctionOfPPLIsAccepted(t *testing.T) {
	conn := open(t, function.UDFs())
	for _, u := range function.UDFs() {
		var n int
		if err := conn.QueryRowContext(t.Context(), "SELECT count(*) FROM duckdb_functions() WHERE function_name = ?", u.Name).Scan(&n); err != nil || n == 0 {
			t.Errorf("%s is not registered: %d, %v", u.Name, n, err)
		}
	}
}
