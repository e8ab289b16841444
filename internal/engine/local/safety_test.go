package local_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/local"
	"github.com/plumbline-mcp/plumbline/internal/engine/local/duck"
	"github.com/plumbline-mcp/plumbline/internal/fault"
)

func TestTheQueryConnectionReachesNothingOutside(t *testing.T) {
	dir, cache := t.TempDir(), t.TempDir()
	path := filepath.Join(dir, "a.jsonl")
	write(t, path, lines(0, 3))
	s := newStore(t, cache)
	count(t, openSource(t, s, path), "logs")
	info, err := s.CacheInfo()
	if err != nil {
		t.Fatal(err)
	}
	seg := "seg_" + info.Entries[0].Key
	for _, sql := range []string{
		"SELECT * FROM read_csv('/etc/passwd')",
		"SELECT * FROM read_text('/etc/passwd')",
		"SELECT * FROM read_blob('/etc/passwd')",
		"SELECT * FROM '/etc/passwd'",
		"SELECT * FROM glob('/etc/*')",
		"SELECT * FROM read_json('" + path + "')",
		"SELECT * FROM read_csv('" + cache + "/segments/../../../../../../etc/passwd')",
		"SELECT * FROM read_parquet('https://example.com/x.parquet')",
		"SELECT * FROM duckdb_secrets()",
		"SELECT getenv('HOME')",
		"COPY (SELECT 1) TO '" + dir + "/out.csv'",
		"EXPORT DATABASE '" + dir + "/out'",
		"ATTACH '" + dir + "/new.duckdb' AS x",
		"ATTACH '/etc/passwd' AS x",
		"INSTALL httpfs",
		"LOAD httpfs",
		"LOAD '" + dir + "/x.duckdb_extension'",
		"SET enable_external_access=true",
		"SET memory_limit='100GB'",
		"SET allowed_directories=['/']",
		"SET temp_directory='/tmp/elsewhere'",
		"RESET lock_configuration",
		"CREATE TABLE " + seg + ".x(i INT)",
		"DELETE FROM " + seg + ".logs",
		"UPDATE " + seg + ".logs SET body = ''",
		"DROP TABLE " + seg + ".logs",
		"CREATE SECRET (TYPE s3)",
	} {
		t.Run(sql, func(t *testing.T) {
			if err := local.RunSQL(t.Context(), s, sql, false); err == nil {
				t.Error("was run")
			}
			if err := local.RunSQL(t.Context(), s, sql, true); err == nil {
				t.Error("was run as a query")
			}
		})
	}
	for _, sql := range []string{
		"COPY (SELECT 1) TO '" + cache + "/segments/x.csv'",
		"ATTACH '" + cache + "/segments/y.duckdb' AS y",
		"DETACH " + seg,
		"CREATE VIEW v AS SELECT 1",
		"DROP SCHEMA src_1 CASCADE",
	} {
		t.Run(sql, func(t *testing.T) {
			if err := local.RunSQL(t.Context(), s, sql, true); !errors.Is(err, duck.ErrNotSelect) {
				t.Errorf("got %v", err)
			}
		})
	}
	if out, err := os.ReadDir(dir); err != nil || len(out) != 1 {
		t.Errorf("left in the source's directory: %v %v", out, err)
	}
	if got := count(t, openSource(t, s, path), "logs"); got != 3 {
		t.Errorf("%d rows", got)
	}
}

func TestPPLCannotNameFilesOrFunctionsAsTables(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.jsonl")
	write(t, path, lines(0, 3))
	e := openSource(t, newStore(t, t.TempDir()), path)
	for _, q := range []string{
		"source=`/etc/passwd`", "source=`read_csv('/etc/passwd')`", "source=`duckdb_settings()`", "source=`src_1.logs`",
		"source=logs | eval x = read_text('/etc/passwd')", "source=logs | where `body` = `'; DROP TABLE logs; --`",
		"source=logs | eval `a\"; SELECT 1; --` = 1, b = getenv('HOME')",
	} {
		if _, err := e.Query(t.Context(), q, engine.Limits{}); err == nil {
			t.Errorf("%s: was run", q)
		} else if c := fault.CodeOf(err); c != fault.NotFound && c != fault.InvalidQuery {
			t.Errorf("%s: code %s: %v", q, c, err)
		}
	}
	r := query(t, e, "source=logs | where body = \"it's; DROP TABLE x; --\" | eval `q\"uote` = 1 | fields `q\"uote`")
	if len(r.Rows) != 0 || !strings.Contains(r.Columns[0].Name, `"`) {
		t.Errorf("got %+v", r)
	}
}
