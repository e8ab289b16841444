package agent

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// genAIOld reads names that the GenAI conventions had before: gen_ai.system, prompt and completion tokens, indexed prompts.
func genAIOld() convention {
	return convention{
		name:    "gen_ai (old names)",
		markers: []string{"gen_ai.system", "gen_ai.usage.prompt_tokens", "gen_ai.usage.completion_tokens", "gen_ai.prompt", "gen_ai.completion"},
		keys: []string{
			"gen_ai.usage.cache_read_input_tokens", "gen_ai.usage.cache_creation_input_tokens", "gen_ai.usage.reasoning_tokens", "gen_ai.usage.cached_tokens",
			"gen_ai.usage.details.*", "gen_ai.server.time_to_first_token", "gen_ai.tool.arguments", "gen_ai.tool.result", "gen_ai.tool.output", "gen_ai.tool.status",
			"gen_ai.response.finish_reason", "gen_ai.completion.0.finish_reason", "gen_ai.event.loop.cycle_id", "gen_ai.input_tokens", "gen_ai.output_tokens",
		},
		contents: []string{"gen_ai.prompt*", "gen_ai.completion*", "gen_ai.request.messages", "gen_ai.response.text"},
		sessions: []string{"gen_ai.thread.id", "gen_ai.session.id", "gen_ai.openai.thread.id"},
		read: func(a attrs, s *Step) {
			fill(&s.Provider, a.text("gen_ai.system"))
			u := &s.Usage
			fillInt(&u.Input, a.int("gen_ai.usage.prompt_tokens", "gen_ai.input_tokens"))
			fillInt(&u.Output, a.int("gen_ai.usage.completion_tokens", "gen_ai.output_tokens"))
			fillInt(&u.CacheRead, a.int("gen_ai.usage.cache_read_input_tokens", "gen_ai.usage.cached_tokens", "gen_ai.usage.details.cache_read_tokens", "gen_ai.usage.details.cache_read_input_tokens"))
			fillInt(&u.CacheWrite, a.int("gen_ai.usage.cache_creation_input_tokens", "gen_ai.usage.details.cache_write_tokens", "gen_ai.usage.details.cache_creation_input_tokens"))
			fillInt(&u.Reasoning, a.int("gen_ai.usage.reasoning_tokens", "gen_ai.usage.details.reasoning_tokens"))
			fill(&s.Conversation, a.text("gen_ai.thread.id", "gen_ai.session.id", "gen_ai.openai.thread.id"))
			fill(&s.Finish, a.list("gen_ai.response.finish_reason", "gen_ai.completion.0.finish_reason"))
			s.args(a.text("gen_ai.tool.arguments"))
			s.result(a.text("gen_ai.tool.result", "gen_ai.tool.output"))
			if t := a.text("gen_ai.tool.status"); strings.EqualFold(t, "error") || strings.EqualFold(t, "failure") {
				s.Error = true
				fill(&s.ErrorType, "tool_error")
			}
			if v, ok := a.num("gen_ai.server.time_to_first_token"); ok && s.TTFT == 0 {
				s.TTFT = time.Duration(v * float64(time.Second))
			}
			if s.Category == "" && (a.has("gen_ai.system") && a.has("gen_ai.request.model", "gen_ai.response.model") || a.has("gen_ai.usage.prompt_tokens", "gen_ai.prompt", "gen_ai.completion")) {
				s.Category = LLM
				if strings.Contains(strings.ToLower(s.Name), "embed") {
					s.Category = Embeddings
				}
			}
		},
		messages: func(a attrs, _ *Step) []Message {
			var out []Message
			out = append(out, jsonMessages("user", a.text("gen_ai.prompt", "gen_ai.request.messages"))...)
			out = append(out, indexed(a, "gen_ai.prompt.", "role", "content")...)
			out = append(out, indexed(a, "gen_ai.completion.", "role", "content")...)
			out = append(out, jsonMessages("assistant", a.text("gen_ai.completion", "gen_ai.response.text"))...)
			out = append(out, plain("arguments", a.text("gen_ai.tool.arguments"))...)
			return append(out, plain("result", a.text("gen_ai.tool.result", "gen_ai.tool.output"))...)
		},
	}
}

// indexed reads messages spread over PREFIX<n>.<role> and PREFIX<n>.<content>; what else stands below <n> is added as key=value.
func indexed(a attrs, prefix, role, content string) []Message {
	type entry struct {
		role, text string
		more       []string
	}
	at := map[int]*entry{}
	keys := make([]string, 0, len(a))
	for k := range a {
		if strings.HasPrefix(k, prefix) && a.has(k) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		n, rest, _ := strings.Cut(k[len(prefix):], ".")
		i, err := strconv.Atoi(n)
		if err != nil {
			continue
		}
		if at[i] == nil {
			at[i] = &entry{}
		}
		switch rest {
		case role:
			at[i].role = a.text(k)
		case content:
			at[i].text = a.text(k)
		default:
			at[i].more = append(at[i].more, rest+"="+a.text(k))
		}
	}
	order := make([]int, 0, len(at))
	for i := range at {
		order = append(order, i)
	}
	slices.Sort(order)
	out := make([]Message, 0, len(order))
	for _, i := range order {
		e := at[i]
		fill(&e.role, "assistant")
		text := strings.TrimSpace(e.text + " " + strings.Join(e.more, " "))
		out = append(out, message(e.role, text))
	}
	return out
}
