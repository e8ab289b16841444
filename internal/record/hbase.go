package record

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// What a collection of an HBase cluster's state holds beside logs, as documents: a scan of hbase:meta in the HBase shell, a
// recursive listing of its root directory, hbck's report.

// metaDocument is a row of hbase:meta: of a region, or of a table's state.
type metaDocument struct {
	Row        string     `json:"row"`
	Table      string     `json:"table,omitempty"`
	Region     string     `json:"region,omitempty"` // encoded name
	StartKey   *string    `json:"start_key,omitempty"`
	EndKey     *string    `json:"end_key,omitempty"`
	State      string     `json:"state,omitempty"`
	StateTime  *time.Time `json:"state_time,omitempty"`
	Server     string     `json:"server,omitempty"` // host:port, last opened on
	SN         string     `json:"sn,omitempty"`     // host,port,startcode
	Split      bool       `json:"split"`
	Offline    bool       `json:"offline"`
	Info       bool       `json:"has_regioninfo"`
	TableState string     `json:"table_state,omitempty"`
	Line       int64      `json:"line"`
}

var (
	metaCell     = regexp.MustCompile(`^ (.+?) column=([\w]+:[\w.\-]*), timestamp=([^,]*), value=(.*)$`)
	metaInfo     = regexp.MustCompile(`^\{ENCODED => (\w+), NAME => '.*', STARTKEY => '(.*)', ENDKEY => '(.*?)'((?:, [A-Z_]+ => \w+)*)\}$`)
	metaRegion   = regexp.MustCompile(`^([^,]+),.*\.([0-9a-f]{32})\.$`)
	listingHDFS  = regexp.MustCompile(`^([d\-l][rwxsStT\-]{9}[+.]?) +(\S+) +(\S+) +(\S+) +(\d+) (\d{4}-\d\d-\d\d \d\d:\d\d) (.+)$`)
	listingS3    = regexp.MustCompile(`^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) +(\d+) (.+)$`)
	listingPlace = regexp.MustCompile(`(?:^|/)(archive/)?data/([^/]+)/([^/]+)(?:/([0-9a-f]{32}|1588230740)(?:/([^/.][^/]*))?)?`)
	hbckNames    = regexp.MustCompile(`\b[0-9a-f]{32}\b`)
)

// sniffHBase recognises the three by their first lines.
func sniffHBase(lines [][]byte) (Format, bool) {
	listing, places := 0, 0
	for _, l := range lines {
		switch {
		case bytes.HasPrefix(l, []byte("ROW")) && bytes.HasSuffix(trimSpace(l), []byte("COLUMN+CELL")):
			return FormatHBaseMeta, true
		case bytes.HasPrefix(l, []byte("HBaseFsck command line options:")):
			return FormatHBaseHbck, true
		case listingHDFS.Match(l), listingS3.Match(l):
			listing++
			if listingPlace.Match(l) || bytes.Contains(l, []byte("/MasterData")) {
				places++
			}
		}
	}
	return FormatHBasePaths, places > 0 && listing*10 >= len(lines)*9
}

// readHBase hands over the documents of one of the three formats.
func readHBase(src *source, out *sink, clk clock, f Format) error {
	r := &hbaseReader{out: out, b: newBuilder(), loc: clk.loc}
	for {
		l, ok := src.next()
		if !ok {
			break
		}
		text := string(out.mend(l.text))
		var err error
		switch f {
		case FormatHBaseMeta:
			err = r.meta(text, l.num)
		case FormatHBasePaths:
			err = r.listing(text, l.num)
		default:
			err = r.hbck(text, l.num)
		}
		if err != nil {
			return err
		}
	}
	if err := r.flush(); err != nil {
		return err
	}
	out.done(src.offset, src.line)
	return nil
}

type hbaseReader struct {
	out *sink
	b   *builder
	loc *time.Location
	row *metaDocument
}

func (r *hbaseReader) put(doc any, line int64) error {
	raw, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	r.b.begin(Generic, line)
	r.b.rec.Raw = raw
	return r.out.put(&r.b.rec)
}

func (r *hbaseReader) flush() error {
	if r.row == nil {
		return nil
	}
	row := r.row
	r.row = nil
	return r.put(row, row.Line)
}

// meta reads a cell; cells of one row stand together.
func (r *hbaseReader) meta(text string, line int64) error {
	m := metaCell.FindStringSubmatch(text)
	if m == nil {
		return nil
	}
	if r.row == nil || r.row.Row != m[1] {
		if err := r.flush(); err != nil {
			return err
		}
		r.row = &metaDocument{Row: m[1], Line: line}
		if n := metaRegion.FindStringSubmatch(m[1]); n != nil {
			r.row.Table, r.row.Region = n[1], n[2]
		}
	}
	r.row.cell(m[2], m[3], m[4], r.loc)
	return nil
}

func (d *metaDocument) cell(column, stamp, value string, loc *time.Location) {
	switch column {
	case "table:state":
		d.Table = d.Row
		if i := strings.Index(value, `\x08\x0`); i == 0 && len(value) > 7 && value[7] >= '0' && value[7] <= '3' {
			d.TableState = [...]string{"ENABLED", "DISABLED", "DISABLING", "ENABLING"}[value[7]-'0']
		}
	case "info:regioninfo":
		m := metaInfo.FindStringSubmatch(value)
		if m == nil {
			return
		}
		d.Info, d.StartKey, d.EndKey = true, &m[2], &m[3]
		d.Split, d.Offline = strings.Contains(m[4], "SPLIT => true"), strings.Contains(m[4], "OFFLINE => true")
	case "info:state":
		d.State, d.StateTime = value, metaTime(stamp, loc)
	case "info:server":
		d.Server = value
	case "info:sn":
		d.SN = value
	}
}

// metaTime reads a cell's time: without a zone, or ms since 1970 as older shells print it.
func metaTime(stamp string, loc *time.Location) *time.Time {
	if ms, err := strconv.ParseInt(stamp, 10, 64); err == nil {
		t := time.UnixMilli(ms).UTC()
		return &t
	}
	if loc == nil {
		loc = time.UTC
	}
	t, err := time.ParseInLocation("2006-01-02T15:04:05.999", stamp, loc)
	if err != nil {
		return nil
	}
	t = t.UTC()
	return &t
}

// listingDocument is a line of a listing.
type listingDocument struct {
	Path      string `json:"path"`
	Directory bool   `json:"directory"`
	Size      int64  `json:"size"` // bytes
	Modified  string `json:"modified"`
	Owner     string `json:"owner,omitempty"`
	Group     string `json:"group,omitempty"`
	Mode      string `json:"mode,omitempty"`
	Table     string `json:"table,omitempty"`
	Region    string `json:"region,omitempty"`
	Family    string `json:"family,omitempty"`
	Archived  bool   `json:"archived"`
	Line      int64  `json:"line"`
}

func (r *hbaseReader) listing(text string, line int64) error {
	d := listingDocument{Line: line}
	if m := listingHDFS.FindStringSubmatch(text); m != nil {
		d.Mode, d.Owner, d.Group, d.Modified, d.Path = m[1], m[3], m[4], m[6], m[7]
		d.Directory = m[1][0] == 'd'
		d.Size, _ = strconv.ParseInt(m[5], 10, 64)
	} else if m := listingS3.FindStringSubmatch(text); m != nil {
		d.Modified, d.Path = m[1], m[3]
		d.Size, _ = strconv.ParseInt(m[2], 10, 64)
		d.Directory = strings.HasSuffix(d.Path, "_$folder$") || strings.HasSuffix(d.Path, "/")
	} else {
		return nil
	}
	if m := listingPlace.FindStringSubmatch(d.Path); m != nil && !strings.Contains(d.Path, "MasterData/") {
		d.Archived = m[1] != ""
		d.Table, d.Region, d.Family = m[3], m[4], m[5]
		if m[2] != "default" {
			d.Table = m[2] + ":" + m[3]
		}
	}
	return r.put(d, line)
}

// hbckDocument is a line of hbck's report.
type hbckDocument struct {
	Kind   string `json:"kind"` // error, status, server, map, line
	Text   string `json:"text"`
	Region string `json:"region,omitempty"` // the first encoded name in it
	Line   int64  `json:"line"`
}

func (r *hbaseReader) hbck(text string, line int64) error {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	d := hbckDocument{Kind: "line", Text: text, Region: hbckNames.FindString(text), Line: line}
	switch {
	case strings.HasPrefix(text, "ERROR: "):
		d.Kind, d.Text = "error", text[len("ERROR: "):]
	case strings.HasPrefix(text, "Status: "), strings.HasSuffix(text, "inconsistencies detected."):
		d.Kind = "status"
	case strings.Contains(text, "[ { meta => "):
		d.Kind = "map"
	case strings.HasPrefix(text, "RegionServer: "):
		d.Kind = "server"
	}
	return r.put(d, line)
}
