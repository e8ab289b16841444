package agent

import (
	"strings"
	"time"
)

// claudePrefix begins the names of Claude Code's spans and events.
const claudePrefix = "claude_code."

// executionLeg is the span of a tool's work without the wait for the user's permission.
const executionLeg = "tool.execution"

// claudeCode reads Claude Code's own telemetry: spans claude_code.interaction, llm_request, tool, tool.execution. Its input_tokens
// leave out what came from or went to the cache. Events are read by eventStep.
func claudeCode() convention {
	return convention{
		name:    "claude code",
		markers: []string{"span.type"},
		keys: []string{
			"model", "input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens", "tool_name", "tool_use_id", "success", "error", "error_message",
			"ttft_ms", "attempt", "stop_reason", "request_id", "cost_usd", "tool_input", "tool_parameters", "result_tokens", "tool_result_size_bytes", "full_command",
			"file_path", "decision", "status_code", "query_source", "subagent_type", "agent_id", "response.has_tool_call", "gen_ai.tool.call.id",
		},
		contents: []string{"user_prompt", "prompt", "response.model_output", "response", "tool_output"},
		sessions: []string{"session.id", "prompt.id"},
		read:     readClaudeCode,
		messages: func(a attrs, s *Step) []Message {
			if !strings.HasPrefix(s.Name, claudePrefix) {
				return nil
			}
			out := plain("user", a.text("user_prompt", "prompt"))
			out = append(out, plain("assistant", a.text("response.model_output", "response"))...)
			out = append(out, plain("arguments", a.text("tool_input", "tool_parameters", "full_command"))...)
			return append(out, plain("result", a.text("tool_output"))...)
		},
	}
}

func readClaudeCode(a attrs, s *Step) {
	name, ok := strings.CutPrefix(s.Name, claudePrefix)
	if !ok {
		return
	}
	// The spans also carry a few gen_ai names; what they are is said by their own.
	s.Category, s.Convention = map[string]Category{"interaction": Agent, "llm_request": LLM, "tool": Tool, "tool.execution": Tool}[name], "claude code"
	if s.Category == "" {
		s.Category = Other
	}
	if name == executionLeg {
		s.Operation = executionLeg
	}
	fill(&s.Conversation, a.text("session.id"))
	s.claude(a)
	if s.Category == Agent {
		fill(&s.Agent, "claude-code")
	}
}

// claude fills what Claude Code's spans and events have in common.
func (s *Step) claude(a attrs) {
	fill(&s.Model, a.text("model"))
	fill(&s.CallID, a.text("tool_use_id"))
	fill(&s.ToolName, a.text("tool_name"))
	fill(&s.Finish, a.text("stop_reason"))
	u := &s.Usage
	if u.zero() {
		*u = Usage{Input: a.int("input_tokens"), Output: a.int("output_tokens"), CacheRead: a.int("cache_read_tokens"), CacheWrite: a.int("cache_creation_tokens")}
		s.inputWithoutCache = true
	}
	fillInt(&s.Attempt, a.int("attempt"))
	if v, ok := a.num("ttft_ms"); ok {
		s.TTFT = time.Duration(v * float64(time.Millisecond))
	}
	if v, ok := a.num("cost_usd"); ok && !s.HasReported {
		s.Reported, s.HasReported = v, true
	}
	if s.Category == Tool {
		s.args(a.text("tool_input", "tool_parameters", "full_command", "file_path"))
		if n, ok := a.num("tool_result_size_bytes"); ok && s.ResultSize < 0 {
			s.ResultSize = int64(n)
		}
	}
	if good, ok := a.truth("success"); ok && !good {
		s.Error = true
	}
	if msg := a.text("error", "error_message"); msg != "" && s.Category != Agent {
		s.Error = true
		fill(&s.Message, msg)
	}
	if s.Error {
		if s.Category == Tool {
			fill(&s.ErrorType, "tool_error")
		}
		fill(&s.ErrorType, a.text("status_code"))
	}
}
