package record_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plumbline-mcp/plumbline/internal/record"
)

func TestSniffKnowsFormatsByTheirContent(t *testing.T) {
	for file, want := range map[string]record.Format{
		"documents.jsonl": record.FormatDocuments, "bulk.ndjson": record.FormatDocuments, "hits.json": record.FormatDocuments,
		"jaeger-api.json": record.FormatDocuments, "otlp-spans.json": record.FormatOTLP, "otlp-lines.jsonl": record.FormatOTLP,
		"series.jsonl": record.FormatSeries, "prometheus-api.json": record.FormatSeries, "json-log.jsonl": record.FormatJSONLog,
		"array.json": record.FormatJSON, "pretty.json": record.FormatJSON, "metrics.prom": record.FormatOpenMetrics,
		"log4j.log": record.FormatLog4j, "python.log": record.FormatPython, "logfmt.log": record.FormatLogfmt, "syslog.log": record.FormatSyslog,
		"access.log": record.FormatAccess, "web-error.log": record.FormatErrorLog, "klog.log": record.FormatKlog, "go-std.log": record.FormatGoLog,
		"database.log": record.FormatDatabase, "cri.log": record.FormatCRI, "words.txt": record.FormatText, "openstack.log": record.FormatLog4j,
	} {
		head, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{file, "", "misleading.parquet"} {
			if got := record.Sniff(head, name); got != want {
				t.Errorf("%s as %q: %q, want %q", file, name, got, want)
			}
		}
		if got := record.Sniff(gzipped(t, string(head)), file); got != want {
			t.Errorf("%s in gzip: %q, want %q", file, got, want)
		}
	}
}

func TestSniffTellsWhatIsNotText(t *testing.T) {
	for data, want := range map[string]record.Format{
		"": record.FormatEmpty, "\n\n\n": record.FormatEmpty, "PAR1\x15\x04": record.FormatParquet, "\x7fELF\x02\x01": record.FormatBinary,
		"\x1f\x8b": record.FormatBinary,
	} {
		if got := record.Sniff([]byte(data), "x"); got != want {
			t.Errorf("%q: %q, want %q", data, got, want)
		}
	}
}

func TestSniffIsNotMisled(t *testing.T) {
	for text, want := range map[string]record.Format{
		"[info] started\n[warn] slow\n":                                record.FormatLeveled,
		"{not json} at all\nwords\n":                                   record.FormatText,
		"{\"a\": 1}\n{\"a\": 2}\n":                                     record.FormatJSON,
		"{\"time\":\"fast\",\"message\":\"no\"}\n":                     record.FormatJSON,
		"half a line of {json\n" + logLines(3):                         record.FormatJSONLog,
		"{\"traceId\":\"1\",\"spanId\n" + logLines(3):                  record.FormatDocuments,
		"a 1\nb 2\nc 3\n":                                              record.FormatOpenMetrics,
		"apples 3 for you\npears 4 for me\n":                           record.FormatText,
		"{\"resourceSpans\": [\n  {\"resource\": {\"attributes\": [\n": record.FormatOTLP,
		"[\n  {\"traceId\": \"a\", \"id\": \"b\", \"name\": \"x\", \"timestamp\": 1779903601100266, \"duration\": 5}\n]": record.FormatDocuments,
	} {
		if got := record.Sniff([]byte(text), ""); got != want {
			t.Errorf("%.40q: %q, want %q", text, got, want)
		}
	}
}

func TestServiceNamesComeFromFileNamesWhenLinesNameNone(t *testing.T) {
	id := strings.Repeat("0123456789abcdef", 4)
	for name, want := range map[string]any{
		"/var/log/checkout.log.gz": "checkout", "payment.2026-05-27.log": "payment", "cart-20260527.gz": "cart", "cart.log.3": "cart",
		"shop.web.log": "shop.web", "/logs/access.log": nil, "": nil, "0.log": nil,
		"web-abc_shop_nginx-" + id + ".log":                "nginx",
		"/var/log/pods/shop_web-abc_1234-5678/nginx/0.log": "nginx",
	} {
		rows, _ := read(t, "2026-05-27 17:40:00,001 INFO [main] a.B: one\n", record.Options{Name: name})
		if got := rows[0].Get("serviceName"); got != want || rows[0].Get("resource.attributes.service.name") != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}
