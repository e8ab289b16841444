package record_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/record"
)

// follow reads data as a growing file: up to each cut in turn, dropping the rows that come again, as Report.EndLine prescribes.
func follow(t *testing.T, data, name string, cuts []int, hold bool) []string {
	t.Helper()
	type row struct {
		line int64
		text string
	}
	var rows []row
	var rep record.Report
	opt := record.Options{Name: name, Now: now, HoldTail: hold, Format: record.Sniff([]byte(data), name)}
	for _, end := range append(cuts, len(data)) {
		opt.Offset, opt.Line = rep.EndOffset, rep.EndLine
		for len(rows) > 0 && rows[len(rows)-1].line > opt.Line {
			if hold {
				t.Fatalf("row of line %d was not held back behind line %d", rows[len(rows)-1].line, opt.Line)
			}
			rows = rows[:len(rows)-1]
		}
		if end == len(data) {
			opt.HoldTail = false
		}
		var err error
		before := len(rows)
		rep, err = record.Read(context.Background(), strings.NewReader(data[opt.Offset:end]), opt, func(r *record.Record) error {
			var b strings.Builder
			writeRecord(&b, r)
			rows = append(rows, row{r.Line, b.String()})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		tail := 0
		for _, r := range rows[before:] {
			if r.line > rep.EndLine {
				tail++
			}
		}
		if int64(tail) != rep.Tail {
			t.Fatalf("cut at %d: %d rows behind line %d, the report says %d", end, tail, rep.EndLine, rep.Tail)
		}
	}
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = r.text
	}
	return out
}

func TestAFileReadInPiecesGivesTheSameRecordsAsReadAtOnce(t *testing.T) {
	for _, name := range []string{"log4j.log", "python.log", "syslog.log", "logfmt.log", "documents.jsonl", "bulk.ndjson", "series.jsonl", "otlp-lines.jsonl", "metrics.prom", "words.txt", "klog.log"} {
		t.Run(name, func(t *testing.T) {
			raw, err := os.ReadFile(filepath.Join("testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			data := string(raw)
			want := follow(t, data, name, nil, false)
			if name == "metrics.prom" { // types are told once, at the head
				data = withoutComments(data)
				want = follow(t, data, name, nil, false)
			}
			for step := 1; step < len(data); step += len(data)/40 + 1 {
				for _, hold := range []bool{false, true} {
					got := follow(t, data, name, []int{step, (step + len(data)) / 2}, hold)
					if diff := cmp.Diff(withoutInferred(want), withoutInferred(got)); diff != "" {
						t.Fatalf("cut at %d, hold %v (-want +got):\n%s", step, hold, diff)
					}
				}
			}
		})
	}
}

func withoutComments(data string) string {
	var b strings.Builder
	for line := range strings.Lines(data) {
		if !strings.HasPrefix(line, "#") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// withoutInferred leaves out times taken from the entry before, which a reading that begins in the middle cannot know.
func withoutInferred(rows []string) []string {
	out := make([]string, 0, len(rows))
	for _, r := range rows {
		if strings.Contains(r, "attributes.log.time.inferred") || !strings.Contains(r, "@timestamp") {
			r = "no time of its own\n"
		}
		out = append(out, r)
	}
	return out
}

func TestTheTailOfATextLogIsItsLastEntry(t *testing.T) {
	head := "2026-05-27 17:40:00,001 INFO [main] a.B: one\n"
	last := "2026-05-27 17:40:00,002 ERROR [main] a.B: two\njava.lang.X: y\n"
	_, rep := read(t, head+last, record.Options{})
	if rep.EndOffset != int64(len(head)) || rep.EndLine != 1 || rep.Tail != 1 || rep.Rows != 2 {
		t.Errorf("%+v", rep)
	}
	_, rep = read(t, head+last, record.Options{HoldTail: true})
	if rep.Rows != 1 || rep.Tail != 0 {
		t.Errorf("held: %+v", rep)
	}
	_, rep = read(t, logLine(1)+strings.TrimSpace(logLine(2)), record.Options{})
	if rep.Rows != 2 || rep.EndLine != 1 || rep.Tail != 1 {
		t.Errorf("JSON without the last newline: %+v", rep)
	}
	_, rep = read(t, logLine(1)+logLine(2)[:40], record.Options{HoldTail: true})
	if rep.Rows != 1 || rep.Skipped != 0 || rep.EndOffset != int64(len(logLine(1))) {
		t.Errorf("half a line held back: %+v", rep)
	}
}

func TestLongEntriesEndSomewhere(t *testing.T) {
	data := "2026-05-27 17:40:00,001 INFO [main] a.B: one\n" + strings.Repeat("2026-05-27 17:40:00,001 INFO [main] a.B: x\n", 150) + strings.Repeat("no head\n", 5*record.MaxEntryLines)
	rows, _ := read(t, data, record.Options{})
	if len(rows) < 155 || len(rows) > 160 {
		t.Errorf("%d rows", len(rows))
	}
	for _, r := range rows {
		if body := r.Get("body").(string); len(body) > record.MaxEntryBytes || strings.Count(body, "\n") > record.MaxEntryLines {
			t.Errorf("an entry of %d bytes", len(body))
		}
	}
}

func TestReadersThatDeliverByteByByteAreReadTheSame(t *testing.T) {
	for _, name := range []string{"log4j.log", "documents.jsonl", "otlp-spans.json", "hits.json"} {
		raw, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		_, err = record.Read(context.Background(), oneByte{strings.NewReader(string(raw))}, record.Options{Name: name, Now: now}, func(r *record.Record) error {
			writeRecord(&got, r)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		want := dump(t, string(raw), record.Options{Name: name, Now: now})
		if !strings.HasPrefix(want, got.String()) || got.Len() == 0 {
			t.Errorf("%s differs", name)
		}
	}
}

type oneByte struct{ r io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.r.Read(p[:1]) }

func ExampleRead() {
	log := "2026-05-27 17:40:02,550 ERROR [main] shop.Cart: no stock\njava.lang.IllegalStateException: empty\n\tat shop.Cart.add(Cart.java:12)\n"
	rep, err := record.Read(context.Background(), strings.NewReader(log), record.Options{Name: "cart.log"}, func(r *record.Record) error {
		fmt.Println(r.Line, r.Kind, r.Get("severityText"), r.Get("serviceName"), r.Get("attributes.exception.type"))
		return nil
	})
	fmt.Println(rep.Format, rep.Rows, err)
	// Output:
	// 1 logs ERROR cart java.lang.IllegalStateException
	// log4j 1 <nil>
}
