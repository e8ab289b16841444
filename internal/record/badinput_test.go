package record_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/record"
)

// logLine is a whole document of a log index.
func logLine(n int) string {
	return fmt.Sprintf(`{"@timestamp":"2026-05-27T17:40:%02dZ","severityText":"INFO","body":"line %d","resource":{"attributes":{"service.name":"a"}}}`, n%60, n) + "\n"
}

func logLines(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(logLine(i))
	}
	return b.String()
}

func gzipped(t *testing.T, data string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(data)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func count(t *testing.T, r io.Reader, opt record.Options) (record.Report, error) {
	t.Helper()
	return record.Read(context.Background(), r, opt, func(*record.Record) error { return nil })
}

func TestEmptyFilesHaveNoRowsAndNoError(t *testing.T) {
	for name, data := range map[string]string{"nothing": "", "blank lines": "\n\n  \r\n", "a byte order mark": "\uFEFF"} {
		rep, err := count(t, strings.NewReader(data), record.Options{Name: "x.log"})
		if err != nil || rep.Rows != 0 || rep.Skipped != 0 || rep.Format != record.FormatEmpty {
			t.Errorf("%s: %+v, %v", name, rep, err)
		}
	}
	if rep, err := count(t, bytes.NewReader(gzipped(t, "")), record.Options{}); err != nil || rep.Format != record.FormatEmpty || rep.Encoding != "gzip" {
		t.Errorf("empty gzip: %+v, %v", rep, err)
	}
}

func TestBinaryFilesAreRefusedWithTheReason(t *testing.T) {
	noise := make([]byte, 4096)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	for reason, data := range map[string]string{
		"ELF": "\x7fELF\x02\x01\x01", "PNG": "\x89PNG\r\n\x1a\n", "zip": "PK\x03\x04abc", "NUL": strings.Repeat("a\x00", 300), "binary data": string(noise),
		"tar": strings.Repeat("x", 257) + "ustar\x0000" + strings.Repeat("\x00", 200), "Parquet": "PAR1\x15\x04",
	} {
		_, err := count(t, strings.NewReader(data), record.Options{Name: "core"})
		if fault.CodeOf(err) != fault.Unsupported || !strings.Contains(err.Error(), reason) || !strings.Contains(err.Error(), "core") {
			t.Errorf("%s: %v", reason, err)
		}
	}
	if _, err := count(t, bytes.NewReader(gzipped(t, "\x7fELF\x02\x01\x01")), record.Options{}); fault.CodeOf(err) != fault.Unsupported {
		t.Errorf("binary inside gzip: %v", err)
	}
}

type failingReader struct {
	data string
	err  error
}

func (f *failingReader) Read(p []byte) (int, error) {
	if f.data == "" {
		return 0, f.err
	}
	n := copy(p, f.data)
	f.data = f.data[n:]
	return n, nil
}

func TestAReadErrorOfTheFileIsReturnedWithTheRowsBeforeIt(t *testing.T) {
	broken := errors.New("input/output error")
	rep, err := count(t, &failingReader{logLines(2000), broken}, record.Options{Name: "disk.jsonl"})
	if !errors.Is(err, broken) || rep.Rows != 2000 || !strings.Contains(err.Error(), "disk.jsonl") {
		t.Errorf("%d rows, %v", rep.Rows, err)
	}
	if _, err := count(t, &failingReader{"", broken}, record.Options{}); !errors.Is(err, broken) {
		t.Errorf("at the first byte: %v", err)
	}
	z := gzipped(t, logLines(20000))
	rep, err = count(t, &failingReader{string(z[:len(z)/2]), broken}, record.Options{})
	if !errors.Is(err, broken) || rep.Truncated {
		t.Errorf("inside gzip: %v, %+v", err, rep)
	}
}

func TestTruncatedGzipGivesTheRowsBeforeTheDamage(t *testing.T) {
	z := gzipped(t, logLines(20000))
	for name, data := range map[string][]byte{
		"half":              z[:len(z)/2],
		"without checksum":  z[:len(z)-8],
		"garbage behind it": append(bytes.Clone(z), "garbage"...),
		"a flipped byte":    flipped(z, len(z)/2),
	} {
		rep, err := count(t, bytes.NewReader(data), record.Options{})
		if err != nil || !rep.Truncated || rep.Skipped < 1 || len(rep.Examples) == 0 {
			t.Errorf("%s: %+v, %v", name, rep, err)
			continue
		}
		if rep.Rows < 5000 || rep.Rows > 20000 {
			t.Errorf("%s: %d rows", name, rep.Rows)
		}
		if last := rep.Examples[len(rep.Examples)-1]; !strings.Contains(last.Reason, "gzip") {
			t.Errorf("%s: reason %q", name, last.Reason)
		}
	}
	rep, err := count(t, bytes.NewReader(z[:5]), record.Options{})
	if err != nil || rep.Rows != 0 || !rep.Truncated {
		t.Errorf("cut in the header: %+v, %v", rep, err)
	}
}

func flipped(z []byte, at int) []byte {
	out := bytes.Clone(z)
	out[at] ^= 0xff
	return out
}

func TestZstdAndConcatenatedGzipAreReadWhole(t *testing.T) {
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer enc.Close()
	z := enc.EncodeAll([]byte(logLines(1000)), nil)
	rep, err := count(t, bytes.NewReader(z), record.Options{})
	if err != nil || rep.Rows != 1000 || rep.Encoding != "zstd" || rep.Truncated {
		t.Errorf("zstd: %+v, %v", rep, err)
	}
	rep, err = count(t, bytes.NewReader(z[:len(z)-20]), record.Options{})
	if err != nil || !rep.Truncated {
		t.Errorf("truncated zstd: %+v, %v", rep, err)
	}
	two := append(gzipped(t, logLines(10)), gzipped(t, logLines(5))...)
	rep, err = count(t, bytes.NewReader(two), record.Options{})
	if err != nil || rep.Rows != 15 || rep.Truncated {
		t.Errorf("two gzip members: %+v, %v", rep, err)
	}
}

// repeated gives n bytes of c without keeping them.
type repeated struct {
	c byte
	n int64
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.n == 0 {
		return 0, io.EOF
	}
	k := min(int64(len(p)), r.n)
	for i := range p[:k] {
		p[i] = r.c
	}
	r.n -= k
	return int(k), nil
}

func TestAHugeLineIsSkippedInBoundedMemory(t *testing.T) {
	size := int64(1 << 30)
	if testing.Short() {
		size = 64 << 20
	}
	for name, around := range map[string][2]string{
		"JSON": {`{"@timestamp":"2026-05-27T17:40:00Z","severityText":"INFO","body":"`, `"}` + "\n"},
		"text": {"2026-05-27 17:40:00,001 INFO [main] a.B: ", "\n"},
		"OTLP": {`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1779903601100266000","body":{"stringValue":"`, `"}}]}]}]}` + "\n"},
	} {
		first, last := logLine(1), logLine(2)
		want := int64(2)
		switch name {
		case "text":
			first, last = "2026-05-27 17:40:00,000 INFO [main] a.B: x\n", "2026-05-27 17:40:00,002 INFO [main] a.B: y\n"
		case "OTLP":
			first = `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1779903601100266000","body":{"stringValue":"a"}}]}]}]}` + "\n"
			last = first
		}
		r := io.MultiReader(strings.NewReader(first+around[0]), &repeated{'x', size}, strings.NewReader(around[1]+last))
		peak := watchHeap()
		rep, err := count(t, r, record.Options{Name: "huge.log"})
		if grown := peak(); grown > 64<<20 {
			t.Errorf("%s: the heap grew by %d MB", name, grown>>20)
		}
		if err != nil || rep.Rows != want || rep.Skipped != 1 || rep.Examples[0].Line != 2 || !strings.Contains(rep.Examples[0].Reason, "limit") {
			t.Errorf("%s: %+v, %v", name, rep, err)
		}
	}
}

// watchHeap returns a function that says by how much the memory taken from the system has grown since.
func watchHeap() func() uint64 {
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	return func() uint64 {
		var after runtime.MemStats
		runtime.ReadMemStats(&after)
		if after.HeapSys < before.HeapSys {
			return 0
		}
		return after.HeapSys - before.HeapSys
	}
}

func TestAGzipBombIsStreamed(t *testing.T) {
	pr, pw := io.Pipe()
	go func() {
		w := gzip.NewWriter(pw)
		_, err := io.Copy(w, io.MultiReader(strings.NewReader(logLine(1)), &repeated{'x', 256 << 20}, strings.NewReader("\n"+logLine(2))))
		if err == nil {
			err = w.Close()
		}
		_ = pw.CloseWithError(err)
	}()
	peak := watchHeap()
	rep, err := count(t, pr, record.Options{})
	if err != nil || rep.Rows != 2 || rep.Skipped != 1 {
		t.Errorf("%+v, %v", rep, err)
	}
	if grown := peak(); grown > 64<<20 {
		t.Errorf("the heap grew by %d MB", grown>>20)
	}
}

func TestAFileOfOneObjectLargerThanTheLimitIsReadPieceByPiece(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"big"}}]},"scopeSpans":[{"scope":{"name":"lib"},"spans":[`)
	const spans = 5000
	for i := range spans {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"traceId":"%032x","spanId":"%016x","name":"op","startTimeUnixNano":"1779903601100266000","endTimeUnixNano":"1779903601100267000"}`, i+1, i+1)
	}
	b.WriteString(`]}]}]}`)
	services := 0
	rep, err := record.Read(context.Background(), strings.NewReader(b.String()), record.Options{MaxLine: 64 << 10}, func(r *record.Record) error {
		if r.Get("serviceName") == "big" && r.Get("instrumentationScope.name") == "lib" {
			services++
		}
		return nil
	})
	if err != nil || rep.Rows != spans || services != spans || rep.Skipped != 0 {
		t.Errorf("%+v, %d with service, %v", rep, services, err)
	}
	cut := b.String()[:b.Len()/2]
	rep, err = count(t, strings.NewReader(cut), record.Options{MaxLine: 64 << 10})
	if err != nil || rep.Rows < spans/2-5 || rep.Skipped != 1 {
		t.Errorf("cut in the middle: %+v, %v", rep, err)
	}
	array := "[" + strings.ReplaceAll(strings.TrimSpace(logLines(5000)), "\n", ",") + "]"
	rep, err = count(t, strings.NewReader(array), record.Options{MaxLine: 64 << 10})
	if err != nil || rep.Rows != 5000 || rep.Skipped != 0 {
		t.Errorf("array: %+v, %v", rep, err)
	}
	hits := `{"took":1,"hits":{"hits":[` + strings.ReplaceAll(strings.TrimSpace(logLines(5000)), "\n", ",") + "]}}"
	rep, err = count(t, strings.NewReader(hits), record.Options{MaxLine: 64 << 10})
	if err != nil || rep.Rows != 5000 || rep.Skipped != 0 {
		t.Errorf("search answer: %+v, %v", rep, err)
	}
}

func TestBrokenLinesAreCountedWithTheirPlace(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200)
	data := logLine(1) + "{\"broken\": \n" + logLine(2) + "not json\n" + `{"a":1} trailing` + "\n" + deep + "\n" + `{"n":01}` + "\n" + `{"s":"\x"}` + "\n" + `{"s":nul}` + "\n" + logLine(3)
	_, rep := read(t, data, record.Options{Name: "a.jsonl"})
	if rep.Rows != 3 || rep.Skipped != 7 {
		t.Fatalf("%d rows, %d skipped", rep.Rows, rep.Skipped)
	}
	want := map[int64]string{2: "end of JSON", 4: "not a JSON object", 5: "after the JSON document", 6: "too deeply", 7: "number", 8: "escape", 9: "literal"}
	for _, s := range rep.Examples {
		if !strings.Contains(s.Reason, want[s.Line]) || want[s.Line] == "" {
			t.Errorf("line %d: %s", s.Line, s.Reason)
		}
		if s.Line == 4 && s.Offset != int64(strings.Index(data, "not json")) {
			t.Errorf("line 4 at offset %d", s.Offset)
		}
	}
}

func TestExamplesAreBounded(t *testing.T) {
	_, rep := read(t, logLine(1)+strings.Repeat("{"+strings.Repeat("x", 1000)+"\n", 1000), record.Options{})
	if rep.Skipped != 1000 || len(rep.Examples) != record.MaxExamples || len(rep.Examples[0].Text) > record.MaxSkipText {
		t.Errorf("%d skipped, %d examples, text of %d bytes", rep.Skipped, len(rep.Examples), len(rep.Examples[0].Text))
	}
}

func TestDuplicateKeysKeepTheLastValue(t *testing.T) {
	rows, _ := read(t, `{"@timestamp":"2026-05-27T17:40:00Z","severityText":"INFO","body":"first","body":"second","attributes":{"a.b":1,"a":{"b":2}},"resource":{"attributes":{"service.name":"a"}}}`, record.Options{})
	if len(rows) != 1 || rows[0].Get("body") != "second" || rows[0].Get("attributes.a.b") != int64(2) {
		t.Fatalf("%+v", rows)
	}
	seen := make(map[string]bool)
	for _, n := range rows[0].Names {
		if seen[n] {
			t.Errorf("name %s twice", n)
		}
		seen[n] = true
	}
}

func TestNumbersBeyondInt64AreFloatsAndIdsStayAsWritten(t *testing.T) {
	rows, rep := read(t, `{"@timestamp":"2026-05-27T17:40:00Z","severityText":"INFO","body":"x","observedTimestamp":"2026-05-27T17:40:00Z","attributes":{"big":18446744073709551616,"min":-9223372036854775808,"huge":1e999,"f":-0.5e-3},"traceId":12345678901234567890}`, record.Options{})
	if len(rows) != 1 || rep.Skipped != 0 {
		t.Fatalf("%+v", rep)
	}
	r := rows[0]
	if r.Get("attributes.big") != 18446744073709551616.0 || r.Get("attributes.min") != int64(-9223372036854775808) || r.Get("attributes.f") != -0.5e-3 || r.Get("traceId") != "12345678901234567890" {
		t.Errorf("%v", r.Values)
	}
}

func TestInvalidUTF8AndNulBytesAreReplacedAndCounted(t *testing.T) {
	data := "2026-05-27 17:40:00,001 INFO [main] a.B: caf\xe9 bar\n2026-05-27 17:40:00,002 INFO [main] a.B: nul \x00 byte\n2026-05-27 17:40:00,003 INFO [main] a.B: fine \u00e9\n"
	rows, rep := read(t, data, record.Options{})
	if rep.Mended != 2 || rep.Skipped != 0 || len(rows) != 3 {
		t.Fatalf("%+v", rep)
	}
	for i, want := range []string{"caf\uFFFD bar", "nul \uFFFD byte", "fine \u00e9"} {
		if rows[i].Get("body") != want {
			t.Errorf("body %q, want %q", rows[i].Get("body"), want)
		}
	}
	rows, rep = read(t, `{"@timestamp":"2026-05-27T17:40:00Z","severityText":"INFO","body":"a\u0000b\ud800c`+"\xff"+`","observedTimestamp":1}`, record.Options{})
	if rep.Mended != 1 || len(rows) != 1 || rows[0].Get("body") != "a\uFFFDb\uFFFDc\uFFFD" {
		t.Errorf("JSON: %+v %v", rep, rows)
	}
}

func TestWindowsLineEndsAndByteOrderMarksAreTakenOff(t *testing.T) {
	rows, _ := read(t, "\uFEFF2026-05-27 17:40:00,001 INFO [main] a.B: one\r\n\tat x\r\n2026-05-27 17:40:00,002 INFO [main] a.B: two\r\n", record.Options{})
	if len(rows) != 2 || rows[0].Get("body") != "one\n\tat x" || rows[1].Get("body") != "two" {
		t.Errorf("%v", rows)
	}
	rows, _ = read(t, "\uFEFF"+strings.ReplaceAll(logLines(3), "\n", "\r\n"), record.Options{})
	if len(rows) != 3 || rows[0].Get("body") != "line 0" {
		t.Errorf("JSON: %v", rows)
	}
	utf16 := []byte{0xff, 0xfe}
	for _, c := range "2026-05-27 17:40:00,001 INFO [main] a.B: \u00e9\n" {
		utf16 = append(utf16, byte(c), byte(c>>8))
	}
	rows, rep := read(t, string(utf16), record.Options{})
	if len(rows) != 1 || rows[0].Get("body") != "\u00e9" || rep.Encoding != "utf-16" {
		t.Errorf("UTF-16: %+v %v", rep, rows)
	}
}

func TestTheContextEndsReading(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	rep, err := record.Read(ctx, strings.NewReader(logLines(50000)), record.Options{}, func(*record.Record) error {
		if n++; n == 2000 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || rep.Rows > 4000 {
		t.Errorf("%d rows, %v", rep.Rows, err)
	}
	stop := errors.New("enough")
	rep, err = record.Read(context.Background(), strings.NewReader(logLines(100)), record.Options{}, func(*record.Record) error { return stop })
	if !errors.Is(err, stop) || rep.Rows != 0 || rep.Skipped != 0 {
		t.Errorf("the consumer's error: %+v, %v", rep, err)
	}
}

func TestManyDifferentKeysDoNotFillTheMemory(t *testing.T) {
	pr, pw := io.Pipe()
	const lines = 300_000
	go func() {
		for i := range lines {
			if _, err := fmt.Fprintf(pw, `{"@timestamp":"2026-05-27T17:40:00Z","severityText":"INFO","body":"x","attributes":{"key-%d":"value-%d","u":"%d"},"resource":{"attributes":{"service.name":"a"}}}`+"\n", i, i, i); err != nil {
				return
			}
		}
		_ = pw.Close()
	}()
	peak := watchHeap()
	rep, err := count(t, pr, record.Options{})
	if err != nil || rep.Rows != lines {
		t.Errorf("%+v, %v", rep, err)
	}
	if grown := peak(); grown > 160<<20 {
		t.Errorf("the heap grew by %d MB", grown>>20)
	}
}
