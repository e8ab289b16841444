package udf

import (
	"fmt"
	"strings"

	"github.com/duckdb/duckdb-go/v2"
)

// typeInfo maps a DuckDB type name, with [] for a list of it, to the driver's type.
func typeInfo(name string) (duckdb.TypeInfo, error) {
	if elem, ok := strings.CutSuffix(name, "[]"); ok {
		info, err := typeInfo(elem)
		if err != nil {
			return nil, err
		}
		return duckdb.NewListInfo(info)
	}
	t, ok := map[string]duckdb.Type{
		"BOOLEAN": duckdb.TYPE_BOOLEAN, "TINYINT": duckdb.TYPE_TINYINT, "SMALLINT": duckdb.TYPE_SMALLINT,
		"INTEGER": duckdb.TYPE_INTEGER, "BIGINT": duckdb.TYPE_BIGINT, "FLOAT": duckdb.TYPE_FLOAT, "DOUBLE": duckdb.TYPE_DOUBLE,
		"VARCHAR": duckdb.TYPE_VARCHAR, "TIMESTAMP": duckdb.TYPE_TIMESTAMP, "DATE": duckdb.TYPE_DATE, "TIME": duckdb.TYPE_TIME,
		"ANY": duckdb.TYPE_ANY, "BLOB": duckdb.TYPE_BLOB,
	}[name]
	if !ok {
		return nil, fmt.Errorf("no type %s for Go functions", name)
	}
	return duckdb.NewTypeInfo(t)
}
