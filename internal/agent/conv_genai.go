package agent

import (
	"encoding/json"
	"strings"
	"time"
)

// genAI reads the GenAI semantic conventions as they are now (open-telemetry/semantic-conventions-genai).
func genAI() convention {
	return convention{
		name: "gen_ai",
		markers: []string{
			"gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model", "gen_ai.response.model", "gen_ai.tool.name", "gen_ai.agent.name",
			"gen_ai.usage.input_tokens", "gen_ai.data_source.id", "gen_ai.evaluation.name",
		},
		keys: []string{
			"gen_ai.usage.output_tokens", "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.reasoning.output_tokens",
			"gen_ai.usage.cost", "gen_ai.agent.id", "gen_ai.agent.version", "gen_ai.response.finish_reasons", "gen_ai.response.time_to_first_chunk",
			"gen_ai.tool.call.id", "gen_ai.tool.call.arguments", "gen_ai.tool.call.result", "gen_ai.request.attempt", "gen_ai.workflow.name",
			"gen_ai.evaluation.score.value", "gen_ai.evaluation.score.label", "gen_ai.evaluation.explanation",
		},
		contents: []string{"gen_ai.system_instructions", "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.retrieval.query.text"},
		sessions: []string{"gen_ai.conversation.id"},
		read:     readGenAI,
		messages: func(a attrs, _ *Step) []Message {
			var out []Message
			out = append(out, jsonMessages("system", a.text("gen_ai.system_instructions"))...)
			out = append(out, jsonMessages("user", a.text("gen_ai.input.messages"))...)
			out = append(out, jsonMessages("assistant", a.text("gen_ai.output.messages"))...)
			out = append(out, plain("query", a.text("gen_ai.retrieval.query.text"))...)
			out = append(out, plain("arguments", a.text("gen_ai.tool.call.arguments"))...)
			return append(out, plain("result", a.text("gen_ai.tool.call.result"))...)
		},
	}
}

func readGenAI(a attrs, s *Step) {
	s.Operation = a.text("gen_ai.operation.name")
	if s.Category == "" {
		s.Category = byOperation(s.Operation)
	}
	fill(&s.ToolName, a.text("gen_ai.tool.name"))
	fill(&s.Model, a.text("gen_ai.response.model", "gen_ai.request.model"))
	fill(&s.Provider, a.text("gen_ai.provider.name"))
	fill(&s.Agent, a.text("gen_ai.agent.name", "gen_ai.workflow.name", "gen_ai.agent.id"))
	fill(&s.AgentVersion, a.text("gen_ai.agent.version"))
	fill(&s.Conversation, a.text("gen_ai.conversation.id"))
	fill(&s.CallID, a.text("gen_ai.tool.call.id"))
	fill(&s.Finish, a.list("gen_ai.response.finish_reasons"))
	u := &s.Usage
	fillInt(&u.Input, a.int("gen_ai.usage.input_tokens"))
	fillInt(&u.Output, a.int("gen_ai.usage.output_tokens"))
	fillInt(&u.CacheRead, a.int("gen_ai.usage.cache_read.input_tokens"))
	fillInt(&u.CacheWrite, a.int("gen_ai.usage.cache_creation.input_tokens"))
	fillInt(&u.Reasoning, a.int("gen_ai.usage.reasoning.output_tokens"))
	fillInt(&s.Attempt, a.int("gen_ai.request.attempt"))
	if v, ok := a.num("gen_ai.response.time_to_first_chunk"); ok {
		s.TTFT = time.Duration(v * float64(time.Second))
	}
	if v, ok := a.num("gen_ai.usage.cost"); ok && !s.HasReported {
		s.Reported, s.HasReported = v, true
	}
	s.args(a.text("gen_ai.tool.call.arguments"))
	s.result(a.text("gen_ai.tool.call.result"))
	if n := a.text("gen_ai.evaluation.name"); n != "" {
		s.Scores = append(s.Scores, scoreOf(a))
		if s.Operation == "" || s.Category == Evaluation {
			s.Category = Evaluation
		}
	}
	if s.Category == "" {
		s.Category = byWhatIsThere(a, s)
	}
}

func scoreOf(a attrs) Score {
	sc := Score{Name: a.text("gen_ai.evaluation.name"), Label: a.text("gen_ai.evaluation.score.label"), Explanation: a.text("gen_ai.evaluation.explanation")}
	if v, ok := a.num("gen_ai.evaluation.score.value"); ok {
		sc.Value = &v
	}
	return sc
}

// byWhatIsThere tells the category of a span that has gen_ai attributes but names no operation known here.
func byWhatIsThere(a attrs, s *Step) Category {
	switch {
	case a.has("gen_ai.tool.name"):
		return Tool
	case strings.HasPrefix(s.Name, "invoke_agent") || strings.HasPrefix(s.Name, "create_agent"):
		return Agent
	case strings.HasPrefix(s.Name, "embeddings "):
		return Embeddings
	case strings.HasPrefix(s.Name, "chat "):
		return LLM
	case a.has("gen_ai.request.model", "gen_ai.response.model") && !s.Usage.zero():
		return LLM
	case a.has("gen_ai.data_source.id"):
		return Retrieval
	}
	return ""
}

// jsonMessages reads messages in the conventions' JSON: a list of {role, parts or content}; other text is one message.
func jsonMessages(role, text string) []Message {
	if text == "" {
		return nil
	}
	var list []map[string]any
	if json.Unmarshal([]byte(text), &list) != nil {
		return plain(role, text)
	}
	var out []Message
	for _, m := range list {
		if inner, ok := m["message"].(map[string]any); ok {
			m = inner
		}
		r := textOf(m["role"])
		var b strings.Builder
		switch {
		case m["parts"] != nil:
			writeParts(&b, m["parts"])
		case m["content"] != nil:
			writeParts(&b, m["content"])
		default:
			writeParts(&b, []any{m})
		}
		if m["tool_calls"] != nil {
			b.WriteString(textOf(m["tool_calls"]))
		}
		fill(&r, role)
		out = append(out, message(r, b.String()))
	}
	return out
}

// writeParts writes the parts of a message: text as it is, calls and results by name.
func writeParts(b *strings.Builder, v any) {
	list, ok := v.([]any)
	if !ok {
		b.WriteString(textOf(v))
		return
	}
	for i, p := range list {
		if i > 0 {
			b.WriteByte('\n')
		}
		part, ok := p.(map[string]any)
		if !ok {
			b.WriteString(textOf(p))
			continue
		}
		switch textOf(part["type"]) {
		case "tool_call", "tool_use":
			b.WriteString("call " + textOf(part["name"]) + " " + textOf(part["arguments"]) + textOf(part["input"]))
		case "tool_call_response", "tool_result":
			b.WriteString("result " + textOf(part["response"]) + textOf(part["result"]) + textOf(part["content"]))
		default:
			if t := textOf(part["content"]) + textOf(part["text"]); t != "" {
				b.WriteString(t)
			} else {
				b.WriteString(textOf(part))
			}
		}
	}
}

func plain(role, text string) []Message {
	if text == "" {
		return nil
	}
	return []Message{message(role, text)}
}
