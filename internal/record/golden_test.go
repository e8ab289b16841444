package record_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/record"
)

// now dates the lines of the tests that have no year.
var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// TestEveryFormatIsReadAsItsGoldenFileSays reads each file of testdata and compares the records with NAME.want.
// UPDATE=1 rewrites them: read the difference before believing it.
func TestEveryFormatIsReadAsItsGoldenFileSays(t *testing.T) {
	files, err := filepath.Glob("testdata/*")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, path := range files {
		if strings.HasSuffix(path, ".want") || strings.HasSuffix(path, "fuzz") {
			continue
		}
		seen++
		t.Run(filepath.Base(path), func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got := dump(t, string(data), record.Options{Name: path, Now: now})
			if os.Getenv("UPDATE") != "" {
				if err := os.WriteFile(path+".want", []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path + ".want")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("records differ (-want +got):\n%s", diff)
			}
		})
	}
	if seen < 20 {
		t.Errorf("only %d files in testdata", seen)
	}
}

// dump reads data and writes its records and the report as text.
func dump(t *testing.T, data string, opt record.Options) string {
	t.Helper()
	var b strings.Builder
	rep, err := record.Read(context.Background(), strings.NewReader(data), opt, func(r *record.Record) error {
		writeRecord(&b, r)
		return nil
	})
	if err != nil {
		fmt.Fprintf(&b, "error: %v\n", err)
	}
	fmt.Fprintf(&b, "format=%s rows=%d skipped=%d mended=%d end=%d:%d tail=%d\n", rep.Format, rep.Rows, rep.Skipped, rep.Mended, rep.EndOffset, rep.EndLine, rep.Tail)
	for _, s := range rep.Examples {
		fmt.Fprintf(&b, "skip %d@%d: %s: %.60s\n", s.Line, s.Offset, s.Reason, s.Text)
	}
	return b.String()
}

func writeRecord(b *strings.Builder, r *record.Record) {
	fmt.Fprintf(b, "%d %s\n", r.Line, r.Kind)
	lines := make([]string, len(r.Names))
	for i, n := range r.Names {
		switch v := r.Values[i].(type) {
		case time.Time:
			lines[i] = fmt.Sprintf("  %s = %s", n, v.Format(time.RFC3339Nano))
		case string:
			lines[i] = fmt.Sprintf("  %s = %q", n, v)
		default:
			lines[i] = fmt.Sprintf("  %s = %v (%T)", n, v, v)
		}
	}
	sort.Strings(lines)
	for _, l := range lines {
		b.WriteString(l + "\n")
	}
	if r.Raw != nil {
		fmt.Fprintf(b, "  raw %q\n", r.Raw)
	}
}

// read returns copies of the records of data.
func read(t *testing.T, data string, opt record.Options) ([]record.Record, record.Report) {
	t.Helper()
	var out []record.Record
	rep, err := record.Read(context.Background(), strings.NewReader(data), opt, func(r *record.Record) error {
		c := *r
		c.Names = append([]string(nil), r.Names...)
		c.Values = append([]any(nil), r.Values...)
		c.Raw = append([]byte(nil), r.Raw...)
		out = append(out, c)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out, rep
}
