package local_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plumbline-mcp/plumbline/internal/engine"
)

// richLine is a log document with the attributes a cluster adds.
func richLine(i int, body string) string {
	pod := fmt.Sprintf("web-1d026092d-%05x", i%40)
	extra := fmt.Sprintf(`"service.name":"web","service.version":"2.4.%d","service.instance.id":%q,"k8s.pod.name":%q,"k8s.node.name":"ip-10-1-34-%d.internal","cloud.region":"eu-west-1"`, i%3, pod, pod, i%8)
	line := strings.Replace(logLine(i%3600, "web", body), `"service.name":"web"`, extra, 1)
	return strings.Replace(line, `"traceId":"","spanId":""`, fmt.Sprintf(`"traceId":"%032x","spanId":"%016x"`, i/7*2654435761, i*40503), 1)
}

// TestAColumnThatComesLateInABigFileIsRead appends to a table that is altered after DuckDB wrote its first row groups.
func TestAColumnThatComesLateInABigFileIsRead(t *testing.T) {
	if testing.Short() {
		t.Skip("half a million lines")
	}
	const early, late = 620_000, 30_000
	dir := t.TempDir()
	var b strings.Builder
	for i := range early {
		b.WriteString(richLine(i, fmt.Sprintf("handled request %d of user-%d with %x", i, i%977, i*7919)))
	}
	for i := range late {
		line := richLine(i, "pool is full")
		b.WriteString(strings.Replace(line, `"attributes":{`, `"attributes":{"pool":"bank",`, 1))
	}
	write(t, filepath.Join(dir, "logs.jsonl"), b.String())
	e := openSource(t, newStore(t, t.TempDir()), dir)
	res, err := e.Query(t.Context(), "source=logs | stats count() as n, count(`attributes.pool`) as pools", engine.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(res.Rows); got != fmt.Sprintf("[[%d %d]]", early+late, late) {
		t.Errorf("counts %s, want %d and %d", got, early+late, late)
	}
}
