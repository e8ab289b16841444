package investigate

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// change is something that was changed or happened once: a candidate cause, or a distractor.
type change struct {
	at      int64
	kind    changeKind
	service string // the service it concerns, "" unknown
	node    string
	pod     string
	text    string
	name    string // flag, setting, template, tool, image
	version string
	file    string
	line    int64
	count   int // lines that tell of it
}

// Where changes are looked for around the onset.
const (
	changeBefore = 20 * time.Minute
	changeAfter  = 3 * time.Minute
	// maxRare is how many lines a pattern may have in all and still be a one-off; every pod of a service may write one.
	maxRare = 12
	// maxChanges bounds the feed.
	maxChanges = 60
)

// changes is the change feed around the onset: cluster events, one-off lines of any severity, and versions that appear in the
// spans; nearest to the onset first.
func (q *inquiry) changes() []change {
	from, to := q.win.onset-changeBefore.Nanoseconds(), q.win.onset+changeAfter.Nanoseconds()
	services := q.serviceNames()
	var out []change
	for _, p := range q.logs.patterns {
		if !p.cluster && len(p.events) > maxRare && (len(p.events) >= 4*maxRare || !q.mostly(p, from, to)) {
			continue
		}
		if !p.cluster && p.severity >= severityError {
			continue // an error is a symptom
		}
		for _, s := range p.samples {
			if s.at < from || s.at >= to || s.traceID != "" && !p.cluster { // what belongs to a request changes nothing
				continue
			}
			c := describe(p, s, services)
			if c.kind == changeOther && (p.cluster || p.severity >= severityWarn) {
				continue
			}
			out = append(out, c)
		}
	}
	out = append(out, q.newVersions(from, to)...)
	out = merge(out)
	slices.SortStableFunc(out, func(a, b change) int { return cmp.Compare(q.distance(a), q.distance(b)) })
	return out[:min(len(out), maxChanges)]
}

// mostly reports whether nearly all lines of a pattern fall into the window.
func (q *inquiry) mostly(p *pattern, from, to int64) bool {
	n := 0
	for _, e := range p.events {
		if e.at >= from && e.at < to {
			n++
		}
	}
	return n*10 >= 9*len(p.events)
}

// distance is how far a change lies from the onset; after it counts double.
func (q *inquiry) distance(c change) int64 {
	if d := q.win.onset - c.at; d >= 0 {
		return d
	}
	return 2 * (c.at - q.win.onset)
}

var (
	imageWords   = regexp.MustCompile(`([A-Za-z0-9][\w.\-/]*?)([\w.\-]+):(v?\d[\w.\-]*)`)
	versionWords = regexp.MustCompile(`(?i)\bversion[= ]+v?(\d[\w.\-]*)`)
	quotedWord   = regexp.MustCompile(`["'` + "`" + `]([\w.\-/]{2,60})["'` + "`" + `]`)
)

// describe reads a line as a change: what kind, which service, which name and version.
func describe(p *pattern, s sample, services []string) change {
	c := change{at: s.at, kind: changeOf(s.reason + " " + s.body), text: s.body, node: s.node, pod: s.pod, file: s.file, line: s.line, count: 1}
	pairs := pairsOf(s.body)
	if p.cluster {
		c.service = serviceIn(s.object+" "+s.body, services)
		if strings.Contains(s.object, ".") || strings.HasPrefix(s.object, "ip-") {
			c.node = cmp.Or(c.node, s.object)
		}
		if c.kind == changeRollout || c.kind == changeOther {
			if m := imageWords.FindStringSubmatch(s.body); m != nil && strings.Contains(s.body, "/") {
				c.version = m[3]
			}
		}
	} else {
		c.service = p.service
	}
	if m := versionWords.FindStringSubmatch(s.body); m != nil {
		c.version = cmp.Or(c.version, m[1])
	}
	c.version = cmp.Or(c.version, value(pairs, "version", "revision"))
	c.name = value(pairs, "name", "flag", "feature", "flag_key", "key", "changed", "template", "setting", "config", "experiment", "tool", "changes", "file")
	if c.name == "" {
		if m := quotedWord.FindStringSubmatch(s.body); m != nil && m[1] != c.service {
			c.name = m[1]
		}
	}
	return c
}

// serviceIn finds the service a cluster event speaks of: the longest service name that stands in the text as a word.
func serviceIn(text string, services []string) string {
	best := ""
	for _, s := range services {
		if len(s) <= len(best) {
			continue
		}
		for i := strings.Index(text, s); i >= 0; {
			end := i + len(s)
			if (i == 0 || !nameByte(text[i-1])) && (end == len(text) || !nameByte(text[end]) || text[end] == '-') {
				best = s
				break
			}
			j := strings.Index(text[end:], s)
			if j < 0 {
				break
			}
			i = end + j
		}
	}
	return best
}

func nameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}

// newVersions finds services whose spans begin to carry a version that was not there before.
func (q *inquiry) newVersions(from, to int64) []change {
	type key struct{ service, version trace.Sym }
	first := map[key]int64{}
	for i := range q.spans.Spans {
		sp := &q.spans.Spans[i]
		v := q.spans.Res(sp).Version
		if v == 0 {
			continue
		}
		k := key{sp.Service, v}
		at := sp.Start - sp.Shift
		if t, ok := first[k]; !ok || at < t {
			first[k] = at
		}
	}
	var out []change
	for k, at := range first {
		if at >= from && at < to && at > q.start+(q.end-q.start)/20 {
			out = append(out, change{at: at, kind: changeRollout, service: q.text(k.service), version: q.text(k.version), text: "spans of " + q.text(k.service) + " carry version " + q.text(k.version) + " from here on", count: 1})
		}
	}
	slices.SortFunc(out, func(a, b change) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.service, b.service)) })
	return out
}

// merge puts the lines that tell of one change together: same kind, service, name and version; the earliest stands for all.
func merge(in []change) []change {
	slices.SortStableFunc(in, func(a, b change) int { return cmp.Compare(a.at, b.at) })
	type key struct {
		kind                         changeKind
		service, name, version, text string
	}
	at := map[key]int{}
	var out []change
	for _, c := range in {
		k := key{kind: c.kind, service: c.service, name: c.name, version: c.version}
		if c.kind == changeRollout || c.kind == changeRestart || c.kind == changeOOM {
			k.name = ""
			if c.kind == changeRollout {
				k.version = ""
			}
		} else if c.name == "" {
			k.text = c.text
		}
		if i, ok := at[k]; ok {
			out[i].count += c.count
			out[i].version = cmp.Or(out[i].version, c.version)
			if out[i].line == 0 {
				out[i].file, out[i].line = c.file, c.line
			}
			continue
		}
		at[k] = len(out)
		out = append(out, c)
	}
	return out
}
