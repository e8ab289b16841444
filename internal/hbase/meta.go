package hbase

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// metaBlock is how many regions are allocated at a time.
const metaBlock = 512

// metaParser reads the output of scan 'hbase:meta'. The shell prints a cell a line; on a terminal it wraps rows and cells
// into two columns (wrap.go puts those together first).
type metaParser struct {
	meta  *Meta
	names map[string]string // tables, states, servers: a few words for many rows
	block []Region

	row     []byte  // of the current row, as printed
	region  *Region // of the current row, nil for none
	isTable bool
	host    []byte // info:server of the current row, until its start code comes
	code    []byte

	rows    int64
	header  bool
	limited string // the scan's options, if it had any
	version string
	errors  []string // ERROR lines of the shell
	errorAt At
	torn    bool // a cell that ends in the middle
}

func newMetaParser(file string) *metaParser {
	return &metaParser{names: map[string]string{}, meta: &Meta{
		File: file, Count: -1, Tables: map[string]*TableState{}, byName: map[string]*Region{}, byTable: map[string][]*Region{},
		merged: map[string]*Region{}, splits: map[string]*Region{},
	}}
}

// read reads a scan; wrapped is true when the lines turn out to be wrapped, and nothing of what was read holds.
func (p *metaParser) read(ctx context.Context, l *lineReader) (wrapped bool, err error) {
	for {
		line, ok := l.next()
		if !ok {
			break
		}
		if l.line%checkLines == 0 && ctx.Err() != nil {
			return false, ctx.Err()
		}
		if len(line) > 1 && line[0] == ' ' {
			if !p.line(line[1:], l.at) && p.header && p.rows > 0 {
				return true, nil
			}
			continue
		}
		if column := p.outside(line, l.at); column > narrowColumn {
			return true, nil
		}
	}
	p.endRow()
	p.torn = p.torn || !l.ended && p.meta.Count < 0
	return false, l.failure()
}

// narrowColumn is where the second column stands when nothing is wrapped.
const narrowColumn = len("ROW  ")

// outside reads a line that is no cell. It returns the column of the cells when the line is the header.
func (p *metaParser) outside(line []byte, at At) int {
	switch {
	case len(line) == 0:
	case bytes.HasPrefix(line, []byte("ROW")) && bytes.Contains(line, []byte("COLUMN+CELL")):
		p.header = true
		return bytes.Index(line, []byte("COLUMN+CELL"))
	case bytes.HasPrefix(line, []byte("Version ")) && p.version == "":
		p.version = versionIn(string(line[len("Version "):]))
	case bytes.HasPrefix(line, []byte("hbase")) && bytes.Contains(line, []byte("scan ")):
		p.limited = scanOptions(bounded(line, 500))
	case bytes.HasPrefix(line, []byte("ERROR")), bytes.Contains(line, []byte("PleaseHoldException")), bytes.Contains(line, []byte("Exception: ")) && line[0] != '\t':
		if len(p.errors) == 0 {
			p.errorAt = at
		}
		if len(p.errors) < maxNamed {
			p.errors = append(p.errors, bounded(line, 300))
		}
	case line[0] >= '0' && line[0] <= '9' && bytes.Contains(line, []byte(" row(s)")):
		if n, err := strconv.ParseInt(string(line[:bytes.IndexByte(line, ' ')]), 10, 64); err == nil {
			p.meta.Count = n
		}
	}
	return 0
}

func versionIn(text string) string {
	text, _, _ = strings.Cut(strings.TrimSpace(text), ",")
	text, _, _ = strings.Cut(text, " ")
	return bounded([]byte(text), 60)
}

// scanOptions returns what follows scan 'hbase:meta' on the shell's line: filters and limits.
func scanOptions(line string) string {
	_, rest, ok := strings.Cut(line, "hbase:meta")
	if !ok {
		return ""
	}
	rest = strings.TrimLeft(rest, `'" `)
	if rest, ok = strings.CutPrefix(rest, ","); ok {
		return strings.TrimSpace(rest)
	}
	return ""
}

// columnMark stands between a row and its column.
var columnMark = []byte(" column=")

// line reads "ROW column=F:Q, timestamp=T, value=V"; false if it has no column.
func (p *metaParser) line(line []byte, at At) bool {
	if n := len(p.row); n > 0 && len(line) > n+len(columnMark) && bytes.Equal(line[:n], p.row) && bytes.HasPrefix(line[n:], columnMark) {
		p.cell(line[n+len(columnMark):], at)
		return true
	}
	i := rowEnd(line)
	if i < 0 {
		return false
	}
	p.begin(line[:i], at)
	p.cell(line[i+len(columnMark):], at)
	return true
}

// rowEnd finds where the row key ends: a key may hold the words " column=", so the first place is taken behind which a
// region name or a table's name is whole.
func rowEnd(line []byte) int {
	first := bytes.Index(line, columnMark)
	for i := first; i >= 0; {
		if plausibleRow(line[:i]) {
			return i
		}
		next := bytes.Index(line[i+1:], columnMark)
		if next < 0 {
			break
		}
		i += 1 + next
	}
	return first
}

func plausibleRow(row []byte) bool {
	if bytes.IndexByte(row, ',') < 0 {
		return len(row) > 0 && bytes.IndexByte(row, ' ') < 0
	}
	_, ok := parseRegionName(row)
	return ok
}

// begin starts a row.
func (p *metaParser) begin(row []byte, at At) {
	p.endRow()
	p.row = append(p.row[:0], row...)
	p.rows++
	p.region, p.isTable = nil, false
	name, ok := parseRegionName(row)
	if !ok {
		return
	}
	if len(p.block) == 0 {
		p.block = make([]Region, metaBlock)
	}
	r := &p.block[0]
	p.block = p.block[1:]
	r.Row = string(row)
	r.Name, r.Table, r.At = r.Row, p.word(name.table), at
	r.Start = ParseBinary(name.start)
	id, replica, _ := bytes.Cut(name.id, []byte("_"))
	r.ID = number(id)
	if n, err := strconv.ParseUint(string(replica), 16, 16); err == nil {
		r.Replica = int(n)
	}
	switch {
	case string(name.table) == MetaTable:
		r.Encoded = MetaEncoded
	default:
		end := len(strings.TrimSuffix(r.Row, "."))
		r.Encoded = r.Row[end-len(name.encoded) : end]
	}
	p.region = r
	p.meta.Regions = append(p.meta.Regions, r)
}

// endRow finishes the current row.
func (p *metaParser) endRow() {
	if p.region != nil {
		p.region.Server = p.serverName(p.host, p.code)
	} else if len(p.row) > 0 && !p.isTable && len(p.meta.Others) < maxOthers {
		p.meta.Others = append(p.meta.Others, string(p.row))
	}
	p.host, p.code, p.row = p.host[:0], p.code[:0], p.row[:0]
}

// maxOthers bounds the rows of other kinds that are remembered.
const maxOthers = 100

// serverName joins host:port and a start code.
func (p *metaParser) serverName(hostPort, code []byte) string {
	i := bytes.LastIndexByte(hostPort, ':')
	if i < 0 {
		return ""
	}
	buf := make([]byte, 0, 96)
	buf = append(append(append(buf, hostPort[:i]...), ','), hostPort[i+1:]...)
	return p.word(append(append(buf, ','), code...))
}

// word returns one string for equal texts.
func (p *metaParser) word(b []byte) string {
	if s, ok := p.names[string(b)]; ok {
		return s
	}
	s := string(b)
	p.names[s] = s
	return s
}

func number(b []byte) int64 {
	var n int64
	for _, c := range b {
		if c < '0' || c > '9' || n > 1<<58 {
			return 0
		}
		n = n*10 + int64(c-'0')
	}
	return n
}

// cell reads "F:Q, timestamp=T, value=V" of the current row.
func (p *metaParser) cell(text []byte, at At) {
	i := bytes.IndexByte(text, ',')
	if i < 0 || !bytes.HasPrefix(text[i:], []byte(", timestamp=")) {
		p.torn = true
		return
	}
	column, rest := text[:i], text[i+len(", timestamp="):]
	stamp, value, ok := bytes.Cut(rest, []byte(", value="))
	if !ok {
		p.torn = true
		return
	}
	if string(column) == "table:state" {
		p.tableState(stamp, value, at)
		return
	}
	qualifier, ok := bytes.CutPrefix(column, []byte("info:"))
	if !ok || p.region == nil {
		return
	}
	p.info(qualifier, stamp, value, at)
}

func (p *metaParser) tableState(stamp, value []byte, at At) {
	p.isTable = true
	t := &TableState{Table: string(p.row), At: at, Time: p.seen(stamp)}
	// TableState of HBase.proto: field 1 is the state, a varint.
	if raw := ParseBinary(value); len(raw) >= 2 && raw[0] == 8 && raw[1] < 4 {
		t.State = [...]string{"ENABLED", "DISABLED", "DISABLING", "ENABLING"}[raw[1]]
	} else if w := string(bytes.TrimSpace(value)); slices.Contains([]string{"ENABLED", "DISABLED", "DISABLING", "ENABLING"}, w) {
		t.State = w
	}
	t.Table = strings.TrimPrefix(t.Table, "default:")
	p.meta.Tables[t.Table] = t
}

// info reads a cell of the family info.
func (p *metaParser) info(qualifier, stamp, value []byte, at At) {
	r := p.region
	switch string(qualifier) {
	case "regioninfo":
		p.regionInfo(r, value, at)
	case "state":
		r.State, r.StateAt, r.StateTime = p.word(value), at, p.seen(stamp)
	case "server":
		p.host = append(p.host[:0], value...)
		if r.SNAt.Line == 0 {
			r.SNAt = at
		}
	case "serverstartcode":
		p.code = appendStartCode(p.code[:0], value)
	case "sn":
		r.SN, r.SNAt = p.word(value), at
	case "seqnumDuringOpen":
	case "splitA":
		r.SplitA, _ = p.related(value)
	case "splitB":
		r.SplitB, _ = p.related(value)
	default:
		p.rare(r, qualifier, value)
	}
}

// rare reads the cells that few rows have: merge parents and other replicas.
func (p *metaParser) rare(r *Region, qualifier, value []byte) {
	if bytes.HasPrefix(qualifier, []byte("merge")) {
		encoded, name := p.related(value)
		if encoded != "" {
			r.Merges, r.MergeNames = append(r.Merges, encoded), append(r.MergeNames, name)
		}
		return
	}
	i := bytes.LastIndexByte(qualifier, '_')
	if i < 0 {
		return
	}
	id, err := strconv.ParseUint(string(qualifier[i+1:]), 16, 16)
	if err != nil {
		return
	}
	at := slices.IndexFunc(r.Replicas, func(c ReplicaCell) bool { return c.ID == int(id) })
	if at < 0 {
		r.Replicas = append(r.Replicas, ReplicaCell{ID: int(id)})
		at = len(r.Replicas) - 1
	}
	switch c := &r.Replicas[at]; string(qualifier[:i]) {
	case "state":
		c.State = p.word(value)
	case "sn":
		c.SN = p.word(value)
	case "server":
		c.Server = p.word(value)
	}
}

// appendStartCode reads a start code: digits, or eight bytes where an older shell prints them raw.
func appendStartCode(dst, value []byte) []byte {
	if number(value) > 0 {
		return append(dst, value...)
	}
	raw := ParseBinary(value)
	if len(raw) != 8 {
		return append(dst, value...)
	}
	var n int64
	for _, b := range raw {
		n = n<<8 | int64(b)
	}
	return strconv.AppendInt(dst, n, 10)
}

// seen reads a cell's time and remembers the newest.
func (p *metaParser) seen(stamp []byte) time.Time {
	t := cellTime(stamp)
	if t.After(p.meta.Newest) {
		p.meta.Newest = t
	}
	return t
}

// cellTime reads 2026-11-22T23:19:58.157 or ms since 1970; the zero time for anything else.
func cellTime(b []byte) time.Time {
	if len(b) > 10 && b[4] != '-' {
		if ms := number(b); ms > 0 {
			return time.UnixMilli(ms).UTC()
		}
		return time.Time{}
	}
	if t, ok := parseStamp(b); ok {
		return t
	}
	t, err := time.Parse(time.RFC3339Nano, string(b))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// parseStamp reads YYYY-MM-DD[T ]HH:MM[:SS[[.,]mmm]] as UTC.
func parseStamp(b []byte) (time.Time, bool) {
	if len(b) < 16 || b[4] != '-' || b[7] != '-' || b[13] != ':' || b[10] != 'T' && b[10] != ' ' {
		return time.Time{}, false
	}
	digits := func(from, to int) int {
		n := 0
		for _, c := range b[from:to] {
			if c < '0' || c > '9' {
				return -1
			}
			n = n*10 + int(c-'0')
		}
		return n
	}
	y, mo, d, h, mi, s, ms := digits(0, 4), digits(5, 7), digits(8, 10), digits(11, 13), digits(14, 16), 0, 0
	if len(b) >= 19 && b[16] == ':' {
		s = digits(17, 19)
		if len(b) >= 23 && (b[19] == ',' || b[19] == '.') {
			ms = digits(20, 23)
		}
	}
	if y < 0 || mo < 1 || mo > 12 || d < 1 || d > 31 || h < 0 || h > 23 || mi < 0 || mi > 59 || s < 0 || s > 60 || ms < 0 {
		return time.Time{}, false
	}
	return time.Date(y, time.Month(mo), d, h, mi, s, ms*int(time.Millisecond), time.UTC), true
}

// verdict judges a scan that was read.
func (p *metaParser) verdict(a *Artefact) {
	regions := len(p.meta.Regions)
	switch {
	case p.rows == 0 && len(p.errors) > 0:
		a.Verdict, a.Why, a.At = Absent, "the scan failed: "+p.errors[0], p.errorAt
	case p.rows == 0:
		a.Verdict, a.Why = Absent, "the scan has no rows: hbase:meta is never empty"
	case len(p.errors) > 0:
		a.Verdict, a.Why, a.At = Partial, fmt.Sprintf("the scan failed after %d rows: %s", p.rows, p.errors[0]), p.errorAt
	case p.limited != "":
		a.Verdict, a.Why = Partial, "the scan was limited: "+p.limited
	case p.meta.Count < 0:
		a.Verdict, a.Why = Partial, fmt.Sprintf("the scan ends after %d rows without the shell's count of rows", p.rows)
	case p.meta.Count != p.rows:
		a.Verdict, a.Why = Partial, fmt.Sprintf("the shell counted %d rows, the file has %d", p.meta.Count, p.rows)
	case p.torn:
		a.Verdict, a.Why = Partial, "a cell of the scan is cut"
	case regions == 0:
		a.Verdict, a.Why = Partial, "the scan has no row of a region"
	default:
		a.Verdict = Complete
	}
}

// readMeta reads a scan of hbase:meta, wrapped or not.
func readMeta(ctx context.Context, open func() (*lineReader, io.Closer, error), a *Artefact) (*Meta, string, error) {
	name := a.Files[0]
	p := newMetaParser(name)
	l, c, err := open()
	if err != nil {
		return nil, "", err
	}
	wrapped, err := p.read(ctx, l)
	err = closed(c, err)
	if wrapped {
		p = newMetaParser(name)
		if l, c, err = open(); err != nil {
			return nil, "", err
		}
		err = closed(c, p.readWrapped(ctx, l))
	}
	if ctx.Err() != nil {
		return nil, "", ctx.Err()
	}
	p.verdict(a)
	p.meta.Limited = p.limited
	a.Lines, a.Bytes = int64(l.line), l.offset
	if err != nil && a.Verdict == Complete {
		a.Verdict, a.Why = Partial, err.Error()
	}
	p.meta.index()
	return p.meta, p.version, nil
}

// closed closes c and keeps the first error.
func closed(c io.Closer, err error) error {
	if cerr := c.Close(); err == nil {
		return cerr
	}
	return err
}

// index makes the look-ups.
func (m *Meta) index() {
	m.byName = make(map[string]*Region, len(m.Regions))
	for _, r := range m.Regions {
		m.byName[r.Encoded] = r
		for _, parent := range r.Merges {
			m.merged[parent] = r
		}
		if r.Split || r.SplitA != "" || r.SplitB != "" {
			for _, d := range []string{r.SplitA, r.SplitB} {
				if d != "" {
					m.splits[d] = r
				}
			}
		}
	}
	for _, r := range m.Regions {
		if r.HasInfo && !r.SplitParent() && r.Replica == 0 && m.merged[r.Encoded] == nil && r.State != "MERGED" {
			m.byTable[r.Table] = append(m.byTable[r.Table], r)
		}
	}
	for _, chain := range m.byTable {
		if !slices.IsSortedFunc(chain, chainOrder) {
			slices.SortStableFunc(chain, chainOrder)
		}
	}
}

// chainOrder sorts by start key, then end key with the open end last, then age.
func chainOrder(a, b *Region) int {
	if c := bytes.Compare(a.Start, b.Start); c != 0 {
		return c
	}
	if c := CompareEnds(a.End, b.End); c != 0 {
		return c
	}
	return int(min(1, max(-1, a.ID-b.ID)))
}

// CompareEnds orders end keys: the empty one is behind all others.
func CompareEnds(a, b []byte) int {
	switch {
	case len(a) == 0 && len(b) == 0:
		return 0
	case len(a) == 0:
		return 1
	case len(b) == 0:
		return -1
	}
	return bytes.Compare(a, b)
}
