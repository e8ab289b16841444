package hbase

import (
	"bytes"
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The bounds of what is kept of a report.
const (
	maxErrors   = 20_000
	maxErrorLen = 2_000
)

// hbckTexts maps the text of an ERROR line to HBaseFsck's code, which is never printed. The first that fits counts.
// Texts of HBaseFsck and HbckTableInfo, HBase 2.0 to 2.6.
func hbckTexts() []struct{ part, code string } {
	return []struct{ part, code string }{
		{"Orphan region in HDFS", "ORPHAN_HDFS_REGION"},
		{"not on HDFS or in hbase:meta but deployed on", "NOT_IN_META_HDFS"},
		{"on HDFS, but not listed in hbase:meta or deployed on any region server", "NOT_IN_META_OR_DEPLOYED"},
		{"not in META, but deployed on", "NOT_IN_META"},
		{"found in META, but not in HDFS or deployed on any region server", "NOT_IN_HDFS_OR_DEPLOYED"},
		{"found in META, but not in HDFS, and deployed on", "NOT_IN_HDFS"},
		{"is a split parent in META", "LINGERING_SPLIT_PARENT"},
		{"should not be deployed according to META", "SHOULD_NOT_BE_DEPLOYED"},
		{"but is multiply assigned to region servers", "MULTI_DEPLOYED"},
		{"but found on region server", "SERVER_DOES_NOT_MATCH_META"},
		{"not deployed on any region server", "NOT_DEPLOYED"},
		{"Found unknown server", "UNKNOWN_SERVER"},
		{"hole in the region chain", "HOLE_IN_REGION_CHAIN"},
		{"First region should start with an empty key", "FIRST_REGION_STARTKEY_NOT_EMPTY"},
		{"Last region should end with an empty key", "LAST_REGION_ENDKEY_NOT_EMPTY"},
		{"overlap in the region chain", "OVERLAP_IN_REGION_CHAIN"},
		{"Multiple regions have the same startkey", "DUPE_STARTKEYS"},
		{"Multiple regions have the same regionID", "DUPE_ENDKEYS"},
		{"Region has the same start and end key", "DEGENERATE_REGION"},
		{"The endkey for this region comes before the startkey", "REGION_CYCLE"},
		{"Unable to read .tableinfo", "NO_TABLEINFO_FILE"},
		{"Empty REGIONINFO_QUALIFIER", "EMPTY_META_CELL"},
		{"lingering reference file", "LINGERING_REFERENCE_HFILE"},
		{"lingering HFileLink", "LINGERING_HFILELINK"},
		{"issues with regions boundaries", "BOUNDARIES_ERROR"},
		{"dangling table state", "ORPHAN_TABLE_STATE"},
		{"has no state in meta", "NO_TABLE_STATE"},
		{"Version file does not exist", "NO_VERSION_FILE"},
		{"Unable to fetch region information", "RS_CONNECT_FAILURE"},
		{"hbase:meta, replicaId 0 is not found on any region", "NO_META_REGION"},
		{"hbase:meta is not found on any region", "NO_META_REGION"},
		{"hbase:meta, replicaId", "MULTI_META_REGION"},
		{"Hbase:meta", "NULL_META_REGION"},
		{"hbase:meta table is not consistent", "BROKEN_META"},
		{"ndeleted replication queue", "UNDELETED_REPLICATION_QUEUE"},
		{"orphaned table ZNode", "ORPHANED_ZK_TABLE_ENTRY"},
		{"Table lock acquire attempt found", "EXPIRED_TABLE_LOCK"},
		{"Found inconsistency in table", "INCONSISTENT_TABLE"},
	}
}

var (
	hbckRegion  = regexp.MustCompile(`\{ meta => (.*?), hdfs => (.*?), deployed => (.*?), replicaId => (\d+) \}`)
	hbckHole    = regexp.MustCompile(`region chain between (.*?) and (.*?)\.  ?You need`)
	hbckServers = regexp.MustCompile(`[A-Za-z0-9][A-Za-z0-9._-]*,\d{1,5},\d{10,15}`)
	hbckNamed   = regexp.MustCompile(`\(region (.*?,\d+(?:_[0-9A-F]{4})?\.[0-9a-f]{32}\.)\)`)
	hbckCount   = regexp.MustCompile(`: (\d+)\s*$`)
	hbckTable   = regexp.MustCompile(`(?:in table|Table|Unable to read \.tableinfo from \S*/) ?'?([\w.\-]+(?::[\w.\-]+)?)`)
	fullPath    = regexp.MustCompile(`(?:[a-z0-9]+://\S+|/\S+)`)
)

// hbckParser reads hbase hbck -details.
type hbckParser struct {
	h       *Hbck
	seen    map[string]bool
	codes   []struct{ part, code string }
	list    *[]string // the list that indented lines belong to
	table   string    // of the split map that is being read
	failure string
	failAt  At
}

func readHbck(ctx context.Context, l *lineReader, a *Artefact) (*Hbck, error) {
	p := &hbckParser{codes: hbckTexts(), seen: map[string]bool{}, h: &Hbck{
		File: a.Files[0], Transitions: -1, EmptyCells: -1, Inconsistent: -1, deployed: map[string][]string{},
	}}
	for {
		b, ok := l.next()
		if !ok {
			break
		}
		if l.line%checkLines == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if len(b) > 0 {
			p.line(b, l.at)
		}
	}
	a.Lines, a.Bytes = int64(l.line), l.offset
	p.verdict(a, l.failure())
	return p.h, nil
}

func (p *hbckParser) verdict(a *Artefact, err error) {
	h := p.h
	switch {
	case len(h.Live) == 0 && h.Status == "" && len(h.Errors) == 0 && len(h.deployed) == 0:
		a.Verdict, a.Why, a.At = Absent, "hbck wrote no report", p.failAt
		if p.failure != "" {
			a.Why = "hbck failed: " + p.failure
		}
	case p.failure != "" && h.Status == "":
		a.Verdict, a.Why, a.At = Partial, "hbck failed: "+p.failure, p.failAt
	case h.Status == "":
		a.Verdict, a.Why = Partial, "the report ends without its status"
	case err != nil:
		a.Verdict, a.Why = Partial, err.Error()
	case slices.ContainsFunc(h.Errors, func(e HbckError) bool { return e.Code == "RS_CONNECT_FAILURE" }):
		a.Verdict, a.Why = Partial, "hbck could not ask every region server"
	default:
		a.Verdict = Complete
	}
}

func (p *hbckParser) line(b []byte, at At) {
	if b[0] == ' ' {
		p.indented(b)
		return
	}
	if text, ok := bytes.CutPrefix(b, []byte("ERROR: ")); ok {
		p.error(text, at)
		return
	}
	if bytes.Contains(b, []byte("\t[ { meta =>")) {
		p.splitMap(b)
		return
	}
	if b[0] == '\t' || len(b) > maxErrorLen {
		return
	}
	p.header(string(b), at)
}

// header reads the lines with a label.
func (p *hbckParser) header(s string, at At) {
	h := p.h
	n := func() int {
		if m := hbckCount.FindStringSubmatch(s); m != nil {
			if v, err := strconv.Atoi(m[1]); err == nil {
				return v
			}
		}
		return -1
	}
	p.list = nil
	switch {
	case strings.HasPrefix(s, "Version: "):
		h.Version = versionIn(s[len("Version: "):])
	case strings.HasPrefix(s, "Number of live region servers"):
		p.list = &h.Live
	case strings.HasPrefix(s, "Number of dead region servers"):
		p.list = &h.Dead
	case strings.HasPrefix(s, "Master: "):
		h.Master = strings.TrimSpace(s[len("Master: "):])
	case strings.HasPrefix(s, "Number of regions in transition"):
		h.Transitions = n()
	case strings.HasPrefix(s, "Number of empty REGIONINFO_QUALIFIER"):
		h.EmptyCells = n()
	case strings.HasPrefix(s, "Number of Tables in flux"):
		h.InFlux = max(0, n())
	case strings.HasPrefix(s, "RegionServer: "):
		p.region(s, at)
	case strings.HasPrefix(s, "---- Table '"):
		p.table, _, _ = strings.Cut(s[len("---- Table '"):], "'")
	case strings.HasPrefix(s, "Status: "):
		h.Status = strings.TrimSpace(s[len("Status: "):])
	case strings.HasSuffix(s, "inconsistencies detected."):
		if v, err := strconv.Atoi(strings.Fields(s)[0]); err == nil {
			h.Inconsistent = v
		}
	case strings.HasPrefix(s, "Exception in thread"), strings.Contains(s, "PleaseHoldException"):
		if p.failure == "" {
			p.failure, p.failAt = bounded([]byte(s), 300), at
		}
	}
}

// region notes the header of a server whose regions could not be read.
func (p *hbckParser) region(s string, at At) {
	if strings.Contains(s, "Unable to fetch region information") {
		p.error([]byte(s), at)
	}
}

// indented reads the entries of lists of servers. The lists of regions below "RegionServer: …" are left out: hbck asks the
// servers side by side and mixes their lines, so that they do not tell who holds what. The split maps do.
func (p *hbckParser) indented(b []byte) {
	s := bytes.TrimSpace(b)
	if p.list != nil {
		if hbckServers.Match(s) && len(*p.list) < maxErrors {
			*p.list = append(*p.list, string(s))
		}
		return
	}
}

func (p *hbckParser) deployed(encoded, server string) {
	if IsEncoded(encoded) && !slices.Contains(p.h.deployed[encoded], server) {
		p.h.deployed[encoded] = append(p.h.deployed[encoded], server)
	}
}

// splitMap reads an entry of a table's split map for the servers it names.
func (p *hbckParser) splitMap(b []byte) {
	for _, m := range hbckRegion.FindAllSubmatch(b, -1) {
		encoded := EncodedOf(string(m[1]))
		for _, sn := range deployedIn(string(m[3])) {
			p.deployed(encoded, sn)
		}
	}
}

// deployedIn reads what follows deployed =>: server;region, several joined by "; ".
func deployedIn(text string) []string {
	var out []string
	for _, sn := range hbckServers.FindAllString(text, -1) {
		if !slices.Contains(out, sn) && !strings.Contains(text, ";"+sn+".") {
			out = append(out, sn)
		}
	}
	return out
}

func (p *hbckParser) error(text []byte, at At) {
	if len(p.h.Errors) >= maxErrors {
		return
	}
	e := HbckError{Text: bounded(text, maxErrorLen), At: at}
	for _, t := range p.codes {
		if strings.Contains(e.Text, t.part) {
			e.Code = t.code
			break
		}
	}
	if m := hbckRegion.FindStringSubmatch(e.Text); m != nil {
		p.fromRegion(&e, m)
	} else if m := hbckNamed.FindStringSubmatch(e.Text); m != nil {
		e.Region = m[1]
	}
	if m := hbckHole.FindStringSubmatch(e.Text); m != nil {
		e.Start, e.End = m[1], m[2]
	}
	p.subject(&e)
	if key := e.Code + "\x00" + e.Text; !p.seen[key] {
		p.seen[key] = true
		p.h.Errors = append(p.h.Errors, e)
	}
}

func (p *hbckParser) fromRegion(e *HbckError, m []string) {
	if m[1] != "null" {
		e.Region = m[1]
	}
	if m[2] != "null" {
		e.Path = m[2]
	}
	e.Deployed = deployedIn(m[3])
	if _, name, ok := strings.Cut(m[3], ";"); ok && e.Region == "" {
		e.Region = regionAt([]byte(name)) // only a server knows it
	}
	_, tail, _ := strings.Cut(e.Text, m[0])
	if sn := hbckServers.FindString(tail); sn != "" {
		e.Server = sn
	}
}

// subject fills in region, table and server from what the line names.
func (p *hbckParser) subject(e *HbckError) {
	e.Encoded = EncodedOf(e.Region)
	if n, ok := parseRegionName([]byte(e.Region)); ok {
		e.Table = string(n.table)
	}
	if e.Path == "" && (e.Code == "ORPHAN_HDFS_REGION" || strings.HasPrefix(e.Code, "LINGERING_REF") || e.Code == "LINGERING_HFILELINK" || e.Code == "NO_TABLEINFO_FILE") {
		e.Path = strings.TrimRight(fullPath.FindString(e.Text), "!.,")
	}
	if e.Path != "" {
		table, encoded := tableOfPath(e.Path)
		if e.Table == "" {
			e.Table = table
		}
		if e.Encoded == "" {
			e.Encoded = encoded
		}
	}
	if e.Table == "" {
		if m := hbckTable.FindStringSubmatch(e.Text); m != nil {
			e.Table = strings.TrimPrefix(m[1], "default:")
		} else if e.Code == "HOLE_IN_REGION_CHAIN" || strings.HasSuffix(e.Code, "_NOT_EMPTY") {
			e.Table = p.table
		}
	}
	if e.Server == "" {
		e.Server = hbckServers.FindString(e.Text)
	}
	if _, key, ok := strings.Cut(e.Text, ", key="); ok && e.Encoded == "" && e.Code == "NOT_IN_META_HDFS" {
		e.Encoded = encodedAt([]byte(key))
		if e.Region = regionAt([]byte(key)); e.Region != "" {
			e.Encoded = EncodedOf(e.Region)
		}
	}
}

// tableOfPath reads table and encoded name out of a path below data/.
func tableOfPath(p string) (table, encoded string) {
	i := strings.LastIndex(p, "/data/")
	if i < 0 {
		return "", ""
	}
	parts := strings.SplitN(p[i+len("/data/"):], "/", 4)
	if len(parts) < 2 {
		return "", ""
	}
	table = PlainTable(parts[0], parts[1])
	if len(parts) > 2 && IsEncoded(parts[2]) {
		encoded = parts[2]
	}
	return table, encoded
}
