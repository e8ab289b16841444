package check_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/plumbline-mcp/plumbline/internal/hbase"
)

// A cluster is described by lines of words, from which bundles are written in the forms that HBase and its storages have:
//
//	table NAME [STATE] [nodesc] [nodir] [norow]      directory with descriptor, row with table:state
//	region LABEL TABLE START END [key=value…]        row and folder; '-' is the empty key
//	    state= sn= server= id= cell= files=f/name,…  ; words: norow nofolder noinfo emptyinfo nocell split offline nofiles archived
//	    splitA= splitB= merges=L,L ref=L/name link=L/name
//	server NAME live|dead|gone [nowal]               host of that name, port 16020; gone: known to nothing
//	wal NAME [splitting] [TIME]
//	hbck TEXT      a line of the report      page SECTION|cell|cell      log HOST CLASS LEVEL TEXT [@SECONDS]
//	without meta|paths|hbck|logs|version|hbckstatus|count|rest        what the bundle lacks
//
// In texts {L} is the encoded name of a label, {L.name} the full one, {L.folder} the path and {NAME.sn} a server name.
type cluster struct {
	t       *testing.T
	tables  []string
	flags   map[string][]string
	regions []*builtRegion
	byLabel map[string]*builtRegion
	servers map[string]string
	status  map[string]string
	wals    []string
	hbck    []string
	pages   [][]string
	logs    map[string][]string
	without map[string]bool
}

type builtRegion struct {
	label, table, start, end string
	attr                     map[string]string
	encoded, name            string
}

// flavour is a form in which a bundle is written.
type flavour struct {
	name    string
	s3      bool
	markers string // of S3: $folder$ or slash
	epoch   bool   // epoch ms as timestamps, as older shells print
	width   int    // of a terminal; 0 none
	root    string
	log4j1  bool
}

func flavours() []flavour {
	return []flavour{
		{name: "HDFS", root: "/hbase"},
		{name: "HDFS of EMR, an older shell on a terminal, log4j 1", root: "/user/hbase", epoch: true, width: 158, log4j1: true},
		{name: "a narrow terminal", root: "/hbase", width: 80},
		{name: "EMRFS", root: "tenants/blue/hbase", s3: true, markers: "_$folder$"},
		{name: "S3A at the top of a bucket", root: "", s3: true, markers: "/"},
	}
}

const builtID = 1795390000000

func parseCluster(t *testing.T, text string) *cluster {
	t.Helper()
	c := &cluster{t: t, flags: map[string][]string{}, byLabel: map[string]*builtRegion{}, servers: map[string]string{}, status: map[string]string{}, logs: map[string][]string{}, without: map[string]bool{}}
	for line := range strings.SplitSeq(text, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(line, "#") {
			continue
		}
		rest := strings.TrimSpace(strings.TrimPrefix(line, words[0]))
		switch words[0] {
		case "table":
			c.tables = append(c.tables, words[1])
			c.flags[words[1]] = words[2:]
		case "region":
			c.region(words[1:])
		case "server":
			c.servers[words[1]] = fmt.Sprintf("%s.example,16020,%d", words[1], builtID-1000-int64(len(c.servers)))
			c.status[words[1]] = words[2]
			if words[2] == "live" && !slices.Contains(words, "nowal") {
				c.wals = append(c.wals, words[1])
			}
		case "wal":
			c.wals = append(c.wals, rest)
		case "hbck":
			c.hbck = append(c.hbck, rest)
		case "page":
			c.pages = append(c.pages, strings.Split(rest, "|"))
		case "log":
			c.logs[words[1]] = append(c.logs[words[1]], strings.TrimSpace(strings.TrimPrefix(rest, words[1])))
		case "without":
			for _, w := range words[1:] {
				c.without[w] = true
			}
		default:
			t.Fatalf("unknown word in %q", line)
		}
	}
	return c
}

func (c *cluster) region(words []string) {
	r := &builtRegion{label: words[0], table: words[1], start: words[2], end: words[3], attr: map[string]string{}}
	for i, k := range []*string{&r.start, &r.end} {
		if *k == "-" {
			*k = ""
		}
		_ = i
		*k = strings.ReplaceAll(*k, "_", " ")
	}
	for _, w := range words[4:] {
		k, v, _ := strings.Cut(w, "=")
		r.attr[k] = v
	}
	id := strconv.Itoa(builtID + len(c.regions)%2)
	if v := r.attr["id"]; v != "" {
		id = v
	}
	r.encoded = hbase.Encode(r.table, hbase.ParseBinary([]byte(r.start)), id)
	if v := r.attr["encoded"]; v != "" {
		r.encoded = v
	}
	r.name = r.table + "," + r.start + "," + id + "." + r.encoded + "."
	c.regions = append(c.regions, r)
	c.byLabel[r.label] = r
}

func (r *builtRegion) is(word string) bool { _, ok := r.attr[word]; return ok }

func (r *builtRegion) info() string {
	s := fmt.Sprintf("{ENCODED => %s, NAME => '%s', STARTKEY => '%s', ENDKEY => '%s'", r.encoded, r.name, r.start, r.end)
	if v := r.attr["cell"]; v != "" {
		s = strings.Replace(s, "ENCODED => "+r.encoded, "ENCODED => "+v, 1)
	}
	if r.is("offline") {
		s += ", OFFLINE => true"
	}
	if r.is("split") {
		s += ", SPLIT => true"
	}
	return s + "}"
}

var braces = regexp.MustCompile(`\{([\w-]+)(\.\w+)?\}`)

// fill replaces labels in a text.
func (c *cluster) fill(f flavour, text string) string {
	return braces.ReplaceAllStringFunc(text, func(m string) string {
		g := braces.FindStringSubmatch(m)
		if g[2] == ".sn" {
			return c.servers[g[1]]
		}
		r := c.byLabel[g[1]]
		if r == nil {
			return m
		}
		switch g[2] {
		case ".name":
			return r.name
		case ".folder":
			return "hdfs://nn:8020" + f.path(c.dir(r.table)+"/"+r.encoded)
		case ".info":
			return r.info()
		}
		return r.encoded
	})
}

func (c *cluster) dir(table string) string {
	space, plain, ok := strings.Cut(table, ":")
	if !ok {
		space, plain = "default", table
	}
	return "data/" + space + "/" + plain
}

func (f flavour) path(p string) string {
	if f.root == "" {
		return p
	}
	return f.root + "/" + p
}

// write writes the bundle.
func (c *cluster) write(f flavour) string {
	dir := c.t.TempDir()
	put := func(name, text string) {
		c.t.Helper()
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			c.t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			c.t.Fatal(err)
		}
	}
	if !c.without["meta"] {
		put("diagnostics/hbase_meta.txt", c.meta(f))
	}
	if !c.without["paths"] {
		put("diagnostics/hbase_rootdir_paths.txt", c.listing(f))
	}
	if !c.without["hbck"] {
		put("diagnostics/hbck_report.txt", c.report(f))
	}
	if len(c.pages) > 0 {
		put("diagnostics/hbck_page.html", c.page(f))
	}
	if !c.without["logs"] {
		for host := range c.logs {
			put(c.logFile(host), c.log(f, host))
		}
	}
	root := "hdfs://nn:8020" + f.root
	if f.s3 {
		root = "s3://bucket/" + f.root
	}
	put("diagnostics/manifest.json", fmt.Sprintf(`{"hbase_version":"2.6.4","hbase_root_dir":%q,"collected_at":"2026-11-22T23:30:00Z"}`, root))
	return dir
}

func (c *cluster) logFile(host string) string {
	role := "regionserver"
	if host == "master" {
		role = "master"
	}
	return "logs/nodes/i-" + host + "/applications/hbase/hbase-hbase-" + role + "-" + host + ".example.log"
}

// meta writes the scan.
func (c *cluster) meta(f flavour) string {
	type row struct{ key, text string }
	var rows []row
	stamp := "2026-11-22T23:20:00.000"
	if f.epoch {
		stamp = "1795389600000"
	}
	cell := func(key, column, value string) string {
		return fmt.Sprintf(" %s column=%s, timestamp=%s, value=%s\n", key, column, stamp, value)
	}
	for _, t := range c.tables {
		state := map[string]string{"DISABLED": `\x08\x01`, "DISABLING": `\x08\x02`, "ENABLING": `\x08\x03`}
		value := `\x08\x00`
		for _, w := range c.flags[t] {
			if v := state[w]; v != "" {
				value = v
			}
		}
		if !slices.Contains(c.flags[t], "norow") {
			rows = append(rows, row{t, cell(t, "table:state", value)})
		}
	}
	for _, r := range c.regions {
		if r.is("norow") {
			continue
		}
		rows = append(rows, row{r.table + "," + r.start + "," + r.name, c.cells(r, cell)})
	}
	slices.SortStableFunc(rows, func(a, b row) int { return strings.Compare(a.key, b.key) })
	var b strings.Builder
	b.WriteString("HBase Shell\nUse \"help\" to get list of supported commands.\nVersion 2.6.4-hadoop3, r67, Mon Nov  3 20:44:58 PST 2025\nTook 0.0019 seconds\n")
	if c.without["rows"] {
		b.WriteString("hbase:001:0> scan 'hbase:meta'\nROW  COLUMN+CELL\n\nERROR: org.apache.hadoop.hbase.PleaseHoldException: Master is initializing\n\tat org.apache.hadoop.hbase.master.HMaster.checkInitialized(HMaster.java:3321)\n")
		return b.String()
	}
	b.WriteString("hbase:001:0> scan 'hbase:meta'\n" + header(f.width))
	limit := len(rows)
	if c.without["rest"] {
		limit /= 2
	}
	for _, r := range rows[:limit] {
		b.WriteString(wrap(r.text, f.width))
	}
	if !c.without["count"] && !c.without["rest"] {
		fmt.Fprintf(&b, "%d row(s)\nTook 0.3246 seconds\nhbase:002:0> \n", len(rows))
	}
	return b.String()
}

func (c *cluster) cells(r *builtRegion, cell func(key, column, value string) string) string {
	var b strings.Builder
	if !r.is("nocell") {
		b.WriteString(cell(r.name, "info:regioninfo", r.info()))
	}
	for i, l := range strings.Split(r.attr["merges"], ",") {
		if l != "" {
			b.WriteString(cell(r.name, fmt.Sprintf("info:merge%04d", i), c.byLabel[l].info()))
		}
	}
	sn, ok := r.attr["sn"]
	if !ok {
		sn = "rs1"
	}
	sn = c.servers[sn]
	if sn != "" {
		parts := strings.Split(sn, ",")
		b.WriteString(cell(r.name, "info:server", parts[0]+":"+parts[1]))
		b.WriteString(cell(r.name, "info:serverstartcode", parts[2]))
		b.WriteString(cell(r.name, "info:sn", sn))
	}
	for _, k := range []string{"splitA", "splitB"} {
		if l := r.attr[k]; l != "" {
			b.WriteString(cell(r.name, "info:"+k, c.byLabel[l].info()))
		}
	}
	state := r.attr["state"]
	if state == "" {
		state = "OPEN"
	}
	b.WriteString(cell(r.name, "info:state", state))
	return b.String()
}

// header and wrap write as the shell's formatter does: on a terminal the row in a quarter of the width, the cell in the rest.
func header(width int) string {
	if width == 0 {
		return "ROW  COLUMN+CELL\n"
	}
	one := width / 4
	return fmt.Sprintf("%-*s  %-*s\n", one, "ROW", width-one-2, "COLUMN+CELL")
}

func wrap(text string, width int) string {
	if width == 0 {
		return text
	}
	one := width / 4
	two := width - one - 2
	var b strings.Builder
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		i := strings.Index(line, " column=")
		row, cell := line[1:i], line[i+1:]
		for len(row) > 0 || len(cell) > 0 {
			x, y := row[:min(one, len(row))], cell[:min(two, len(cell))]
			row, cell = row[len(x):], cell[len(y):]
			fmt.Fprintf(&b, " %-*s %-*s\n", one, x, two, y)
		}
	}
	return b.String()
}

// listing writes the paths, sorted as both storages do.
func (c *cluster) listing(f flavour) string {
	files := map[string]int{}
	dirs := map[string]bool{}
	file := func(p string, size int) {
		files[p] = size
		for d := filepath.ToSlash(filepath.Dir(p)); d != "."; d = filepath.ToSlash(filepath.Dir(d)) {
			dirs[d] = true
		}
	}
	for _, d := range []string{".hbck", ".tmp", "archive", "corrupt", "mobdir", "oldWALs", "staging", "data/default"} {
		dirs[d] = true
	}
	file("MasterData/data/master/store/"+hbase.MasterStoreEncoded+"/.regioninfo", 34)
	file("data/hbase/meta/"+hbase.MetaEncoded+"/.regioninfo", 32)
	file("data/hbase/meta/.tabledesc/.tableinfo.0000000001.1000", 1000)
	file("hbase.id", 42)
	if !c.without["version"] {
		file("hbase.version", 7)
	}
	for _, w := range c.wals {
		words := strings.Fields(w)
		name := c.servers[words[0]]
		if slices.Contains(words, "splitting") {
			name += "-splitting"
		}
		if !f.s3 {
			file("WALs/"+name+"/wal.1", 1000)
		}
	}
	for _, t := range c.tables {
		if slices.Contains(c.flags[t], "nodir") {
			continue
		}
		dirs[c.dir(t)] = true
		if !slices.Contains(c.flags[t], "nodesc") {
			file(c.dir(t)+"/.tabledesc/.tableinfo.0000000001", 631)
		}
	}
	for _, r := range c.regions {
		c.folder(r, file, dirs)
	}
	return render(f, files, dirs)
}

func (c *cluster) folder(r *builtRegion, file func(string, int), dirs map[string]bool) {
	d := c.dir(r.table) + "/" + r.encoded
	if r.is("archived") {
		file("archive/"+d+"/cf/0123456789abcdef0123456789abcdef", 1000)
	}
	if r.is("nofolder") {
		return
	}
	switch {
	case r.is("emptyinfo"):
		file(d+"/.regioninfo", 0)
	case !r.is("noinfo"):
		file(d+"/.regioninfo", 43)
	}
	dirs[d+"/cf"] = true
	if !r.is("nofiles") && r.attr["files"] == "" {
		file(d+"/cf/"+hbase.Encode(r.encoded, nil, "1"), 1048576)
	}
	for n := range strings.SplitSeq(r.attr["files"], ",") {
		if n != "" {
			file(d+"/"+n, 1000)
		}
	}
	for n := range strings.SplitSeq(r.attr["ref"], ",") {
		if l, name, ok := strings.Cut(n, "/"); ok {
			file(d+"/cf/"+name+"."+c.byLabel[l].encoded, 50)
		}
	}
	for n := range strings.SplitSeq(r.attr["link"], ",") {
		if l, name, ok := strings.Cut(n, "/"); ok {
			t := c.byLabel[l]
			file(d+"/cf/"+strings.ReplaceAll(t.table, ":", "=")+"="+t.encoded+"-"+name, 0)
		}
	}
}

func render(f flavour, files map[string]int, dirs map[string]bool) string {
	var lines []string
	for p := range dirs {
		switch {
		case !f.s3:
			lines = append(lines, f.path(p)+"\x00drwxr-xr-x   - hbase hdfsadmingroup          0 2026-11-22 23:19 ")
		default:
			lines = append(lines, f.path(p)+f.markers+"\x002026-11-22 23:19:30          0 ")
		}
	}
	for p, size := range files {
		if f.s3 {
			lines = append(lines, f.path(p)+"\x00"+fmt.Sprintf("2026-11-22 23:19:30 %10d ", size))
		} else {
			lines = append(lines, f.path(p)+"\x00"+fmt.Sprintf("-rw-r--r--   1 hbase hdfsadmingroup %10d 2026-11-22 23:19 ", size))
		}
	}
	slices.Sort(lines)
	var b strings.Builder
	for _, l := range lines {
		p, head, _ := strings.Cut(l, "\x00")
		b.WriteString(head + p + "\n")
	}
	return b.String()
}

func (c *cluster) report(f flavour) string {
	var b strings.Builder
	b.WriteString("HBaseFsck command line options: -details\nVersion: 2.6.4-hadoop3\n\n.\n")
	for _, kind := range []string{"live", "dead"} {
		var names []string
		for n, s := range c.status {
			if s == kind {
				names = append(names, "  "+c.servers[n]+"\n")
			}
		}
		slices.Sort(names)
		fmt.Fprintf(&b, "Number of %s region servers: %d\n%s", kind, len(names), strings.Join(names, ""))
	}
	n := 0
	for _, l := range c.hbck {
		if strings.HasPrefix(l, "ERROR") {
			n++
		}
		b.WriteString(strings.ReplaceAll(c.fill(f, l), `\t`, "\t") + "\n")
	}
	if !c.without["hbckstatus"] {
		fmt.Fprintf(&b, "%d inconsistencies detected.\nStatus: %s\n", n, map[bool]string{true: "OK", false: "INCONSISTENT"}[n == 0])
	}
	return b.String()
}

func (c *cluster) page(f flavour) string {
	var b strings.Builder
	b.WriteString("<html><head><title>HBase Master HBCK Report</title></head><body><h1>HBCK Chore Report</h1>\n<span>Checking started at 2026-11-22T23:29:00.066Z and generated catalogJanitorReport at x.</span>\n")
	for _, p := range c.pages {
		fmt.Fprintf(&b, "<h2>%s</h2>\n<table class=\"table\"><tr><th>A</th><th>B</th></tr>\n<tr>\n", p[0])
		for _, cell := range p[1:] {
			fmt.Fprintf(&b, "<td>%s</td>\n", c.fill(f, cell))
		}
		b.WriteString("</tr></table>\n")
	}
	return b.String() + "</body></html>\n"
}

// log writes entries; a word @N at the end is the second after 23:20:00 at which the entry was written. \n begins a line
// below the entry.
func (c *cluster) log(f flavour, host string) string {
	var b strings.Builder
	for i, l := range c.logs[host] {
		second := i
		if at := strings.LastIndex(l, " @"); at > 0 {
			if n, err := strconv.Atoi(l[at+2:]); err == nil {
				second, l = n, l[:at]
			}
		}
		words := strings.SplitN(l, " ", 3)
		sep := "T"
		if f.log4j1 {
			sep = " "
		}
		fmt.Fprintf(&b, "2026-11-22%s23:%02d:%02d,%03d %-5s [RS_OPEN_REGION-regionserver/%s:16020-0] %s: %s\n", sep, 20+second/60, second%60, 100, words[1], host, words[0], strings.ReplaceAll(c.fill(f, words[2]), `\n`, "\n"))
	}
	return b.String()
}
