package record_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/plumbline-mcp/plumbline/internal/record"
)

// FuzzRead reads anything: no panic, no endless loop, names distinct, values of the promised types, text valid UTF-8, offsets
// within the data.
func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range files {
		if data, err := os.ReadFile(path); err == nil && !strings.HasSuffix(path, ".want") {
			f.Add(data, uint16(len(data)/2))
			for i, line := range bytes.SplitN(data, []byte{'\n'}, 40) {
				if i%3 == 0 {
					f.Add(line, uint16(i))
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, cut uint16) {
		opt := record.Options{Name: "fuzz.log", Now: now, MaxLine: 4096, HoldTail: cut%2 == 0}
		rep, err := record.Read(context.Background(), bytes.NewReader(data), opt, func(r *record.Record) error {
			check(t, r)
			return nil
		})
		if err != nil {
			return
		}
		if rep.EndOffset < 0 || rep.Encoding == "" && rep.EndOffset > int64(len(data)) || rep.Tail < 0 || rep.Tail > rep.Rows {
			t.Fatalf("%+v for %d bytes", rep, len(data))
		}
		if rep.Encoding != "" || rep.EndOffset == 0 {
			return
		}
		opt.Format, opt.Offset, opt.Line = rep.Format, rep.EndOffset, rep.EndLine
		if _, err := record.Read(context.Background(), bytes.NewReader(data[rep.EndOffset:]), opt, func(r *record.Record) error {
			check(t, r)
			return nil
		}); err != nil {
			t.Fatalf("read on: %v", err)
		}
	})
}

func check(t *testing.T, r *record.Record) {
	t.Helper()
	if len(r.Names) != len(r.Values) || r.Line < 1 {
		t.Fatalf("%d names, %d values, line %d", len(r.Names), len(r.Values), r.Line)
	}
	seen := make(map[string]bool, len(r.Names))
	for i, n := range r.Names {
		if seen[n] {
			t.Fatalf("name %q twice", n)
		}
		seen[n] = true
		switch v := r.Values[i].(type) {
		case string:
			if !utf8.ValidString(v) {
				t.Fatalf("%s: invalid UTF-8 %q", n, v)
			}
		case record.JSON:
			if !utf8.ValidString(string(v)) {
				t.Fatalf("%s: invalid UTF-8 %q", n, v)
			}
		case int64, float64, bool:
		case time.Time:
			if v.Location() != time.UTC {
				t.Fatalf("%s: %v is not UTC", n, v)
			}
		default:
			t.Fatalf("%s: %T", n, v)
		}
	}
	if r.Kind == record.Generic && (len(r.Raw) == 0 || !utf8.Valid(r.Raw)) {
		t.Fatalf("raw %q", r.Raw)
	}
}
