package agent

import (
	"encoding/json"
	"strings"
)

// langfuse reads the names of Langfuse's SDKs (langfuse.*).
func langfuse() convention {
	return convention{
		name:    "langfuse",
		markers: []string{"langfuse.observation.type"},
		keys: []string{
			"langfuse.observation.model.name", "langfuse.observation.usage_details", "langfuse.observation.cost_details", "langfuse.observation.level",
			"langfuse.observation.status_message", "langfuse.observation.input", "langfuse.observation.output",
		},
		sessions: []string{"langfuse.session.id"},
		read: func(a attrs, s *Step) {
			kind := strings.ToLower(a.text("langfuse.observation.type"))
			if kind == "" {
				return
			}
			if s.Category == "" {
				s.Category = map[string]Category{
					"generation": LLM, "agent": Agent, "chain": Agent, "tool": Tool, "retriever": Retrieval, "embedding": Embeddings, "evaluator": Evaluation,
				}[kind]
			}
			fill(&s.Operation, kind)
			fill(&s.Model, a.text("langfuse.observation.model.name"))
			fill(&s.Conversation, a.text("langfuse.session.id"))
			if strings.EqualFold(a.text("langfuse.observation.level"), "ERROR") {
				s.Error = true
				fill(&s.Message, a.text("langfuse.observation.status_message"))
			}
			var usage map[string]int64
			if json.Unmarshal([]byte(a.text("langfuse.observation.usage_details")), &usage) == nil {
				fillInt(&s.Usage.Input, usage["input"])
				fillInt(&s.Usage.Output, usage["output"])
				fillInt(&s.Usage.CacheRead, usage["input_cached_tokens"]+usage["cache_read_input_tokens"])
			}
			var cost map[string]float64
			if json.Unmarshal([]byte(a.text("langfuse.observation.cost_details")), &cost) == nil && cost["total"] > 0 && !s.HasReported {
				s.Reported, s.HasReported = cost["total"], true
			}
			switch s.Category {
			case Tool:
				fill(&s.ToolName, s.Name)
				s.args(a.text("langfuse.observation.input"))
				s.result(a.text("langfuse.observation.output"))
			case Agent:
				fill(&s.Agent, s.Name)
			default:
			}
		},
		messages: func(a attrs, s *Step) []Message {
			in, res := "user", "assistant"
			if s.Category == Tool {
				in, res = "arguments", "result"
			}
			return append(jsonMessages(in, a.text("langfuse.observation.input")), jsonMessages(res, a.text("langfuse.observation.output"))...)
		},
	}
}
