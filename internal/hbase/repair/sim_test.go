package repair_test

import (
	"cmp"
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/hbase/repair"
)

// sim is a small cluster that HBCK2's commands act on, as a real 2.6.4 was seen to. It writes itself as a bundle.
type sim struct {
	tables  []*simTable
	clock   int64 // ids of new regions
	janitor bool  // the janitor ran since hbase:meta was changed: fixMeta has a report to work on
}

type simTable struct {
	name, state string
	descriptor  bool
	regions     []*simRegion
}

type simRegion struct {
	table, start, end string
	id                int64
	enc               string
	inMeta, cell      bool // has a row; and info:regioninfo in it
	state, sn         string
	folder, info      bool // has a folder; and .regioninfo in it
}

const (
	simServer = "rs1.sim,16020,1700000000000"
	simGhost  = "gone.sim,16020,1600000000000"
)

func newSim() *sim { return &sim{clock: 1700000000000} }

// binary writes bytes as Bytes.toStringBinary does.
func binary(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c >= ' ' && c < 0x7f && c != '\\' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, `\x%02X`, c)
		}
	}
	return b.String()
}

func (s *sim) add(t *simTable, start, end string) *simRegion {
	s.clock++
	sum := md5.Sum(fmt.Appendf(nil, "%s,%s,%d", t.name, start, s.clock))
	r := &simRegion{
		table: t.name, start: start, end: end, id: s.clock, enc: hex.EncodeToString(sum[:]), inMeta: true, cell: true, state: "OPEN", sn: simServer, folder: true, info: true,
	}
	t.regions = append(t.regions, r)
	t.sort()
	return r
}

func (t *simTable) sort() {
	slices.SortFunc(t.regions, func(a, b *simRegion) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.id, b.id)) })
}

func (s *sim) create(name string, keys ...string) *simTable {
	t := &simTable{name: name, state: "ENABLED", descriptor: true}
	s.tables = append(s.tables, t)
	start := ""
	for _, k := range append(keys, "") {
		s.add(t, start, k)
		start = k
	}
	slices.SortFunc(s.tables, func(a, b *simTable) int { return cmp.Compare(a.name, b.name) })
	return t
}

func (r *simRegion) row() string {
	return fmt.Sprintf("%s,%s,%d.%s.", r.table, binary(r.start), r.id, r.enc)
}

func (r *simRegion) dir() string {
	space, plain, ok := strings.Cut(r.table, ":")
	if !ok {
		space, plain = "default", r.table
	}
	return "/hbase/data/" + space + "/" + plain + "/" + r.enc
}

func (s *sim) each(f func(*simTable, *simRegion)) {
	for _, t := range s.tables {
		for _, r := range slices.Clone(t.regions) {
			f(t, r)
		}
	}
}

func (s *sim) region(enc string) *simRegion {
	var out *simRegion
	s.each(func(_ *simTable, r *simRegion) {
		if r.enc == enc {
			out = r
		}
	})
	return out
}

// scan writes hbase:meta as the shell prints it: the rows that begin with the prefix, the columns that are asked for.
func (s *sim) scan(prefix string, columns ...string) string {
	var b strings.Builder
	rows := map[string]bool{}
	line := func(row, column, value string) {
		first := strings.HasSuffix(prefix, ",") && strings.HasPrefix(row, prefix+",") // hbase:meta sorts it before its own prefix
		if !first && strings.HasPrefix(row, prefix) && (len(columns) == 0 || slices.Contains(columns, column) || slices.Contains(columns, strings.Split(column, ":")[0])) {
			fmt.Fprintf(&b, " %s column=%s, timestamp=2026-11-22T23:19:32.458, value=%s\n", row, column, value)
			rows[row] = true
		}
	}
	b.WriteString("ROW  COLUMN+CELL\n")
	states := map[string]string{"ENABLED": `\x08\x00`, "DISABLED": `\x08\x01`, "DISABLING": `\x08\x02`, "ENABLING": `\x08\x03`}
	for _, t := range s.tables {
		line(t.name, "table:state", states[t.state])
		for _, r := range t.regions {
			if !r.inMeta {
				continue
			}
			if r.cell {
				line(r.row(), "info:regioninfo", fmt.Sprintf("{ENCODED => %s, NAME => '%s', STARTKEY => '%s', ENDKEY => '%s'}", r.enc, r.row(), binary(r.start), binary(r.end)))
			}
			if host, rest, ok := strings.Cut(r.sn, ","); ok {
				port, code, _ := strings.Cut(rest, ",")
				line(r.row(), "info:server", host+":"+port)
				line(r.row(), "info:serverstartcode", code)
				line(r.row(), "info:sn", r.sn)
			}
			line(r.row(), "info:state", r.state)
		}
	}
	fmt.Fprintf(&b, "%d row(s)\nTook 0.1 seconds\n", len(rows))
	return b.String()
}

// list writes the files below a directory as hdfs dfs -ls [-R] prints them.
func (s *sim) list(dir string, deep bool) string {
	var b strings.Builder
	line := func(p string, size int) {
		rest, below := strings.CutPrefix(p, strings.TrimRight(dir, "/")+"/")
		if !below || (!deep && strings.Contains(rest, "/")) {
			return
		}
		mode := "drwxr-xr-x   -"
		if size >= 0 {
			mode = "-rw-r--r--   1"
		}
		fmt.Fprintf(&b, "%s hbase hbase %10d 2026-11-22 23:40 %s\n", mode, max(size, 0), p)
	}
	for _, p := range []string{"/hbase/MasterData", "/hbase/WALs", "/hbase/WALs/" + simServer, "/hbase/archive", "/hbase/data", "/hbase/data/default", "/hbase/data/hbase"} {
		line(p, -1)
	}
	line("/hbase/hbase.version", 7)
	line("/hbase/hbase.id", 42)
	for _, t := range s.tables {
		table := filepath.ToSlash(filepath.Dir((&simRegion{table: t.name, enc: "x"}).dir()))
		line(table, -1)
		if t.descriptor {
			line(table+"/.tabledesc", -1)
			line(table+"/.tabledesc/.tableinfo.0000000001.345", 345)
		}
		for _, r := range t.regions {
			if !r.folder {
				continue
			}
			line(r.dir(), -1)
			if r.info {
				line(r.dir()+"/.regioninfo", 43)
			}
			line(r.dir()+"/cf", -1)
			line(r.dir()+"/cf/0123456789abcdef0123456789abcdef", 5000)
		}
	}
	return b.String()
}

// write writes the cluster as a bundle.
func (s *sim) write(dir string) error {
	var hbck strings.Builder
	fmt.Fprintf(&hbck, "Version: 2.6.4\nNumber of live region servers: 1\n  %s\nNumber of dead region servers: 0\nMaster: master.sim,16000,1700000000001\nNumber of regions in transition: 0\n", simServer)
	fmt.Fprintf(&hbck, "Number of empty REGIONINFO_QUALIFIER rows in hbase:meta: 0\nSummary:\n0 inconsistencies detected.\nStatus: OK\n")
	for name, text := range map[string]string{
		"hbase_meta.txt": "HBase Shell\nVersion 2.6.4-hadoop3, r67f414c\nhbase:001:0> scan 'hbase:meta'\n" + s.scan(""), "hbase_rootdir_paths.txt": s.list("/hbase", true), "hbck_report.txt": hbck.String(),
		"manifest.json": `{"job_flow_id":"j-SIM","collected_at":"2026-11-22T23:45:00Z","hbase_version":"2.6.4","hbase_root_dir":"hdfs://nn:8020/hbase"}`,
	} {
		p := filepath.Join(dir, "diagnostics", name)
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

var (
	scanLine   = regexp.MustCompile(`^scan 'hbase:meta', \{(?:(?:ROWPREFIXFILTER|STARTROW) => '([^']*)', )?(?:LIMIT => 1, )?COLUMN => (.*)\}$`)
	quoted     = regexp.MustCompile(`'([^']*)'`)
	shellLine  = regexp.MustCompile(`^(\w+)(?: '([^']*)')?`)
	deleteLine = regexp.MustCompile(`^deleteall 'hbase:meta', "(.*)"$`)
)

// Run implements repair.Runner.
func (s *sim) Run(_ context.Context, c repair.Command) (string, int, error) {
	if err := repair.Allowed(c); err != nil {
		return "", 1, err
	}
	switch c.Tool {
	case repair.HDFS:
		return s.hdfs(c.Args)
	case repair.Hbck2:
		return s.hbck2(c.Args)
	case repair.Shell:
		out := ""
		var outSb232 strings.Builder
		for _, line := range c.Args {
			text, err := s.shell(line)
			if err != nil {
				return text, 1, err
			}
			outSb232.WriteString("hbase:001:0> " + line + "\n" + text)
		}
		out += outSb232.String()
		return out, 0, nil
	case repair.Hbck1, repair.AWS, repair.HBase, repair.Hand:
	}
	return "", 1, fmt.Errorf("the simulation has no %s", c.Tool)
}

func (s *sim) hdfs(args []string) (string, int, error) {
	switch args[0] {
	case "-ls":
		text := s.list(args[1], false)
		if text == "" {
			return "ls: `" + args[1] + "': No such file or directory\n", 1, nil
		}
		return text, 0, nil
	case "-mkdir":
		s.each(func(_ *simTable, r *simRegion) {
			if r.dir() == args[2] {
				r.folder = true
			}
		})
		return "", 0, nil
	}
	return "", 1, fmt.Errorf("the simulation has no hdfs dfs %s", args[0])
}

func (s *sim) shell(line string) (string, error) {
	if m := scanLine.FindStringSubmatch(line); m != nil {
		var columns []string
		for _, q := range quoted.FindAllStringSubmatch(m[2], -1) {
			columns = append(columns, q[1])
		}
		return s.scan(m[1], columns...), nil
	}
	if m := deleteLine.FindStringSubmatch(line); m != nil {
		s.each(func(_ *simTable, r *simRegion) {
			if r.row() == m[1] {
				r.inMeta = false
			}
		})
		s.janitor = false
		return "", nil
	}
	m := shellLine.FindStringSubmatch(line)
	switch m[1] {
	case "catalogjanitor_run":
		s.janitor = true
		return "=> 0\n", nil
	case "list_procedures", "list_namespace":
		return "0 row(s)\n", nil
	case "status":
		return "1 live servers\n    rs1.sim:16020 1700000000000\n", nil
	case "unassign":
		s.region(m[2]).state = "CLOSED"
		return "", nil
	case "assign":
		s.open(s.region(m[2]), false)
		return "", nil
	}
	return "", fmt.Errorf("the simulation has no %q in its shell", line)
}

// open opens a region as an assign does: without override only from CLOSED and OFFLINE, never without a folder.
func (s *sim) open(r *simRegion, override bool) bool {
	switch {
	case r == nil || !r.inMeta || !r.cell || (!override && r.state != "CLOSED" && r.state != "OFFLINE"):
		return false
	case !r.folder:
		r.state = "OPENING"
	default:
		r.state, r.sn, r.info = "OPEN", simServer, true
	}
	return true
}

func (s *sim) table(name string) *simTable {
	for _, t := range s.tables {
		if t.name == strings.TrimPrefix(name, "default:") {
			return t
		}
	}
	return &simTable{}
}

func (s *sim) hbck2(args []string) (string, int, error) {
	last := args[len(args)-1]
	var out strings.Builder
	switch args[0] {
	case "assigns":
		override := args[1] == "-o"
		for _, enc := range args[1:] {
			if enc != "-o" && !s.open(s.region(enc), override) {
				out.WriteString("[-1]")
			}
		}
	case "reportMissingRegionsInMeta", "addFsRegionsMissingInMeta":
		for _, r := range s.table(last).regions {
			if r.folder && r.info && !r.inMeta {
				out.WriteString(r.enc + "\n")
				if args[0] == "addFsRegionsMissingInMeta" {
					r.inMeta, r.cell, r.state, r.sn, s.janitor = true, true, "CLOSED", "", false
				}
			}
		}
	case "extraRegionsInMeta":
		for _, r := range s.table(last).regions {
			if r.inMeta && !r.folder {
				out.WriteString(r.enc + "\n")
				if args[1] == "-f" {
					r.inMeta, s.janitor = false, false
				}
			}
		}
	case "fixMeta":
		if !s.janitor {
			return "CatalogJanitor has not generated a report yet", 1, nil
		}
		for _, t := range s.tables {
			s.merge(t)
			s.plug(t)
		}
	case "recoverUnknown", "scheduleRecoveries":
		homeless := false
		s.each(func(_ *simTable, r *simRegion) { homeless = homeless || r.inMeta && r.cell && r.sn == "" })
		if homeless && args[0] == "recoverUnknown" {
			return "NullPointerException: serverName is null", 1, nil
		}
		s.each(func(_ *simTable, r *simRegion) {
			if r.sn == simGhost && r.folder {
				r.state, r.sn = "OPEN", simServer
			}
		})
	case "generateMissingTableDescriptorFile":
		s.table(last).descriptor = true
	case "setTableState":
		s.table(args[1]).state = args[2]
	default:
		return "", 1, fmt.Errorf("the simulation has no hbck2 %s", args[0])
	}
	return out.String(), 0, nil
}

// chain lists the regions of hbase:meta in order.
func (t *simTable) chain() []*simRegion {
	t.sort()
	return slices.DeleteFunc(slices.Clone(t.regions), func(r *simRegion) bool { return !r.inMeta || !r.cell })
}

// merge replaces each group of overlapping open regions by one.
func (s *sim) merge(t *simTable) {
	chain := t.chain()
	for i := 0; i < len(chain); i++ {
		group, end := []*simRegion{chain[i]}, chain[i].end
		for i+1 < len(chain) && (end == "" || chain[i+1].start < end) {
			i++
			group = append(group, chain[i])
			if end != "" && (chain[i].end == "" || chain[i].end > end) {
				end = chain[i].end
			}
		}
		if len(group) < 2 || slices.ContainsFunc(group, func(r *simRegion) bool { return r.state != "OPEN" || !r.folder }) {
			continue
		}
		t.regions = slices.DeleteFunc(t.regions, func(r *simRegion) bool { return slices.Contains(group, r) })
		s.add(t, group[0].start, end)
	}
}

// plug puts an empty region over each hole.
func (s *sim) plug(t *simTable) {
	at, done := "", false
	for _, r := range t.chain() {
		if !done && at < r.start {
			s.add(t, at, r.start)
		}
		if r.end == "" {
			done = true
		}
		at = max(at, r.end)
	}
	if !done {
		s.add(t, at, "")
	}
}
