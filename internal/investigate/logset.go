package investigate

import (
	"cmp"
	"context"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/template"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// logSet is the log lines of the window, grouped by service and pattern. While lines pass they are sorted by shape; seal joins the
// shapes that became one template.
type logSet struct {
	patterns []*pattern
	index    map[patternKey]*pattern
	miner    *template.Miner
	from, to int64
	lines    int
	cut      bool // there were more lines than maxLogs
	files    []string
	fileOf   map[string]uint16
	places   *trace.Symbols // pods and nodes
}

type patternKey struct {
	service string
	shape   int
}

// pattern is one template of one service's lines.
type pattern struct {
	service  string
	text     string // words with <*> for what varies
	severity int    // highest OTel severity number seen
	events   []event
	samples  []sample // the first ones, and all of a rare pattern
	cluster  bool     // lines of the cluster's own events
}

// event is one line.
type event struct {
	at   int64
	line int32
	file uint16
	pod  trace.Sym
	node trace.Sym
}

// sample is a line kept whole.
type sample struct {
	at            int64
	body, traceID string
	spanID        string
	file          string
	line          int64
	reason        string // k8s.event.reason
	object        string // deployment, pod or node the event is about
	pod, node     string
	version       string
}

const (
	maxSamplesKept = 12   // lines kept whole for each pattern
	maxClusterKept = 2000 // cluster events kept whole for each pattern
	maxBody        = 2000 // bytes of a line kept
	maxPatterns    = 20_000
)

func newLogSet() *logSet {
	return &logSet{index: map[patternKey]*pattern{}, miner: template.New(template.Config{}), fileOf: map[string]uint16{}, places: trace.NewSymbols()}
}

// logColumns are the columns read of each line, those that exist.
func logColumns() []string {
	return []string{
		"@timestamp", "serviceName", "severityNumber", "severityText", "body", "traceId", "spanId", "_file", "_line",
		"resource.attributes.k8s.pod.name", "resource.attributes.k8s.node.name", "resource.attributes.service.version",
		"attributes.k8s.event.reason", "attributes.k8s.deployment.name", "attributes.k8s.pod.name", "attributes.k8s.node.name",
		"resource.attributes.host.name",
	}
}

// load reads the lines of a window and sorts them into patterns as they pass.
func (l *logSet) load(ctx context.Context, eng engine.Engine, r timerange.Range) error {
	have, err := columnsOf(ctx, eng, "logs")
	if err != nil {
		return err
	}
	if trace.HasPlaces(ctx, eng, "logs") {
		have = append(have, "_file", "_line")
	}
	at := map[string]int{}
	var names []string
	for _, n := range logColumns() {
		at[n] = -1
		if slices.Contains(have, n) {
			at[n] = len(names)
			names = append(names, n)
		}
	}
	q := logQuery(names, r, "")
	get := func(row []any, n string) string {
		if i := at[n]; i >= 0 {
			s, _ := row[i].(string)
			return s
		}
		return ""
	}
	n := 0
	_, err = eng.Stream(ctx, q, engine.Limits{MaxRows: maxLogs + 1}, func(row []any) error {
		if n++; n > maxLogs {
			l.cut = true
			return nil
		}
		var when time.Time
		if i := at["@timestamp"]; i >= 0 {
			when, _ = row[i].(time.Time)
		}
		sev, line := int64(0), int64(0)
		if i := at["severityNumber"]; i >= 0 {
			sev, _ = row[i].(int64)
		}
		if i := at["_line"]; i >= 0 {
			line, _ = row[i].(int64)
		}
		if when.IsZero() {
			return nil
		}
		if sev == 0 {
			sev = int64(severityNumber(get(row, "severityText")))
		}
		s := sample{
			at: when.UnixNano(), body: get(row, "body"), traceID: get(row, "traceId"), spanID: get(row, "spanId"), file: get(row, "_file"), line: line,
			reason: get(row, "attributes.k8s.event.reason"), pod: get(row, "resource.attributes.k8s.pod.name"),
			node: get(row, "resource.attributes.k8s.node.name"), version: get(row, "resource.attributes.service.version"),
		}
		if s.node == "" {
			s.node = get(row, "resource.attributes.host.name")
		}
		for _, n := range []string{"attributes.k8s.deployment.name", "attributes.k8s.pod.name", "attributes.k8s.node.name"} {
			if s.object == "" {
				s.object = get(row, n)
			}
		}
		l.add(get(row, "serviceName"), int(sev), s)
		return nil
	})
	l.seal()
	return err
}

// columnsOf names the columns of a table by one row, without counting what is in them where the engine answers that.
func columnsOf(ctx context.Context, eng engine.Engine, table string) ([]string, error) {
	var out []string
	if res, err := eng.Query(ctx, "source="+table+" | head 1", engine.Limits{MaxRows: 1}); err == nil {
		for _, c := range res.Columns {
			out = append(out, c.Name)
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	fields, err := eng.Fields(ctx, table)
	for _, f := range fields {
		if f.Filled > 0 {
			out = append(out, f.Name)
		}
	}
	return out, err
}

// logQuery writes the PPL that reads log lines.
func logQuery(names []string, r timerange.Range, where string) string {
	q := "source=logs"
	if c := ppl.Within("@timestamp", r, where); c != "" {
		q += " | where " + c
	}
	return q + " | fields `" + strings.Join(names, "`, `") + "`"
}

func (l *logSet) add(service string, severity int, s sample) {
	if service == "" {
		service = strings.TrimSuffix(strings.TrimSuffix(filepath.Base(s.file), ".gz"), ".log")
	}
	l.lines++
	if l.from == 0 || s.at < l.from {
		l.from = s.at
	}
	l.to = max(l.to, s.at)
	k := patternKey{service, l.miner.Add(s.body)}
	p := l.index[k]
	if p == nil {
		if len(l.index) >= maxPatterns {
			return
		}
		p = &pattern{service: service, cluster: s.reason != "" || clusterService(service)}
		l.index[k] = p
	}
	p.severity = max(p.severity, severity)
	f, ok := l.fileOf[s.file]
	if !ok && len(l.files) < 1<<16-1 {
		f = uint16(len(l.files))
		l.files = append(l.files, s.file)
		l.fileOf[s.file] = f
	}
	p.events = append(p.events, event{s.at, int32(min(s.line, 1<<31-1)), f, l.places.Of(s.pod), l.places.Of(s.node)})
	if len(p.samples) < maxSamplesKept || p.cluster && len(p.samples) < maxClusterKept {
		if len(s.body) > maxBody {
			s.body = strings.ToValidUTF8(s.body[:maxBody], "")
		}
		p.samples = append(p.samples, s)
	}
}

// clusterService reports whether a service name is that of a collector of cluster events rather than of a program.
func clusterService(name string) bool {
	n := strings.ToLower(name)
	return strings.Contains(n, "kube-event") || strings.Contains(n, "k8s-event") || strings.Contains(n, "k8s_events") || strings.Contains(n, "event-exporter") || strings.Contains(n, "eventrouter")
}

// severityNumber maps a severity text to OTel's number, 0 when it says nothing.
func severityNumber(text string) int {
	t := strings.ToUpper(strings.TrimSpace(text))
	for _, s := range []struct {
		prefix string
		n      int
	}{{"TRACE", 1}, {"DEBUG", 5}, {"INFO", 9}, {"NOTICE", 10}, {"WARN", 13}, {"ERR", 17}, {"SEV", 17}, {"FATAL", 21}, {"CRIT", 21}, {"EMERG", 21}, {"ALERT", 21}, {"PANIC", 21}} {
		if strings.HasPrefix(t, s.prefix) {
			return s.n
		}
	}
	return 0
}

// Severities from which a pattern counts as a complaint or as an error.
const (
	severityWarn  = 13
	severityError = 17
)

// seal ends the load: shapes of one service that the miner sees as one template become one pattern.
func (l *logSet) seal() {
	templates := l.miner.Templates()
	joined := map[patternKey]*pattern{}
	keys := slices.SortedFunc(maps.Keys(l.index), func(a, b patternKey) int {
		return cmp.Or(cmp.Compare(a.service, b.service), cmp.Compare(a.shape, b.shape))
	})
	for _, k := range keys {
		p, t := l.index[k], l.miner.Resolve(k.shape)
		if t >= 0 && t < len(templates) {
			p.text = templates[t].Text
		}
		j := patternKey{k.service, t}
		if o := joined[j]; o != nil && t >= 0 {
			o.join(p)
			continue
		}
		joined[j] = p
		l.patterns = append(l.patterns, p)
	}
	for _, p := range l.patterns {
		slices.SortFunc(p.samples, func(a, b sample) int { return cmp.Compare(a.at, b.at) })
	}
	l.index, l.miner = nil, nil
}

// join adds the lines of another shape of the same template.
func (p *pattern) join(o *pattern) {
	p.events = append(p.events, o.events...)
	p.severity = max(p.severity, o.severity)
	p.cluster = p.cluster || o.cluster
	p.samples = append(p.samples, o.samples...)
	if len(p.samples) > 4*maxSamplesKept && !p.cluster {
		slices.SortFunc(p.samples, func(a, b sample) int { return cmp.Compare(a.at, b.at) })
		p.samples = p.samples[:4*maxSamplesKept]
	}
}
