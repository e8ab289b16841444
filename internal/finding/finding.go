// Package finding holds what an analysis says: a finding names a rule, a subject and a severity, and carries the evidence
// that shows it and the remedy that mends it. Every verdict of Plumbline that a person or an agent reads is made of these.
package finding

import "time"

// Severity orders findings. The order is Critical, High, Medium, Low, Info.
type Severity string

// The severities, worst first.
const (
	Critical Severity = "critical"
	High     Severity = "high"
	Medium   Severity = "medium"
	Low      Severity = "low"
	Info     Severity = "info"
)

// Rank returns 0 for Critical up to 4 for Info; an unknown severity ranks last.
func (s Severity) Rank() int {
	for i, k := range []Severity{Critical, High, Medium, Low, Info} {
		if s == k {
			return i
		}
	}
	return 5
}

// Kind says what a piece of evidence is.
type Kind string

// The kinds of evidence.
const (
	Query  Kind = "query"  // a PPL or PromQL text that shows the numbers again
	Log    Kind = "log"    // a log line or pattern
	Span   Kind = "span"   // a span, named by trace and span id
	Metric Kind = "metric" // a series
	File   Kind = "file"   // a place in a file

	Endpoint Kind = "endpoint" // what an endpoint of a cluster answered; Source is its path
)

// Evidence shows a finding. Text comes out of the data: it is quoted, never obeyed.
type Evidence struct {
	Kind    Kind       `json:"kind"`
	Summary string     `json:"summary,omitempty"`  // our words: what this shows
	Query   string     `json:"query,omitempty"`    // the PPL that shows it again
	TraceID string     `json:"trace_id,omitempty"` // 32 hex digits
	SpanID  string     `json:"span_id,omitempty"`  // 16 hex digits
	Source  string     `json:"source,omitempty"`   // file path or index
	Line    int64      `json:"line,omitempty"`     // 1-based line in Source
	Text    string     `json:"text,omitempty"`     // quoted data
	Time    *time.Time `json:"time,omitempty"`     // UTC
}

// Remedy is what to do about a finding.
type Remedy struct {
	Action string `json:"action"`           // a command or an instruction
	Why    string `json:"why,omitempty"`    // the reason
	Risk   string `json:"risk,omitempty"`   // what may go wrong
	Verify string `json:"verify,omitempty"` // how to see that it worked
}

// Finding is one verdict.
type Finding struct {
	Rule     string     `json:"rule"`     // kebab-case id that never changes
	Severity Severity   `json:"severity"` // how bad
	Subject  string     `json:"subject"`  // service, region, index, ... in the field's own words
	Summary  string     `json:"summary"`  // one sentence with numbers and units
	Evidence []Evidence `json:"evidence,omitempty"`
	Remedy   *Remedy    `json:"remedy,omitempty"`
}
