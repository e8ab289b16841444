package local

import (
	"context"

	"github.com/plumbline-mcp/plumbline/internal/engine/local/duck"
)

// RunSQL runs a statement on the connection that answers queries, as a query that slipped through the compiler would: as a
// SELECT if guarded, else as anything DuckDB takes.
func RunSQL(ctx context.Context, s *Store, sql string, guarded bool) error {
	inst, err := s.instance(ctx, nil)
	if err != nil {
		return err
	}
	conn, err := inst.db.Conn()
	if err != nil {
		return err
	}
	defer inst.db.Release(conn)
	if !guarded {
		return conn.Exec(ctx, sql)
	}
	_, err = all(ctx, conn, sql)
	return err
}

// MakeParquet writes the answer of a SELECT to a Parquet file.
func MakeParquet(ctx context.Context, path, sql string) error {
	db, err := duck.Open(ctx, nil, nil)
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn()
	if err != nil {
		return err
	}
	defer db.Release(conn)
	return conn.Exec(ctx, "COPY ("+sql+") TO "+duck.Literal(path)+" (FORMAT parquet)")
}
