package investigate

import (
	"time"

	"github.com/plumbline-mcp/plumbline/internal/finding"
)

// Report is the answer of an investigation.
type Report struct {
	Incident    bool        `json:"incident"` // false: nothing departs from its usual course
	Summary     string      `json:"summary"`
	Onset       *time.Time  `json:"onset,omitempty"` // UTC; when the trouble began
	Window      *Window     `json:"window,omitempty"`
	Baseline    *Window     `json:"baseline,omitempty"`
	Suspects    []Suspect   `json:"suspects"`
	RuledOut    []RuledOut  `json:"ruled_out"`
	BlastRadius BlastRadius `json:"blast_radius"`
	Confidence  Confidence  `json:"confidence"`
	NextStep    string      `json:"next_step"`
	Refute      string      `json:"refute,omitempty"` // one check that would refute the first suspect
	Facts       Facts       `json:"facts"`
	Notes       []string    `json:"notes,omitempty"`
	Steps       *Steps      `json:"steps,omitempty"`  // only when asked for
	Tables      []Table     `json:"tables,omitempty"` // only when asked for
}

// Window is a span of time, half-open, UTC.
type Window struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

// Suspect is one ranked hypothesis.
type Suspect struct {
	Rank       int                `json:"rank"`
	Service    string             `json:"service"`
	Component  string             `json:"component"` // the most specific thing to blame: a version, a pool, a host, a node, a tool
	Family     Family             `json:"family"`
	Score      float64            `json:"score"` // 0 to about 1, comparable within one report
	Onset      *time.Time         `json:"onset,omitempty"`
	Affected   int                `json:"affected"` // requests or messages spoiled beyond the baseline's rate
	Reasons    []string           `json:"reasons"`
	Attributes []Attribute        `json:"attributes"`
	Evidence   []finding.Evidence `json:"evidence"`
}

// Attribute is an attribute value that tells bad spans from good ones.
type Attribute struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// BlastRadius is who suffers.
type BlastRadius struct {
	Services   []string `json:"services"`             // with more failures or slowness than before
	Operations []string `json:"operations,omitempty"` // entry operations that suffer, worst first
	Regions    []string `json:"regions,omitempty"`
	Requests   int      `json:"requests"`        // spoiled
	Share      float64  `json:"share"`           // of the requests of the incident
	Users      int      `json:"users,omitempty"` // distinct, where spans say who
}

// Confidence says how sure the first suspect is and why.
type Confidence struct {
	Level  string  `json:"level"` // high, medium, low, none
	Value  float64 `json:"value"` // 0 to 1
	Reason string  `json:"reason"`
}

// Facts say what was looked at.
type Facts struct {
	Spans      int       `json:"spans"`
	Traces     int       `json:"traces"`
	Logs       int       `json:"logs"`
	Series     int       `json:"series"`
	Services   int       `json:"services"`
	Start      time.Time `json:"start"`
	End        time.Time `json:"end"`
	Duplicates int       `json:"duplicate_spans,omitempty"`
}

// Steps are the tables of the single steps, for a reader who wants to see the arithmetic.
type Steps struct {
	Tracks   []TrackRow   `json:"tracks"`   // departures that voted for the onset
	RED      []REDRow     `json:"red"`      // rate, errors, duration by service and operation, baseline against incident
	Patterns []PatternRow `json:"patterns"` // log patterns new, gone, risen, fallen
	Changes  []ChangeRow  `json:"changes"`  // change feed around the onset
	Metrics  []MetricRow  `json:"metrics"`  // series that moved
	Blame    []BlameRow   `json:"blame"`    // what was laid where
}

// TrackRow is one departure of a series from its course.
type TrackRow struct {
	Kind    string    `json:"kind"`
	Service string    `json:"service"`
	Label   string    `json:"label"`
	Start   time.Time `json:"start"`
	End     time.Time `json:"end"`
	Inside  float64   `json:"inside"`
	Outside float64   `json:"outside"`
	LLR     float64   `json:"llr"`
}

// REDRow compares one service's operation.
type REDRow struct {
	Service    string  `json:"service"`
	Operation  string  `json:"operation"`
	Kind       string  `json:"kind"`
	Calls      int     `json:"calls"`
	CallsBase  int     `json:"calls_base"`
	ErrorPct   float64 `json:"error_pct"`
	ErrorBase  float64 `json:"error_pct_base"`
	P50MS      float64 `json:"p50_ms"`
	P50Base    float64 `json:"p50_ms_base"`
	P95MS      float64 `json:"p95_ms"`
	P95Base    float64 `json:"p95_ms_base"`
	Q          float64 `json:"q"` // false-discovery rate of the strongest difference
	Silent     bool    `json:"silent,omitempty"`
	Difference string  `json:"difference"` // errors, slower, faster, silent
}

// PatternRow is one log pattern's difference.
type PatternRow struct {
	Service  string `json:"service"`
	Change   string `json:"change"`
	Count    int    `json:"count"`
	Base     int    `json:"base"`
	Severity int    `json:"severity"`
	Pattern  string `json:"pattern"`
}

// ChangeRow is one entry of the change feed.
type ChangeRow struct {
	Time    time.Time `json:"time"`
	Kind    string    `json:"kind"`
	Service string    `json:"service,omitempty"`
	Text    string    `json:"text"`
	File    string    `json:"file,omitempty"`
	Line    int64     `json:"line,omitempty"`
}

// MetricRow is one series that moved.
type MetricRow struct {
	Series string     `json:"series"`
	Kind   string     `json:"kind"`
	Before float64    `json:"before"`
	After  float64    `json:"after"`
	Z      float64    `json:"z"`
	Onset  *time.Time `json:"onset,omitempty"`
}

// BlameRow is what was laid upon one place.
type BlameRow struct {
	Service string  `json:"service"`
	Target  string  `json:"target,omitempty"`
	Errors  float64 `json:"errors"`
	Slow    float64 `json:"slow"`
	More    float64 `json:"more"`
	Silent  float64 `json:"silent"`
	ExtraMS float64 `json:"extra_ms"`
}
