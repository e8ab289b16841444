package logs

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/hbase"
	"github.com/plumbline-mcp/plumbline/internal/hbase/check"
	"github.com/plumbline-mcp/plumbline/internal/template"
)

// Query says which entries are looked at.
type Query struct {
	Level  string    // at least this: ERROR, WARN (the default), INFO, all
	Host   string    // part of a host's name or role
	Region string    // encoded name that the entry must hold
	Text   string    // a text that the entry must hold
	Start  time.Time // of the logs' local time; zero: from the beginning
	End    time.Time // exclusive
}

// Group is what the entries of one template have in common.
type Group struct {
	ID         string           `json:"id"` // of the template: the same text has the same id in every run
	Template   string           `json:"template"`
	Level      string           `json:"level"`
	Logger     string           `json:"logger"`
	Exceptions []string         `json:"exceptions,omitempty"` // classes below the entries, the most frequent first
	Count      int64            `json:"count"`
	Hosts      map[string]int64 `json:"hosts"` // entries by role and host
	First      time.Time        `json:"first"`
	Last       time.Time        `json:"last"`
	Hours      map[string]int64 `json:"hours,omitempty"` // entries by hour, RFC 3339
	File       string           `json:"file"`            // of the example, the first entry
	Line       int              `json:"line"`
	Example    string           `json:"example"`
	Findings   []string         `json:"findings,omitempty"` // ids of findings whose region the entries name
	Similarity float64          `json:"similarity,omitempty"`

	exceptions map[string]int64
	regions    map[string]bool
	hours      map[int64]int64 // by hours since 1970
	files      map[string]int64
	where      string // the host of the line before, and its lines not yet counted in files
	lines      int64
}

// Patterns are the groups of a bundle's entries.
type Patterns struct {
	Lines   int64   `json:"lines"`   // read
	Entries int64   `json:"entries"` // that fit the query
	Groups  []Group `json:"groups"`  // the most frequent first, or the nearest to a question
}

const (
	// maxRegions bounds the regions that a group remembers for its findings.
	maxRegions = 1000
	maxExample = 600
	maxHours   = 24 * 31
	// maxFindings bounds the findings that a group names.
	maxFindings = 20
	workers     = 2
)

// Find groups the entries of a bundle's logs.
func Find(ctx context.Context, s *hbase.Snapshot, q Query, findings []check.Finding) (*Patterns, error) {
	files := make(chan *hbase.LogFile)
	parts := make([]*part, workers)
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		parts[w] = newPart(q)
		wg.Go(func() {
			for f := range files {
				if err := parts[w].read(ctx, s, f); err != nil && f.Damage == "" {
					errs[w] = err
				}
			}
		})
	}
	for i := range s.Logs.Files {
		if f := &s.Logs.Files[i]; q.Host == "" || strings.Contains(f.Host, q.Host) || strings.Contains(f.Role, q.Host) {
			files <- f
		}
	}
	close(files)
	wg.Wait()
	if err := cmp.Or(ctx.Err(), errs[0], errs[1]); err != nil {
		return nil, fmt.Errorf("group logs: %w", err)
	}
	return join(parts, findings), nil
}

// groupKey tells groups apart within a miner: a template id of one level.
type groupKey struct {
	id    int
	level byte
}

// part is what one worker learns.
type part struct {
	q       Query
	rank    int
	miner   *template.Miner
	groups  map[groupKey]*Group
	current *Group
	text    []byte
	lines   int64
	entries int64
	need    []byte
	region  []byte
}

func newPart(q Query) *part {
	return &part{q: q, rank: rank([]byte(strings.ToUpper(cmp.Or(q.Level, "WARN")))), miner: template.New(template.Config{}), groups: map[groupKey]*Group{}, need: []byte(q.Text), region: []byte(q.Region)}
}

// rank orders levels by their first letter; unknown ones and "all" rank lowest.
func rank(level []byte) int {
	if len(level) == 0 {
		return 0
	}
	return max(0, 1+strings.IndexByte("DIWEF", level[0]))
}

func (p *part) read(ctx context.Context, s *hbase.Snapshot, f *hbase.LogFile) error {
	where := strings.TrimSpace(f.Role + " " + f.Host)
	if where == "" {
		where = f.Path
	}
	p.current = nil
	return s.Scan(ctx, f, func(at hbase.At, line []byte) bool {
		p.lines++
		e, ok := hbase.ParseLog(line)
		if !ok {
			p.below(line)
			return true
		}
		p.current = nil
		if p.wants(&e, line) {
			p.entry(&e, f, where, at, line)
		}
		return true
	})
}

func (p *part) wants(e *hbase.LogEntry, line []byte) bool {
	return rank(e.Level) >= p.rank && (len(p.need) == 0 || bytes.Contains(line, p.need)) && (len(p.region) == 0 || bytes.Contains(line, p.region)) &&
		(p.q.Start.IsZero() || !e.Time.Before(p.q.Start)) && (p.q.End.IsZero() || e.Time.Before(p.q.End))
}

func (p *part) entry(e *hbase.LogEntry, f *hbase.LogFile, where string, at hbase.At, line []byte) {
	p.entries++
	p.text = appendPlain(append(append(p.text[:0], e.Class...), ": "...), e.Message)
	key := groupKey{p.miner.Add(string(p.text)), e.Level[0]}
	g := p.groups[key]
	if g == nil {
		g = &Group{
			Level: string(e.Level), Logger: string(e.Class), hours: map[int64]int64{}, files: map[string]int64{}, First: e.Time, File: f.Path, Line: at.Line,
			Example: cut(line, maxExample), exceptions: map[string]int64{}, regions: map[string]bool{},
		}
		p.groups[key] = g
	}
	g.Count++
	if g.where != where {
		g.count()
		g.where = where
	}
	g.lines++
	if e.Time.Before(g.First) {
		g.First, g.File, g.Line, g.Example = e.Time, f.Path, at.Line, cut(line, maxExample)
	}
	if e.Time.After(g.Last) {
		g.Last = e.Time
	}
	if h := e.Time.Unix() / 3600; len(g.hours) < maxHours {
		g.hours[h]++
	}
	if e.Level[0] != 'I' && len(g.regions) < maxRegions {
		for _, enc := range encodedNames(line) {
			g.regions[enc] = true
		}
	}
	p.current = g
}

// regionMark stands for a region's full name in texts that are mined: its parts are values of one thing.
const regionMark = "REGION"

// appendPlain appends a message with full region names (table,startkey,id.encoded.) replaced: tables and keys would make
// templates of their own.
func appendPlain(dst, msg []byte) []byte {
	for {
		dot := bytes.IndexByte(msg, '.')
		for dot >= 0 && (len(msg) <= dot+33 || msg[dot+33] != '.' || !allHex(msg[dot+1:dot+33])) {
			next := bytes.IndexByte(msg[dot+1:], '.')
			if next < 0 {
				dot = -1
				break
			}
			dot += 1 + next
		}
		if dot < 0 {
			return append(dst, msg...)
		}
		from := bytes.LastIndexAny(msg[:dot], " =/[('") + 1
		dst = append(append(dst, msg[:from]...), regionMark...)
		msg = msg[dot+34:]
	}
}

func allHex(b []byte) bool {
	for _, c := range b {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// count books the lines of one host.
func (g *Group) count() {
	if g.lines > 0 {
		g.files[g.where] += g.lines
		g.lines = 0
	}
}

// below reads a line under an entry: the class of an exception.
func (p *part) below(line []byte) {
	if p.current == nil || len(line) == 0 || line[0] == '\t' || len(p.current.exceptions) > 20 {
		return
	}
	text, _ := bytes.CutPrefix(line, []byte("Caused by: "))
	name, _, _ := bytes.Cut(text, []byte(":"))
	name = bytes.TrimSpace(name)
	if i := bytes.LastIndexByte(name, '.'); i > 0 && bytes.IndexByte(name, ' ') < 0 && (bytes.HasSuffix(name, []byte("Exception")) || bytes.HasSuffix(name, []byte("Error"))) {
		p.current.exceptions[string(name[i+1:])]++
	}
}

func cut(b []byte, n int) string {
	if len(b) > n {
		b = b[:n]
	}
	return strings.ToValidUTF8(string(b), "")
}

// encodedNames lists the encoded region names in a line.
func encodedNames(line []byte) []string {
	var out []string
	run := 0
	for i := 0; i <= len(line); i++ {
		if i < len(line) && (line[i] >= '0' && line[i] <= '9' || line[i] >= 'a' && line[i] <= 'f') {
			run++
			continue
		}
		if run == 32 {
			out = append(out, string(line[i-32:i]))
		}
		run = 0
	}
	return out
}

// join merges the parts: templates that the workers learnt apart become one.
func join(parts []*part, findings []check.Finding) *Patterns {
	out := &Patterns{Groups: []Group{}}
	first := parts[0].miner
	ids := make([][]int, len(parts)) // of each other part: its ids in the first
	for i, p := range parts {
		out.Lines += p.lines
		out.Entries += p.entries
		if i > 0 {
			ids[i] = first.Merge(p.miner)
		}
	}
	templates := first.Templates()
	all := map[string]*Group{}
	for i, p := range parts {
		for key, g := range p.groups {
			id := key.id
			if i > 0 {
				id = ids[i][id]
			}
			t := templates[first.Resolve(id)]
			g.ID, g.Template = t.ID, t.Text
			g.count()
			if o := all[t.ID+g.Level]; o != nil {
				o.merge(g)
			} else {
				all[t.ID+g.Level] = g
			}
		}
	}
	byRegion := map[string][]string{}
	for i := range findings {
		if f := &findings[i]; f.Region != "" {
			byRegion[f.Region] = append(byRegion[f.Region], f.ID)
		}
	}
	for _, g := range all {
		g.finish(byRegion)
		out.Groups = append(out.Groups, *g)
	}
	slices.SortFunc(out.Groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.ID+a.Level, b.ID+b.Level))
	})
	return out
}

// merge adds another group of the same template.
func (g *Group) merge(o *Group) {
	g.Count += o.Count
	add(g.files, o.files)
	add(g.hours, o.hours)
	add(g.exceptions, o.exceptions)
	maps.Copy(g.regions, o.regions)
	if o.First.Before(g.First) || o.First.Equal(g.First) && o.File < g.File {
		g.First, g.File, g.Line, g.Example, g.Logger = o.First, o.File, o.Line, o.Example, o.Logger
	}
	if o.Last.After(g.Last) {
		g.Last = o.Last
	}
}

func add[K comparable](to, from map[K]int64) {
	for k, n := range from {
		to[k] += n
	}
}

// finish writes out what was counted.
func (g *Group) finish(byRegion map[string][]string) {
	g.Hosts, g.Hours = g.files, make(map[string]int64, len(g.hours))
	for h, n := range g.hours {
		g.Hours[time.Unix(h*3600, 0).UTC().Format(time.RFC3339)] = n
	}
	g.Exceptions = slices.SortedFunc(maps.Keys(g.exceptions), func(a, b string) int {
		return cmp.Or(cmp.Compare(g.exceptions[b], g.exceptions[a]), strings.Compare(a, b))
	})
	for region := range g.regions {
		for _, id := range byRegion[region] {
			if !slices.Contains(g.Findings, id) && len(g.Findings) < maxFindings {
				g.Findings = append(g.Findings, id)
			}
		}
	}
	slices.Sort(g.Findings)
}
