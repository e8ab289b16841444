package local

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/engine/local/duck"
	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// WriteParquet makes a Parquet file of lines of JSON objects with the columns given. Objects and arrays stay JSON text. The file
// is written beside and renamed.
func WriteParquet(ctx context.Context, jsonLines, out string, cols []rows.Column) (err error) {
	db, err := duck.Open(ctx, nil, nil)
	if err != nil {
		return fmt.Errorf("write parquet: %w", err)
	}
	defer db.Close()
	conn, err := db.Conn()
	if err != nil {
		return fmt.Errorf("write parquet: %w", err)
	}
	defer db.Release(conn)
	types := make([]string, len(cols))
	for i, c := range cols {
		t := function.SQLType(c.Type)
		switch c.Type {
		case rows.Array, rows.Struct, rows.Undefined, rows.Interval, rows.GeoPoint, rows.Binary:
			t = "VARCHAR"
		default:
		}
		types[i] = duck.Literal(c.Name) + ": " + duck.Literal(t)
	}
	beside := out + ".new"
	defer os.Remove(beside)
	sql := "COPY (SELECT * FROM read_json(" + duck.Literal(jsonLines) + ", format = 'newline_delimited', columns = {" + strings.Join(types, ", ") + "})) TO " +
		duck.Literal(beside) + " (FORMAT parquet, COMPRESSION zstd)"
	if err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("write parquet: %w", err)
	}
	return os.Rename(beside, out)
}
