package hbase

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/hbase"
	"github.com/plumbline-mcp/plumbline/internal/hbase/check"
	"github.com/plumbline-mcp/plumbline/internal/hbase/logs"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
	"github.com/plumbline-mcp/plumbline/tools"
)

const (
	defaultGroups = 20
	maxGroups     = 500
	templateChars = 200
)

// logLevel is the least level that is looked at.
type logLevel string

// Enum lists the levels.
func (logLevel) Enum() []string { return []string{"WARN", "ERROR", "INFO", "all"} }

type logsInput struct {
	Bundle string   `json:"bundle" jsonschema:"directory, .tar.gz, .zip or s3:// of a bundle"`
	Query  string   `json:"query,omitempty" jsonschema:"a question: templates nearest in meaning first"`
	Level  logLevel `json:"level,omitempty" jsonschema:"at least; default WARN"`
	Host   string   `json:"host,omitempty" jsonschema:"part of a host or role (master)"`
	Region string   `json:"region,omitempty" jsonschema:"encoded name the lines hold"`
	Start  string   `json:"start,omitempty" jsonschema:"RFC 3339"`
	End    string   `json:"end,omitempty" jsonschema:"as start; exclusive"`
	Limit  int      `json:"limit,omitempty" jsonschema:"groups, default 20"`
}

// Validate checks the bounds.
func (in logsInput) Validate() error {
	if in.Limit < 0 || in.Limit > maxGroups {
		return fault.New(fault.InvalidArgument, "limit %d: want 0 to %d", in.Limit, maxGroups)
	}
	return nil
}

type logsOutput struct {
	logs.Patterns

	Total int        `json:"total"` // groups
	First *time.Time `json:"first,omitempty"`
	Last  *time.Time `json:"last,omitempty"`
	Zone  string     `json:"time_zone"` // of the logs' times, as the manifest tells

	asked string
}

func logsTool(d Deps) tools.Tool {
	return tools.New(tools.Spec{
		Name: "hbase_logs", Title: "HBase logs by template", Toolset: "hbase",
		Description: "Log entries of an HBase bundle grouped by template (warnings and worse by default): count, exceptions, servers, first and last, hours, an example with file:line, related findings. query ranks them by meaning.",
	}, func(ctx context.Context, in logsInput) (*logsOutput, error) {
		window, err := timerange.Parse(in.Start, in.End, d.Now())
		if err != nil {
			return nil, err
		}
		out := &logsOutput{asked: in.Query, Zone: "as logged, without zone"}
		err = d.checked(ctx, in.Bundle, hbase.ReadOptions{}, func(s *hbase.Snapshot, r *check.Report) error {
			q := logs.Query{Level: string(in.Level), Host: in.Host, Region: hbase.EncodedOf(in.Region), Start: window.Start, End: window.End}
			if in.Region != "" && q.Region == "" {
				q.Text = in.Region
			}
			p, err := logs.Find(ctx, s, q, r.Findings)
			if err != nil {
				return err
			}
			if s.Manifest != nil {
				out.Zone = cmp.Or(s.Manifest.TimeZone, out.Zone)
			}
			if !s.Logs.First.IsZero() {
				out.First, out.Last = &s.Logs.First, &s.Logs.Last
			}
			out.Patterns = *p
			return nil
		})
		if err != nil {
			return nil, err
		}
		out.Total = len(out.Groups)
		if in.Query != "" {
			var ranker logs.Ranker = logs.Lexical{}
			if d.Meaning != nil {
				ranker = logs.Fused{d.Meaning, logs.Lexical{}}
			}
			if err := out.Rank(ctx, ranker, in.Query); err != nil {
				return nil, fmt.Errorf("rank templates: %w", err)
			}
		}
		out.Groups = out.Groups[:min(len(out.Groups), cmp.Or(in.Limit, defaultGroups))]
		return out, nil
	})
}

// WriteText writes the counts, then a group a line with its example.
func (o *logsOutput) WriteText(w io.Writer) {
	fmt.Fprintf(w, "%d entries of %d lines, %s to %s, in %d templates; %d shown", o.Entries, o.Lines, stamp(o.First), stamp(o.Last), o.Total, len(o.Groups))
	if o.asked != "" {
		fmt.Fprint(w, ", nearest to the query first")
	}
	fmt.Fprintln(w)
	var b strings.Builder
	for i := range o.Groups {
		g := &o.Groups[i]
		fmt.Fprintf(&b, "%d× %s %s", g.Count, g.Level, tools.Cut(g.Template, templateChars))
		if len(g.Exceptions) > 0 {
			fmt.Fprintf(&b, " [%s]", tools.Cut(strings.Join(g.Exceptions, ", "), templateChars))
		}
		fmt.Fprintf(&b, "\n   %s to %s; %s; %s:%d\n", stamp(&g.First), stamp(&g.Last), hosts(g.Hosts), g.File, g.Line)
		if len(g.Findings) > 0 {
			fmt.Fprintf(&b, "   findings: %s\n", strings.Join(g.Findings[:min(len(g.Findings), 4)], ", "))
		}
	}
	if b.Len() > 0 {
		tools.Block(w, "templates", b.String())
	}
	if n := o.Total - len(o.Groups); n > 0 && o.asked == "" {
		fmt.Fprintf(w, "… %d more templates: narrow by level, host, region, start, or call with limit=%d\n", n, min(o.Total, maxGroups))
	}
}

// hosts writes the entries of each host, the busiest first.
func hosts(counts map[string]int64) string {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b)) })
	var out []string
	for _, n := range names[:min(len(names), 4)] {
		out = append(out, fmt.Sprintf("%s %d", tools.Line(n), counts[n]))
	}
	if len(names) > 4 {
		out = append(out, fmt.Sprintf("%d more hosts", len(names)-4))
	}
	return strings.Join(out, ", ")
}
