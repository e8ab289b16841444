package agent

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/ppl"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
)

// logs is the table of events.
const logs = "logs"

// eventNames are the events of coding agents that stand for steps: Claude Code's, and what others send under their own prefix.
var eventNames = map[string]Category{
	"user_prompt": Agent, "api_request": LLM, "api_response": LLM, "api_error": LLM, "sse_event": LLM, "tool_result": Tool, "tool_call": Tool,
}

// eventPrefixes begin the names of their events.
var eventPrefixes = []string{claudePrefix, "codex.", "gemini_cli."}

// events reads the log events of coding agents as steps. Each prompt of a user becomes an agent's step above those that follow it
// within the session.
func (l *loader) events(ctx context.Context, r timerange.Range, where string) ([]Step, error) {
	fields, err := l.columns(ctx, logs)
	if err != nil || len(fields) == 0 {
		return nil, err
	}
	cond := eventCondition(fields)
	if cond == "" {
		return nil, nil
	}
	d := l.eventDecoder(ctx, fields)
	var out []Step
	query := "source=" + logs + " | where " + ppl.Within("@timestamp", r, cond, where) + " | fields " + quoteAll(d.names)
	_, err = l.eng.Stream(ctx, query, engine.Limits{MaxRows: maxSteps + 1}, func(row []any) error {
		if s, ok := d.event(row); ok && len(out) < maxSteps {
			out = append(out, s)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the events of agents: %w", err)
	}
	return prompts(out), nil
}

func quoteAll(names []string) string {
	q := make([]string, len(names))
	for i, n := range names {
		q[i] = quoted(n)
	}
	return strings.Join(q, ", ")
}

// eventCondition returns the condition that a log record is an event of a coding agent, "" when none can be here: the records need a
// session and a name.
func eventCondition(fields []engine.Field) string {
	filled := map[string]bool{}
	for _, f := range fields {
		filled[f.Name] = f.Filled > 0
	}
	if !filled["attributes.session.id"] && !filled["attributes.conversation.id"] && !filled["log.attributes.session@id"] {
		return ""
	}
	var terms []string
	for _, p := range eventPrefixes {
		for _, column := range []string{"body", "eventName", "attributes.event.name"} {
			if filled[column] {
				terms = append(terms, "like("+quoted(column)+", "+ppl.Quote(strings.ReplaceAll(p, "_", `\_`)+"%")+")")
			}
		}
	}
	if filled["attributes.event.name"] { // Claude Code leaves the prefix to the body
		var names []string
		for n := range eventNames {
			names = append(names, n)
		}
		slices.Sort(names)
		terms = append(terms, inList("attributes.event.name", names))
	}
	if len(terms) == 0 {
		return ""
	}
	return "(" + strings.Join(terms, " or ") + ")"
}

// eventKeys are attributes of events beyond those of Claude Code's spans.
var eventKeys = []string{
	"event.name", "event.sequence", "event.timestamp", "session.id", "prompt.id", "conversation.id", "duration_ms", "input_token_count", "output_token_count",
	"cached_token_count", "cached_content_token_count", "reasoning_token_count", "thoughts_token_count", "function_name", "function_args", "call_id", "arguments",
	"output", "error.message", "error.type", "event.kind", "prompt_length", "query_source",
}

func (l *loader) eventDecoder(ctx context.Context, fields []engine.Field) *decoder {
	sub := *l
	c := claudeCode()
	c.keys = append(c.keys, eventKeys...)
	sub.list = []convention{c}
	return sub.decoder(ctx, fields, logs, []string{"traceId", "spanId", "@timestamp", "serviceName", "body", "eventName"}, true)
}

// event reads one log record; ok is false for those that are no step.
func (d *decoder) event(row []any) (Step, bool) {
	a := d.attributes(row)
	name := cmp.Or(d.text(row, "eventName"), a.text("event.name"), d.text(row, "body"))
	if body := d.text(row, "body"); hasAgentPrefix(body) && !hasAgentPrefix(name) {
		name = body
	}
	short := name
	agent := ""
	for _, p := range eventPrefixes {
		if rest, ok := strings.CutPrefix(name, p); ok {
			short, agent = rest, strings.ReplaceAll(strings.TrimSuffix(p, "."), "_", "-")
		}
	}
	cat, ok := eventNames[short]
	if !ok || short == "sse_event" && !a.has("input_token_count") || short == "api_request" && agent != "claude-code" && agent != "" && !a.has("input_tokens", "input_token_count") {
		return Step{}, false
	}
	s := Step{
		Name: name, Service: d.text(row, "serviceName"), Kind: "event", Category: cat, Convention: cmp.Or(agent, "claude-code") + " events", Operation: short,
		TraceID: d.text(row, "traceId"), File: d.text(row, "_file"), Line: d.num(row, "_line"), ResultSize: -1, parent: -1,
		Conversation: a.text("session.id", "conversation.id"), seq: a.int("event.sequence"),
	}
	if s.Conversation == "" {
		return s, false
	}
	if cat == Agent {
		s.Agent = cmp.Or(agent, "claude-code")
	}
	s.claude(a)
	fill(&s.ToolName, a.text("function_name"))
	fill(&s.CallID, a.text("call_id"))
	if u := &s.Usage; u.zero() {
		*u = Usage{
			Input: a.int("input_token_count"), Output: a.int("output_token_count"), CacheRead: a.int("cached_token_count", "cached_content_token_count"),
			Reasoning: a.int("reasoning_token_count", "thoughts_token_count"),
		}
		s.inputWithoutCache = false
	}
	s.args(a.text("function_args", "arguments"))
	s.result(a.text("output"))
	if short == "api_error" {
		s.Error = true
		fill(&s.ErrorType, cmp.Or(a.text("status_code", "error.type"), "api_error"))
	}
	end := d.time(row, "@timestamp")
	s.Dur = time.Duration(a.int("duration_ms")) * time.Millisecond
	s.Start = end.Add(-s.Dur) // events are written when their step ends
	s.SpanID = eventID(a, &s, end)
	s.up = a.text("prompt.id")
	s.settle(a)
	if d.l.contents {
		s.Messages = claudeCode().messages(a, &s)
		if len(s.Messages) == 0 {
			s.Messages = append(plain("user", a.text("prompt")), append(plain("arguments", a.text("tool_input", "tool_parameters", "function_args", "arguments")), plain("result", a.text("output"))...)...)
		}
	}
	return s, !s.Start.IsZero()
}

func hasAgentPrefix(name string) bool {
	return slices.ContainsFunc(eventPrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

// eventID names an event within its session: its number, else its time.
func eventID(a attrs, s *Step, end time.Time) string {
	if s.seq > 0 {
		return fmt.Sprintf("e%d", s.seq)
	}
	return cmp.Or(a.text("tool_use_id", "call_id", "request_id"), "e"+end.Format("150405.000000"))
}

// prompts puts the steps of each session below the prompt they belong to: by the prompt's id, else by time.
func prompts(steps []Step) []Step {
	slices.SortStableFunc(steps, func(a, b Step) int {
		return cmp.Or(strings.Compare(a.Conversation, b.Conversation), cmp.Compare(a.seq, b.seq), a.End().Compare(b.End()))
	})
	roots := map[string]int{} // session and prompt -> position
	latest := map[string]int{}
	n := map[string]int{}
	var out []Step
	for _, s := range steps {
		key := s.Conversation + "\x00" + s.up
		if s.Category == Agent {
			n[s.Conversation]++
			s.TraceID = fmt.Sprintf("%s#%d", s.Conversation, n[s.Conversation])
			latest[s.Conversation] = len(out)
			roots[key] = len(out)
			out = append(out, s)
			continue
		}
		at, ok := roots[key]
		if !ok || s.up == "" {
			at, ok = latest[s.Conversation]
		}
		if !ok { // the prompt is not in the data: a session without a beginning
			s.TraceID = s.Conversation + "#0"
			out = append(out, s)
			continue
		}
		root := &out[at]
		s.TraceID, s.ParentID = root.TraceID, root.SpanID
		if end := s.End(); end.After(root.End()) {
			root.Dur = end.Sub(root.Start)
		}
		out = append(out, s)
	}
	return out
}
