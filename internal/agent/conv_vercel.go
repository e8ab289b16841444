package agent

import (
	"strings"
	"time"
)

// vercelAI reads the names of Vercel's AI SDK (ai.*).
func vercelAI() convention {
	return convention{
		name:     "vercel ai",
		markers:  []string{"ai.operationId", "ai.toolCall.name"},
		keys:     []string{"ai.model.*", "ai.usage.*", "ai.toolCall.*", "ai.response.finishReason", "ai.response.msToFirstChunk", "ai.telemetry.functionId", "ai.response.model"},
		contents: []string{"ai.prompt*", "ai.response.text", "ai.response.toolCalls", "ai.value", "ai.values"},
		sessions: []string{"ai.telemetry.metadata.sessionId", "ai.telemetry.metadata.conversationId", "ai.telemetry.metadata.threadId"},
		read: func(a attrs, s *Step) {
			op := a.text("ai.operationId")
			if op == "" && !a.has("ai.toolCall.name") {
				return
			}
			if s.Category == "" || s.Category == LLM {
				switch {
				case strings.HasPrefix(op, "ai.toolCall") || op == "":
					s.Category = Tool
				case strings.Contains(op, "embed"):
					s.Category = Embeddings
				case strings.Contains(op, ".do"):
					s.Category = LLM
				default:
					s.Category = Agent // ai.generateText and ai.streamText hold the turns and the tool calls
				}
			}
			fill(&s.Operation, op)
			if s.Category == Agent {
				fill(&s.Agent, a.text("ai.telemetry.functionId"))
			}
			fill(&s.ToolName, a.text("ai.toolCall.name"))
			fill(&s.CallID, a.text("ai.toolCall.id"))
			fill(&s.Model, a.text("ai.response.model", "ai.model.id"))
			fill(&s.Provider, a.text("ai.model.provider"))
			fill(&s.Finish, a.text("ai.response.finishReason"))
			fill(&s.Conversation, a.text("ai.telemetry.metadata.sessionId", "ai.telemetry.metadata.conversationId", "ai.telemetry.metadata.threadId"))
			u := &s.Usage
			fillInt(&u.Input, a.int("ai.usage.promptTokens", "ai.usage.inputTokens", "ai.usage.tokens"))
			fillInt(&u.Output, a.int("ai.usage.completionTokens", "ai.usage.outputTokens"))
			fillInt(&u.CacheRead, a.int("ai.usage.cachedInputTokens"))
			fillInt(&u.Reasoning, a.int("ai.usage.reasoningTokens"))
			if v, ok := a.num("ai.response.msToFirstChunk"); ok && s.TTFT == 0 {
				s.TTFT = time.Duration(v * float64(time.Millisecond))
			}
			s.args(a.text("ai.toolCall.args", "ai.toolCall.input"))
			s.result(a.text("ai.toolCall.result", "ai.toolCall.output"))
		},
		messages: func(a attrs, _ *Step) []Message {
			out := jsonMessages("user", a.text("ai.prompt.messages", "ai.prompt"))
			out = append(out, plain("assistant", a.text("ai.response.text", "ai.response.toolCalls"))...)
			out = append(out, plain("arguments", a.text("ai.toolCall.args", "ai.toolCall.input"))...)
			return append(out, plain("result", a.text("ai.toolCall.result", "ai.toolCall.output"))...)
		},
	}
}
