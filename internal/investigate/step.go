package investigate

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/finding"
)

// Step names one step of the investigation whose table can be asked for.
type Step string

// The steps, in the order in which they are taken.
const (
	StepWindows      Step = "windows"
	StepRED          Step = "red"
	StepAbsence      Step = "absence"
	StepPatterns     Step = "patterns"
	StepRare         Step = "rare"
	StepChanges      Step = "changes"
	StepBlame        Step = "blame"
	StepCriticalPath Step = "critical_path"
	StepAttributes   Step = "attributes"
	StepCommonFactor Step = "common_factor"
	StepMetrics      Step = "metrics"
	StepHygiene      Step = "hygiene"
	StepExemplars    Step = "exemplars"
	StepHypotheses   Step = "hypotheses"
	StepRuledOut     Step = "ruled_out"
	StepBlastRadius  Step = "blast_radius"
)

// StepNames lists every step.
func StepNames() []string {
	return []string{
		string(StepWindows), string(StepRED), string(StepAbsence), string(StepPatterns), string(StepRare), string(StepChanges), string(StepBlame),
		string(StepCriticalPath), string(StepAttributes), string(StepCommonFactor), string(StepMetrics), string(StepHygiene), string(StepExemplars),
		string(StepHypotheses), string(StepRuledOut), string(StepBlastRadius),
	}
}

// Table is the outcome of one step. Cells are text; a column's name carries its unit (_ms, _pct, times in RFC 3339 UTC).
type Table struct {
	Step    Step       `json:"step"`
	Method  string     `json:"method"` // how the numbers were made and after whom
	Columns []string   `json:"columns"`
	Rows    [][]string `json:"rows"`
	Cut     int        `json:"cut,omitempty"` // rows left out, the weakest
}

// Rows of a table: of one that was asked for alone, and of each when all are shown.
const (
	maxTableRows = 25
	maxDigest    = 5
)

// tables builds the tables that the request asks for: one step's, or a digest of every step's.
func (q *inquiry) tables(rep *Report, list []*suspect, cl *clues) []Table {
	if q.req.step == "" && !q.req.detail {
		return nil
	}
	var out []Table
	for _, name := range StepNames() {
		s := Step(name)
		if q.req.step != "" && q.req.step != s {
			continue
		}
		t := q.table(s, rep, list, cl)
		t.Step = s
		limit := maxTableRows
		if q.req.step == "" {
			limit = maxDigest
		}
		if t.Rows == nil {
			t.Rows = [][]string{}
		}
		if n := len(t.Rows); n > limit {
			t.Rows, t.Cut = t.Rows[:limit], n-limit
		}
		out = append(out, t)
	}
	return out
}

func (q *inquiry) table(s Step, rep *Report, list []*suspect, cl *clues) Table {
	switch s {
	case StepWindows:
		return q.windowsTable()
	case StepRED:
		return q.redTable()
	case StepAbsence:
		return q.absenceTable()
	case StepPatterns:
		return q.patternsTable(cl)
	case StepRare:
		return q.rareTable()
	case StepChanges:
		return q.changesTable(cl)
	case StepBlame:
		return q.blameTable(cl)
	case StepCriticalPath:
		return q.criticalPathTable(cl)
	case StepAttributes:
		return q.attributesTable(list)
	case StepCommonFactor:
		return q.commonFactorTable(cl)
	case StepMetrics:
		return q.metricsTable(list, cl)
	case StepHygiene:
		return q.hygieneTable(cl)
	case StepExemplars:
		return q.exemplarsTable(list, cl)
	case StepHypotheses:
		return q.hypothesesTable(list)
	case StepRuledOut:
		return ruledOutTable(rep)
	case StepBlastRadius:
		return q.blastTable(list, cl)
	}
	return Table{}
}

func (q *inquiry) windowsTable() Table {
	t := Table{
		Method:  "scan statistic (Kulldorff 1997) of each service's failures, slow and missing spans, calls and log patterns; the bin where most departures begin is the onset",
		Columns: []string{"what", "service", "label", "start", "end", "rate_inside", "rate_outside", "log_likelihood_ratio"},
	}
	t.Rows = append(
		t.Rows,
		[]string{"incident", "", "onset " + stampNS(q.win.onset), stampNS(q.win.from), stampNS(q.win.to), "", "", number3(q.win.strength)},
		[]string{"baseline", "", "", stampNS(q.win.baseFrom), stampNS(q.win.baseTo), "", "", ""},
	)
	for _, d := range q.tracks {
		t.Rows = append(t.Rows, []string{d.kind, d.service, clipText(d.label, maxCell), stampNS(q.clock.time(d.from)), stampNS(q.clock.time(d.to)), number3(d.in), number3(d.out), number3(d.llr)})
	}
	return t
}

// maxCell bounds a cell that quotes data.
const maxCell = 120

func (q *inquiry) redTable() Table {
	t := Table{
		Method:  "per service and operation: two-proportion z or Fisher's exact test (n < 30) of failures, Mann-Whitney of durations, G-test of calls a trace; Benjamini-Hochberg over all (q)",
		Columns: []string{"service", "operation", "kind", "difference", "calls", "calls_base", "error_pct", "error_pct_base", "p50_ms", "p50_ms_base", "p95_ms", "p95_ms_base", "q"},
	}
	for _, r := range q.red() {
		t.Rows = append(t.Rows, []string{
			r.Service, r.Operation, r.Kind, r.Difference, strconv.Itoa(r.Calls), strconv.Itoa(r.CallsBase), number3(r.ErrorPct), number3(r.ErrorBase),
			number3(r.P50MS), number3(r.P50Base), number3(r.P95MS), number3(r.P95Base), number3(r.Q),
		})
	}
	return t
}

func (q *inquiry) patternsTable(cl *clues) Table {
	t := Table{
		Method:  "templates of each service's lines, their counts by the G-test scaled by the windows' lengths (Dunning 1993), Benjamini-Hochberg over all (q)",
		Columns: []string{"service", "change", "count", "count_base", "severity", "means", "q", "first", "pattern"},
	}
	for _, p := range cl.patterns {
		first := ""
		if p.first != 0 {
			first = stampNS(p.first)
		}
		t.Rows = append(t.Rows, []string{p.service, p.kind(q.win.ratio()), strconv.Itoa(p.inc), strconv.Itoa(p.base), strconv.Itoa(p.severity), string(p.means), number3(p.q), first, clipText(p.text, maxQuoted)})
	}
	return t
}

func (q *inquiry) changesTable(cl *clues) Table {
	t := Table{
		Method:  "cluster events, one-off lines and versions new in the spans; rank = closeness to the onset x reachability to the services that suffer in the call graph",
		Columns: []string{"time", "kind", "service", "before_onset", "closeness", "reach", "rank", "text", "place"},
	}
	for _, c := range q.feed(cl) {
		t.Rows = append(t.Rows, []string{
			stampNS(c.at), string(c.kind), c.service, duration(float64(q.win.onset - c.at)), number3(q.closenessTo(c.change, 0)), c.how, number3(c.rank), clipText(c.text, maxQuoted), placeOfLine(c.file, c.line),
		})
	}
	return t
}

func placeOfLine(file string, line int64) string {
	if file == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", file, line)
}

func (q *inquiry) blameTable(cl *clues) Table {
	t := Table{
		Method:  "an error span without a failed child is an origin; a failed call without an answering span is laid upon the callee; expected = by the baseline's rate, class by class; G = log-likelihood ratio; page_rank over the failing calls (MonitorRank, MicroRank)",
		Columns: []string{"service", "target", "failed", "expected", "slow", "more_calls", "silent", "unanswered", "extra_ms", "g", "page_rank"},
	}
	pr := q.pageRank(cl)
	for _, c := range cl.culprits {
		t.Rows = append(t.Rows, []string{
			q.text(c.service), q.text(c.target), number3(c.errors.inc), number3(c.errors.expected), number3(c.slow.over()), number3(c.more.over()), number3(c.silent.over()),
			strconv.Itoa(c.cutOff), number3(c.extraNS / 1e6), number3(max(c.errors.g(), c.slow.g(), c.silent.g(), c.soft.g(), c.more.g())), number3(pr[c.service]),
		})
	}
	return t
}

func (q *inquiry) hypothesesTable(list []*suspect) Table {
	t := Table{
		Method:  "score = root of the share of spoiled requests x support of the best family x fit to alert and time; refute = the check that would refute it",
		Columns: []string{"rank", "service", "component", "family", "score", "requests", "points", "next_families", "onset", "refute"},
	}
	for i, s := range list {
		_, refute := q.nextStep(s)
		onset := ""
		if s.onset != 0 {
			onset = stampNS(s.onset)
		}
		t.Rows = append(t.Rows, []string{
			strconv.Itoa(i + 1), s.name, s.component, string(s.family), number3(s.score), number3(s.impact), number3(s.points[s.family]), s.otherFamilies(), onset, refute,
		})
	}
	return t
}

// otherFamilies names the two families that come next with their points.
func (s *suspect) otherFamilies() string {
	var fs []Family
	for _, f := range Families() {
		if f != s.family && s.points[f] > 0 {
			fs = append(fs, f)
		}
	}
	slices.SortStableFunc(fs, func(a, b Family) int { return int(math.Copysign(1, s.points[b]-s.points[a])) })
	var out []string
	for _, f := range fs[:min(len(fs), 2)] {
		out = append(out, fmt.Sprintf("%s %.1f", f, s.points[f]))
	}
	return strings.Join(out, ", ")
}

func ruledOutTable(rep *Report) Table {
	t := Table{Method: "what departs or changed near the onset and yet explains none of the spoiled requests", Columns: []string{"subject", "kind", "reason"}}
	for _, r := range rep.RuledOut {
		t.Rows = append(t.Rows, []string{r.Subject, r.Kind, r.Reason})
	}
	return t
}

func (q *inquiry) exemplarsTable(list []*suspect, cl *clues) Table {
	t := Table{
		Method:  "earliest, median and slowest bad trace of each suspect; twin = the last healthy request of the same route before the onset; difference = spans missing and added, own time on the critical path",
		Columns: []string{"suspect", "which", "trace", "span", "twin", "difference"},
	}
	for i, s := range list[:min(len(list), maxShown)] {
		for _, x := range q.exemplarsOf(s, cl) {
			sp := &q.spans.Spans[x.bad.span]
			twin := ""
			if x.twin >= 0 {
				twin = q.spans.TraceID(&q.spans.Spans[cl.js.jobs[x.twin].root])
			}
			ev := q.spanEvidence(x.bad, x.what, x.twin, cl)
			t.Rows = append(t.Rows, []string{strconv.Itoa(i + 1), x.what, q.spans.TraceID(sp), q.spans.SpanID(sp.ID), twin, ev.Summary})
		}
	}
	return t
}

// number3 writes a number with three digits that count.
func number3(f float64) string {
	if f != 0 && math.Abs(f) < 1e-4 {
		return strconv.FormatFloat(f, 'e', 1, 64)
	}
	if math.Abs(f) >= 1000 {
		return strconv.FormatFloat(math.Round(f), 'f', -1, 64)
	}
	return strconv.FormatFloat(f, 'g', 3, 64)
}

// EvidenceIDs lists what a reader may ask for again: the trace ids of the exemplars and the queries, in order, each once.
func (s *Suspect) EvidenceIDs() []string {
	var out []string
	for _, e := range s.Evidence {
		switch e.Kind {
		case finding.Span:
			out = append(out, e.TraceID)
		case finding.Query, finding.Metric:
			out = append(out, e.Query)
		case finding.Log, finding.File:
			out = append(out, placeOfLine(e.Source, e.Line))
		case finding.Endpoint: // an investigation asks none
		}
	}
	return unique(slices.DeleteFunc(out, func(s string) bool { return s == "" }))
}

// since writes how long ago in whole seconds a point lies before another, negative when it lies after.
func since(at, onset int64) string {
	if at == 0 || onset == 0 {
		return ""
	}
	return strconv.FormatInt(int64(math.Round(float64(onset-at)/float64(time.Second))), 10)
}
