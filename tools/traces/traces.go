// Package traces is the toolset of traces and incidents: traces_find, trace_show, services_map and incident_investigate.
// It turns calls into PPL and into calls of packages trace and investigate, and their answers into text.
package traces

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
	"github.com/plumbline-mcp/plumbline/internal/trace"
	"github.com/plumbline-mcp/plumbline/tools"
)

// Sources opens what a call names: a configured source or a path.
type Sources interface {
	Open(ctx context.Context, source string) (engine.Engine, error)
}

// Deps is what the toolset needs of its process.
type Deps struct {
	Sources  Sources
	Now      func() time.Time
	ReadFile func(name string) ([]byte, error) // reads alert files; os.ReadFile in the binary
	// WriteReport keeps a report under a name and answers where; nil when the process keeps no files.
	WriteReport func(name string, body []byte) (path string, err error)
}

// Tools lists the tools of the set.
func Tools(d Deps) []tools.Tool {
	return []tools.Tool{findTool(d), showTool(d), mapTool(d), investigateTool(d)}
}

const toolset = "traces"

// window reads start and end of a call.
func (d Deps) window(start, end string) (timerange.Range, error) {
	return timerange.Parse(start, end, d.Now())
}

// spans returns the facts of the spans table, or an error that says what the source has instead.
func spans(ctx context.Context, eng engine.Engine) (engine.Table, error) {
	tables, err := eng.Tables(ctx)
	if err != nil {
		return engine.Table{}, err
	}
	var names []string
	for _, t := range tables {
		if t.Name == trace.Table {
			return t, nil
		}
		names = append(names, t.Name)
	}
	return engine.Table{}, fault.WithHint(fault.New(fault.NotFound, "the source has no spans"), "Its tables are: %s.", strings.Join(names, ", "))
}

// Searched says what an answer is based on.
type Searched struct {
	Rows  int64     `json:"rows"`
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

func searched(t engine.Table) Searched { return Searched{t.Rows, t.Start.UTC(), t.End.UTC()} }

func (s Searched) write(w io.Writer) {
	fmt.Fprintf(w, "searched: %d spans, data from %s to %s\n", s.Rows, stamp(s.Start), stamp(s.End))
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// ms is a duration in milliseconds, rounded to the microsecond.
func ms(d time.Duration) float64 { return math.Round(float64(d)/1e3) / 1e3 }

// short writes milliseconds for people: 0.42ms, 31.6ms, 5.04s.
func short(v float64) string {
	switch {
	case math.Abs(v) >= 10_000:
		return fmt.Sprintf("%.1fs", v/1000)
	case math.Abs(v) >= 1000:
		return fmt.Sprintf("%.2fs", v/1000)
	case math.Abs(v) >= 10:
		return fmt.Sprintf("%.1fms", v)
	}
	return fmt.Sprintf("%.2fms", v)
}

// column finds the column that holds an attribute as people write it: bare, or with one of the tables' prefixes.
func column(fields []engine.Field, key string) (engine.Field, bool) {
	for _, name := range []string{key, "attributes." + key, "resource.attributes." + key} {
		for _, f := range fields {
			if f.Name == name {
				return f, true
			}
		}
	}
	return engine.Field{}, false
}

// equals writes the PPL condition that a column has a value as people write it.
func equals(f engine.Field, value string) string {
	v := ppl.Quote(value)
	if f.Type.Numeric() && timeless(value) || f.Type == "boolean" && (value == "true" || value == "false") {
		v = value
	}
	return "`" + f.Name + "` = " + v
}

func timeless(value string) bool {
	var f float64
	n, err := fmt.Sscanf(value, "%g", &f)
	return n == 1 && err == nil && !strings.ContainsAny(value, " :")
}

// inList writes the PPL condition that a column has one of the values.
func inList(name string, values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = ppl.Quote(v)
	}
	return "`" + name + "` in (" + strings.Join(quoted, ", ") + ")"
}

// open reads the range of a call and opens the spans of its source.
func (d Deps) open(ctx context.Context, source, start, end string) (engine.Engine, engine.Table, timerange.Range, error) {
	r, err := d.window(start, end)
	if err != nil {
		return nil, engine.Table{}, r, err
	}
	eng, err := d.Sources.Open(ctx, source)
	if err != nil {
		return nil, engine.Table{}, r, err
	}
	table, err := spans(ctx, eng)
	return eng, table, r, err
}
