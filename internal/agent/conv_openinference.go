package agent

import "strings"

// openInference reads Arize's OpenInference names (openinference.span.kind, llm.*, tool.*, input.value).
func openInference() convention {
	return convention{
		name:    "openinference",
		markers: []string{"openinference.span.kind", "llm.model_name", "llm.token_count.prompt", "embedding.model_name"},
		keys: []string{
			"llm.provider", "llm.system", "llm.token_count.*", "llm.cost.total", "tool.name", "tool.id", "tool_call.id", "tool_call.function.name",
			"tool_call.function.arguments", "tool.parameters", "agent.name", "graph.node.id", "input.value", "output.value", "llm.finish_reason",
		},
		contents: []string{"llm.input_messages.*", "llm.output_messages.*", "llm.prompts.*", "retrieval.documents.*"},
		sessions: []string{"session.id", "thread_id"},
		read:     readOpenInference,
		messages: func(a attrs, s *Step) []Message {
			if !a.has("openinference.span.kind") {
				return nil
			}
			out := append(indexed(a, "llm.input_messages.", "message.role", "message.content"), indexed(a, "llm.output_messages.", "message.role", "message.content")...)
			in, res := "user", "assistant"
			if s.Category == Tool {
				in, res = "arguments", "result"
			}
			if len(out) == 0 {
				out = append(plain(in, a.text("input.value")), plain(res, a.text("output.value"))...)
			}
			return out
		},
	}
}

func readOpenInference(a attrs, s *Step) {
	kind := strings.ToUpper(a.text("openinference.span.kind"))
	if kind == "" && !a.has("llm.model_name", "llm.token_count.prompt", "embedding.model_name") {
		return
	}
	if s.Category == "" {
		switch kind {
		case "LLM":
			s.Category = LLM
		case "AGENT", "CHAIN":
			s.Category = Agent
		case "TOOL":
			s.Category = Tool
		case "RETRIEVER", "RERANKER":
			s.Category = Retrieval
		case "EMBEDDING":
			s.Category = Embeddings
		case "EVALUATOR":
			s.Category = Evaluation
		case "":
			s.Category = LLM
			if a.has("embedding.model_name") {
				s.Category = Embeddings
			}
		}
	}
	fill(&s.Operation, strings.ToLower(kind))
	fill(&s.Model, a.text("llm.model_name", "embedding.model_name"))
	fill(&s.Provider, a.text("llm.provider", "llm.system"))
	fill(&s.Conversation, a.text("session.id", "thread_id"))
	fill(&s.Finish, a.text("llm.finish_reason"))
	if s.Category == Agent {
		fill(&s.Agent, a.text("agent.name", "graph.node.id"))
		if kind == "AGENT" {
			fill(&s.Agent, s.Name)
		}
	}
	u := &s.Usage
	fillInt(&u.Input, a.int("llm.token_count.prompt"))
	fillInt(&u.Output, a.int("llm.token_count.completion"))
	fillInt(&u.CacheRead, a.int("llm.token_count.prompt_details.cache_read"))
	fillInt(&u.CacheWrite, a.int("llm.token_count.prompt_details.cache_write"))
	fillInt(&u.Reasoning, a.int("llm.token_count.completion_details.reasoning"))
	if v, ok := a.num("llm.cost.total"); ok && !s.HasReported {
		s.Reported, s.HasReported = v, true
	}
	if s.Category == Tool {
		fill(&s.ToolName, a.text("tool.name", "tool_call.function.name"))
		fill(&s.ToolName, s.Name)
		fill(&s.CallID, a.text("tool_call.id", "tool.id"))
		s.args(a.text("tool_call.function.arguments", "input.value", "tool.parameters"))
		s.result(a.text("output.value"))
	}
}
