package record_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/record"
)

func TestEvidenceOfHBaseBecomesDocuments(t *testing.T) {
	const enc = "935b622148be01d280ee0a681ab69d60"
	tests := []struct {
		name, text string
		format     record.Format
		want       []string
	}{
		{
			"a scan of hbase:meta, a document a row",
			"Version 2.6.4\nhbase:001:0> scan 'hbase:meta'\nROW  COLUMN+CELL\n" +
				" orders column=table:state, timestamp=2026-11-22T23:19:58.157, value=\\x08\\x01\n" +
				" orders,h,1." + enc + ". column=info:regioninfo, timestamp=1795389595000, value={ENCODED => " + enc + ", NAME => 'orders,h,1." + enc + ".', STARTKEY => 'h', ENDKEY => '', OFFLINE => true, SPLIT => true}\n" +
				" orders,h,1." + enc + ". column=info:state, timestamp=1795389595000, value=CLOSED\n2 row(s)\n",
			record.FormatHBaseMeta,
			[]string{
				`{"row":"orders","table":"orders","split":false,"offline":false,"has_regioninfo":false,"table_state":"DISABLED","line":4}`,
				`{"row":"orders,h,1.` + enc + `.","table":"orders","region":"` + enc + `","start_key":"h","end_key":"","state":"CLOSED","state_time":"2026-11-22T23:19:55Z","split":true,"offline":true,"has_regioninfo":true,"line":5}`,
			},
		},
		{
			"a listing of HDFS",
			"drwxr-xr-x   - hbase hdfsadmingroup          0 2026-11-22 23:19 /hbase/data/ns/t/" + enc + "/cf\n-rw-r--r--   1 hbase hdfsadmingroup         43 2026-11-22 23:19 /hbase/data/default/t x/" + enc + "/.regioninfo\n",
			record.FormatHBasePaths,
			[]string{
				`{"path":"/hbase/data/ns/t/` + enc + `/cf","directory":true,"size":0,"modified":"2026-11-22 23:19","owner":"hbase","group":"hdfsadmingroup","mode":"drwxr-xr-x","table":"ns:t","region":"` + enc + `","family":"cf","archived":false,"line":1}`,
				`{"path":"/hbase/data/default/t x/` + enc + `/.regioninfo","directory":false,"size":43,"modified":"2026-11-22 23:19","owner":"hbase","group":"hdfsadmingroup","mode":"-rw-r--r--","table":"t x","region":"` + enc + `","archived":false,"line":2}`,
			},
		},
		{
			"a listing of S3",
			"2026-11-22 23:34:00          0 hbase/archive/data/default/t/" + enc + "_$folder$\n",
			record.FormatHBasePaths,
			[]string{`{"path":"hbase/archive/data/default/t/` + enc + `_$folder$","directory":true,"size":0,"modified":"2026-11-22 23:34:00","table":"t","region":"` + enc + `","archived":true,"line":1}`},
		},
		{
			"hbck's report",
			"HBaseFsck command line options: -details\n\nERROR: Region " + enc + " not deployed\nStatus: INCONSISTENT\n",
			record.FormatHBaseHbck,
			[]string{
				`{"kind":"line","text":"HBaseFsck command line options: -details","line":1}`,
				`{"kind":"error","text":"Region ` + enc + ` not deployed","region":"` + enc + `","line":3}`,
				`{"kind":"status","text":"Status: INCONSISTENT","line":4}`,
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := record.Sniff([]byte(test.text), "x.txt"); got != test.format {
				t.Errorf("format %s, want %s", got, test.format)
			}
			var got []string
			_, err := record.Read(t.Context(), strings.NewReader(test.text), record.Options{Name: "x.txt"}, func(r *record.Record) error {
				if r.Kind != record.Generic {
					t.Errorf("kind %s", r.Kind)
				}
				got = append(got, string(r.Raw))
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("documents (-want +got):\n%s", diff)
			}
		})
	}
}
