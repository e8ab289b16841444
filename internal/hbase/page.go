package hbase

import (
	"encoding/json"
	"html"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// maxPage bounds the master's report: a page of 100,000 rows is some 60 MB.
const maxPage = 128 << 20

var (
	pageTag     = regexp.MustCompile(`(?is)<(h[12]|tr|td|th)\b[^>]*>|</(h[12]|tr|td|th|table)>`)
	pageStrip   = regexp.MustCompile(`<[^>]*>`)
	pageChore   = regexp.MustCompile(`Checking started at (\S+?Z?) and`)
	pageJanitor = regexp.MustCompile(`Report created: (\S+?) \(now`)
)

// readPage reads the HBCK Report page of a master.
func readPage(r io.Reader, a *Artefact) (*Page, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxPage+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxPage {
		return nil, fault.New(fault.TooLarge, "read %s: over %d bytes", a.Files[0], maxPage)
	}
	a.Bytes = int64(len(raw))
	text := string(raw)
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		return readPageJSON(raw, a)
	}
	p := &Page{File: a.Files[0]}
	if !strings.Contains(text, "HBCK") {
		a.Verdict, a.Why = Absent, "not the master's HBCK Report page"
		return nil, nil //nolint:nilnil // absent is no failure
	}
	a.Verdict = Complete
	if !strings.Contains(text, "</html>") {
		a.Verdict, a.Why = Partial, "the page is cut"
	}
	p.Chore, p.Janitor = pageTime(pageChore, text), pageTime(pageJanitor, text)
	if p.Chore.IsZero() && p.Janitor.IsZero() {
		a.Verdict, a.Why = Partial, "neither inspection of the master had run when the page was taken"
	}
	p.scan(text)
	return p, nil
}

func pageTime(re *regexp.Regexp, text string) time.Time {
	m := re.FindStringSubmatch(text)
	if m == nil {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, m[1])
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// pageRow is a row of a table as it is gathered.
type pageRow struct {
	cells []string // text
	raw   []string // markup
	at    At
}

// scan walks the headings, rows and cells.
func (p *Page) scan(text string) {
	var section string
	var row *pageRow
	open := -1
	lines := lineCounter{text: text}
	for _, m := range pageTag.FindAllStringSubmatchIndex(text, -1) {
		tag := strings.ToLower(text[m[0]:m[1]])
		switch {
		case strings.HasPrefix(tag, "<h"), strings.HasPrefix(tag, "<td"):
			open = m[1]
		case strings.HasPrefix(tag, "</h") && open >= 0:
			section = sectionOf(plainText(text[open:m[0]]))
		case strings.HasPrefix(tag, "<tr"):
			row = &pageRow{at: lines.at(m[0])}
		case strings.HasPrefix(tag, "</td") && row != nil && open >= 0:
			row.cells, row.raw = append(row.cells, plainText(text[open:m[0]])), append(row.raw, text[open:m[0]])
			if len(row.cells) == 1 {
				row.at = lines.at(open)
			}
		case strings.HasPrefix(tag, "</tr") && row != nil:
			if e, ok := row.entry(section); ok && len(p.Entries) < maxErrors {
				p.Entries = append(p.Entries, e)
			}
			row = nil
		}
	}
}

// lineCounter turns growing offsets into places.
type lineCounter struct {
	text  string
	off   int
	line  int
	start int
}

func (c *lineCounter) at(off int) At {
	for {
		i := strings.IndexByte(c.text[c.off:off], '\n')
		if i < 0 {
			return At{Line: c.line + 1, Offset: int64(c.start)}
		}
		c.off += i + 1
		c.line++
		c.start = c.off
	}
}

func plainText(markup string) string {
	return strings.Join(strings.Fields(html.UnescapeString(pageStrip.ReplaceAllString(markup, " "))), " ")
}

// sectionOf names a section by its heading: the headings of some versions differ in a word.
func sectionOf(heading string) string {
	h := strings.ToLower(heading)
	switch {
	case strings.Contains(h, "inconsistent region"):
		return PageInconsistent
	case strings.Contains(h, "orphan") && strings.Contains(h, "filesystem"):
		return PageOrphanFS
	case strings.Contains(h, "orphan"):
		return PageOrphanRS
	case strings.HasPrefix(h, "hole"):
		return PageHoles
	case strings.HasPrefix(h, "overlap"):
		return PageOverlaps
	case strings.Contains(h, "unknown server"):
		return PageUnknown
	case strings.Contains(h, "empty"):
		return PageEmpty
	}
	return ""
}

func (r *pageRow) entry(section string) (PageEntry, bool) {
	if section == "" || len(r.cells) == 0 || r.cells[0] == "" {
		return PageEntry{}, false
	}
	e := PageEntry{Section: section, At: r.at}
	cell := func(i int) string {
		if i < len(r.cells) && r.cells[i] != "null" {
			return r.cells[i]
		}
		return ""
	}
	switch section {
	case PageInconsistent:
		e.Region, e.Server = cell(0), cell(1)
		e.Servers = hbckServers.FindAllString(cell(2), -1)
	case PageOrphanRS:
		e.Region, e.Server = cell(0), cell(1)
	case PageOrphanFS:
		e.Region, e.Path = cell(0), cell(1)
	case PageHoles, PageOverlaps:
		e.Region, e.Other = cell(0), cell(1)
		e.Merged = strings.Contains(strings.Join(r.raw, ""), "blue")
	case PageUnknown:
		e.Region, e.Server = cell(0), cell(1)
		if hbckServers.MatchString(e.Region) && !hbckServers.MatchString(e.Server) {
			e.Region, e.Server = e.Server, e.Region
		}
	case PageEmpty:
		e.Region = cell(0)
	}
	return e, true
}

// readPageJSON reads /hbck/hbck-metrics. Its members are lists of objects; regions and servers are found in them by form, as
// the names of the members differ between versions.
func readPageJSON(raw []byte, a *Artefact) (*Page, error) {
	var tree map[string]any
	if err := json.Unmarshal(raw, &tree); err != nil {
		a.Verdict, a.Why = Partial, "the JSON is cut or broken: "+err.Error()
		return &Page{File: a.Files[0]}, nil //nolint:nilerr // the verdict says it
	}
	p := &Page{File: a.Files[0]}
	a.Verdict = Complete
	for key, value := range tree {
		if n, ok := value.(float64); ok && n > 0 && strings.Contains(strings.ToLower(key), "end") {
			p.Chore = time.UnixMilli(int64(n)).UTC()
			p.Janitor = p.Chore
		}
		list, ok := value.([]any)
		if section := jsonSection(key); ok && section != "" {
			for _, item := range list {
				p.Entries = append(p.Entries, jsonEntry(section, item))
			}
		}
	}
	slices.SortStableFunc(p.Entries, func(x, y PageEntry) int { return strings.Compare(x.Section+x.Region, y.Section+y.Region) })
	return p, nil
}

func jsonSection(key string) string {
	k := strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(key))
	switch {
	case strings.Contains(k, "orphan") && strings.Contains(k, "fs"):
		return PageOrphanFS
	case strings.Contains(k, "orphan"):
		return PageOrphanRS
	case strings.Contains(k, "inconsistent"):
		return PageInconsistent
	case strings.Contains(k, "hole"):
		return PageHoles
	case strings.Contains(k, "overlap"):
		return PageOverlaps
	case strings.Contains(k, "unknown"):
		return PageUnknown
	case strings.Contains(k, "empty"):
		return PageEmpty
	}
	return ""
}

func jsonEntry(section string, item any) PageEntry {
	e := PageEntry{Section: section, At: At{Line: 1}}
	var regions, servers []string
	walkJSON("", item, func(key, text string) {
		switch {
		case strings.Contains(key, "path"):
			e.Path = text
		case EncodedOf(text) != "" || section == PageEmpty || section == PageOrphanFS && e.Region == "":
			if e.Region == "" || section == PageHoles || section == PageOverlaps {
				e.Region = text
			}
			regions = append(regions, text)
		case hbckServers.MatchString(text):
			servers = append(servers, text)
		}
	})
	if len(regions) > 0 {
		e.Region = fullName(regions[:min(len(regions), max(1, len(regions)/2))])
		if section == PageHoles || section == PageOverlaps {
			e.Other = fullName(regions[len(regions)/2:])
		}
	}
	if len(servers) > 0 {
		e.Server = servers[0]
		e.Servers = servers[1:]
	}
	return e
}

// fullName prefers a full region name to an encoded one.
func fullName(names []string) string {
	for _, n := range names {
		if strings.Contains(n, ",") {
			return n
		}
	}
	return names[0]
}

// walkJSON visits the texts of a value in the order of their names; an object of host, port and start code is one server.
func walkJSON(key string, v any, visit func(key, text string)) {
	switch v := v.(type) {
	case string:
		visit(key, v)
	case []any:
		for _, x := range v {
			walkJSON(key, x, visit)
		}
	case map[string]any:
		if sn, ok := jsonServer(v); ok {
			visit(key, sn)
			return
		}
		names := make([]string, 0, len(v))
		for k := range v {
			names = append(names, k)
		}
		slices.Sort(names)
		for _, k := range names {
			walkJSON(strings.ToLower(k), v[k], visit)
		}
	}
}

func jsonServer(v map[string]any) (string, bool) {
	var host string
	var port, code int64
	for k, x := range v {
		switch x := x.(type) {
		case string:
			if strings.Contains(strings.ToLower(k), "host") {
				host = x
			}
		case float64:
			if strings.Contains(strings.ToLower(k), "port") {
				port = int64(x)
			} else {
				code = int64(x)
			}
		}
	}
	return host + "," + strconv.FormatInt(port, 10) + "," + strconv.FormatInt(code, 10), host != "" && port > 0 && code > 0
}
