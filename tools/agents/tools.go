// Package agents is the toolset of agent traces: agents_runs, agent_run, agent_compare and agent_score. It turns calls into calls of
// package agent and their answers into text that begins with what failed.
package agents

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/agent"
	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/tools"
)

// Sources opens what a call names: a configured source or a path.
type Sources interface {
	Open(ctx context.Context, source string) (engine.Engine, error)
}

// Scores writes evaluations: a sink says where they would go before anything is sent.
type Scores interface {
	// Target says where an evaluation of a run of this source goes.
	Target(source string) (string, error)
	// Write sends one evaluation, an OTLP/JSON export of one span.
	Write(ctx context.Context, source string, export []byte) error
}

// Deps is what the toolset needs of its process.
type Deps struct {
	Sources Sources
	Prices  agent.Prices
	Scores  Scores
	Now     func() time.Time
}

// Tools lists the tools of the set.
func Tools(d Deps) []tools.Tool {
	return []tools.Tool{runsTool(d), runTool(d), compareTool(d), scoreTool(d)}
}

const toolset = "agents"

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// short writes milliseconds for people: 0.42 ms, 31.6 ms, 5.04 s.
func short(v float64) string {
	switch {
	case math.Abs(v) >= 10_000:
		return fmt.Sprintf("%.1f s", v/1000)
	case math.Abs(v) >= 1000:
		return fmt.Sprintf("%.2f s", v/1000)
	case math.Abs(v) >= 10:
		return fmt.Sprintf("%.1f ms", v)
	}
	return fmt.Sprintf("%.2f ms", v)
}

func percent(v float64) string { return fmt.Sprintf("%.1f %%", 100*v) }

// tokens writes a usage: 9144 in (60 % from cache), 528 out.
func tokens(u agent.Usage) string {
	s := fmt.Sprintf("%d in", u.Input)
	if u.CacheRead > 0 && u.Input > 0 {
		s += fmt.Sprintf(" (%.0f %% from cache)", 100*float64(u.CacheRead)/float64(u.Input))
	}
	return s + fmt.Sprintf(", %d out", u.Output)
}

// quote writes text out of the data within a line.
func quote(text string, n int) string {
	if text == "" {
		return ""
	}
	return fmt.Sprintf(" data:%q", tools.Cut(text, n))
}

func notes(w io.Writer, list []string) {
	for _, n := range list {
		fmt.Fprintf(w, "note: %s\n", tools.Cut(n, 300))
	}
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

func joined(list []string, n int) string {
	if len(list) > n {
		return strings.Join(list[:n], ", ") + fmt.Sprintf(" and %d more", len(list)-n)
	}
	return strings.Join(list, ", ")
}
