package agent

import "strings"

// openLLMetry reads Traceloop's OpenLLMetry names (traceloop.*, llm.request.type, llm.usage.*), which stand beside gen_ai ones.
func openLLMetry() convention {
	return convention{
		name:    "openllmetry",
		markers: []string{"traceloop.span.kind", "llm.request.type", "llm.usage.total_tokens", "traceloop.entity.name"},
		keys: []string{
			"traceloop.workflow.name", "traceloop.entity.path", "traceloop.entity.input", "traceloop.entity.output", "llm.usage.*", "llm.vendor", "llm.request.model",
			"llm.response.model", "llm.response.finish_reason", "llm.response.stop_reason",
		},
		contents: []string{"llm.prompts.*", "llm.completions.*"},
		sessions: []string{
			"traceloop.association.properties.session_id", "traceloop.association.properties.conversation_id", "traceloop.association.properties.chat_id",
			"traceloop.association.properties.thread_id",
		},
		read: readOpenLLMetry,
		messages: func(a attrs, s *Step) []Message {
			out := append(indexed(a, "llm.prompts.", "role", "content"), indexed(a, "llm.completions.", "role", "content")...)
			in, res := "user", "assistant"
			if s.Category == Tool {
				in, res = "arguments", "result"
			}
			out = append(out, plain(in, a.text("traceloop.entity.input"))...)
			return append(out, plain(res, a.text("traceloop.entity.output"))...)
		},
	}
}

func readOpenLLMetry(a attrs, s *Step) {
	kind := strings.ToLower(a.text("traceloop.span.kind"))
	request := strings.ToLower(a.text("llm.request.type"))
	fill(&s.Conversation, a.text("traceloop.association.properties.session_id", "traceloop.association.properties.conversation_id",
		"traceloop.association.properties.chat_id", "traceloop.association.properties.thread_id"))
	if kind == "" && request == "" && !a.has("llm.usage.total_tokens") {
		return
	}
	if s.Category == "" || s.Convention == "gen_ai (old names)" {
		c := byRequest(request)
		switch kind {
		case "workflow", "agent":
			c = Agent
		case "tool":
			c = Tool
		case "task":
			c = Agent
		}
		if c == "" && s.Category == "" {
			c = LLM
		}
		if c != "" {
			s.Category, s.Convention = c, "openllmetry"
		}
	}
	fill(&s.Operation, kind+request)
	if s.Category == Agent && kind != "task" {
		fill(&s.Agent, a.text("traceloop.entity.name", "traceloop.workflow.name"))
	}
	fill(&s.Provider, a.text("llm.vendor"))
	fill(&s.Model, a.text("llm.response.model", "llm.request.model"))
	fill(&s.Finish, a.text("llm.response.finish_reason", "llm.response.stop_reason"))
	u := &s.Usage
	fillInt(&u.Input, a.int("llm.usage.prompt_tokens", "llm.usage.input_tokens"))
	fillInt(&u.Output, a.int("llm.usage.completion_tokens", "llm.usage.output_tokens"))
	fillInt(&u.CacheRead, a.int("llm.usage.cache_read_input_tokens"))
	fillInt(&u.CacheWrite, a.int("llm.usage.cache_creation_input_tokens"))
	fillInt(&u.Reasoning, a.int("llm.usage.reasoning_tokens"))
	if s.Category == Tool {
		fill(&s.ToolName, a.text("traceloop.entity.name"))
		fill(&s.ToolName, strings.TrimSuffix(s.Name, ".tool"))
		s.args(a.text("traceloop.entity.input"))
		s.result(a.text("traceloop.entity.output"))
	}
}

func byRequest(request string) Category {
	switch request {
	case "chat", "completion":
		return LLM
	case "embedding", "embeddings":
		return Embeddings
	case "rerank":
		return Retrieval
	}
	return ""
}
