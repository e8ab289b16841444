package logs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plumbline-mcp/plumbline/internal/hbase"
	"github.com/plumbline-mcp/plumbline/internal/hbase/logs"
)

// BenchmarkTemplates groups every line of a log, not warnings alone.
func BenchmarkTemplates(b *testing.B) {
	var text strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&text, "2026-11-22T23:%02d:%02d,%03d INFO  [RS_OPEN_REGION-regionserver/h:16020-%d] regionserver.HRegion: Opened %032x; next sequenceid=%d; policy{size=%d}\n", i/60%60, i%60, i%1000, i%3, i, i, i*7)
		fmt.Fprintf(&text, "2026-11-22T23:%02d:%02d,%03d WARN  [PEWorker-%d] assignment.TransitRegionStateProcedure: Retry=%d of max=10; pid=%d, location=h%d,16020,%d\n", i/60%60, i%60, i%1000, i%16, i%10, i, i%9, 1795390000000+i)
	}
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "hbase-hbase-master-h.log"), []byte(text.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	bundle, err := hbase.Open(b.Context(), dir, hbase.OpenOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer bundle.Close()
	s, err := hbase.Read(b.Context(), bundle, hbase.ReadOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		if _, err := logs.Find(b.Context(), s, logs.Query{Level: "all"}, nil); err != nil {
			b.Fatal(err)
		}
	}
}
