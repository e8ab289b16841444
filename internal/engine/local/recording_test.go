package local_test

import (
	"path/filepath"
	"testing"
)

func TestARecordingEndToEnd(t *testing.T) {
	dir := recordings(t)
	e := openSource(t, newStore(t, t.TempDir()), filepath.Join(dir, "shop-01"))
	tables, err := e.Tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, tb := range tables {
		t.Logf("%s %s %d %v %v %v", tb.Name, tb.Kind, tb.Rows, tb.Start, tb.End, tb.Files)
	}
	for _, q := range []string{
		"source=logs | stats count() by severityText",
		"source=otel-v1-apm-span-* | where status.code = 2 | stats count() by serviceName",
		"source=logs | head 2",
		"source=spans | fields startTime, name, attributes.http.route, _file, _line | head 3",
	} {
		r := query(t, e, q)
		t.Log(r.Columns, r.Rows, r.Stats, r.Notes)
	}
}
