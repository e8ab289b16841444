package cluster

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/clusterhealth"
	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/tools"
)

type diagnoseInput struct {
	Source string `json:"source,omitempty" jsonschema:"configured cluster; may be left out if there is one"`
	Index  string `json:"index,omitempty" jsonschema:"only shards and policies of these names or patterns, by comma"`
}

type diagnoseOutput struct {
	Cluster  string            `json:"cluster"`
	Status   string            `json:"status,omitempty"` // green, yellow, red
	Version  string            `json:"version"`
	Nodes    int               `json:"nodes"`
	Shards   int               `json:"shards"`
	Findings []finding.Finding `json:"findings"`
	Sound    []string          `json:"sound"` // rules that found nothing
	Hidden   int               `json:"hidden_findings,omitempty"`
}

// Bounds of an answer.
const (
	maxFindings  = 40
	textEvidence = 3   // pieces shown of one finding
	textFinding  = 500 // bytes of one line
)

func diagnoseTool(d Deps) tools.Tool {
	return tools.New(tools.Spec{
		Name: "cluster_diagnose", Title: "Diagnose a cluster", Toolset: toolset, Idempotent: true,
		Description: "What is wrong with an OpenSearch cluster and why: red or yellow by allocation explain, disk watermarks, heap, breakers, rejected threads, long tasks, " +
			"shard sizes, failed ISM policies. Verdicts with evidence and the safe next step; changes nothing. Details: cluster_get.",
	}, func(ctx context.Context, in diagnoseInput) (*diagnoseOutput, error) {
		c, err := d.Clusters.Cluster(ctx, in.Source)
		if err != nil {
			return nil, err
		}
		g, err := clusterhealth.Diagnose(ctx, c, clusterhealth.Options{Index: in.Index, Sleep: d.Sleep})
		if err != nil {
			return nil, err
		}
		out := &diagnoseOutput{Cluster: g.Cluster, Status: g.Status, Version: g.Version, Nodes: g.Nodes, Shards: g.Shards, Findings: g.Findings, Sound: g.Checked}
		if n := len(out.Findings) - maxFindings; n > 0 {
			out.Hidden, out.Findings = n, out.Findings[:maxFindings]
		}
		return out, nil
	})
}

// WriteText writes a finding after the other, the worst first.
func (o *diagnoseOutput) WriteText(w io.Writer) {
	status := o.Status
	if status == "" {
		status = "status not known"
	}
	fmt.Fprintf(w, "%s: %s, %s; OpenSearch %s, %d nodes, %d shards started\n", o.Cluster, status, counts(o.Findings), o.Version, o.Nodes, o.Shards)
	for _, f := range o.Findings {
		writeFinding(w, f)
	}
	if o.Hidden > 0 {
		fmt.Fprintf(w, "%d more findings: give index\n", o.Hidden)
	}
	if len(o.Sound) > 0 {
		fmt.Fprintf(w, "nothing found by: %s\n", strings.Join(o.Sound, ", "))
	}
}

// counts tells how many findings there are of each severity.
func counts(all []finding.Finding) string {
	n := map[finding.Severity]int{}
	for _, f := range all {
		n[f.Severity]++
	}
	var parts []string
	for _, s := range []finding.Severity{finding.Critical, finding.High, finding.Medium, finding.Low, finding.Info} {
		if n[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[s], s))
		}
	}
	if len(parts) == 0 {
		return "0 findings"
	}
	return strings.Join(parts, ", ")
}

func writeFinding(w io.Writer, f finding.Finding) {
	fmt.Fprintf(w, "[%s] %s: %s\n", f.Severity, f.Rule, tools.Cut(f.Summary, textFinding))
	for i, e := range f.Evidence {
		if i == textEvidence {
			break
		}
		fmt.Fprintf(w, "  evidence %s: \"%s\"\n", tools.Cut(e.Source, textFinding), tools.Cut(e.Text, textFinding))
	}
	if r := f.Remedy; r != nil {
		fmt.Fprintf(w, "  next: %s\n", tools.Cut(r.Action, textFinding))
		if r.Risk != "" {
			fmt.Fprintf(w, "  risk: %s\n", tools.Cut(r.Risk, textFinding))
		}
		if r.Verify != "" {
			fmt.Fprintf(w, "  verify: %s\n", tools.Cut(r.Verify, textFinding))
		}
	}
}
