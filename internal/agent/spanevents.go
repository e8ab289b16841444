package agent

import (
	"encoding/json"
	"strings"
)

// events reads what span events say: exceptions, evaluations, and messages where contents were asked for.
func (s *Step) events(v any, contents bool) {
	list, ok := v.([]any)
	if text, is := v.(string); is {
		ok = json.Unmarshal([]byte(text), &list) == nil
	}
	if !ok {
		return
	}
	for _, e := range list {
		ev, ok := e.(map[string]any)
		if !ok {
			continue
		}
		nested, _ := ev["attributes"].(map[string]any)
		a := attrs{}
		flatten("", nested, a)
		name := textOf(ev["name"])
		switch {
		case name == "exception" && s.Error:
			if s.ErrorType == "" || s.ErrorType == "error" {
				s.ErrorType = a.text("exception.type")
			}
			fill(&s.Message, a.text("exception.message"))
		case name == "gen_ai.evaluation.result":
			s.addScore(scoreOf(a))
		case contents && strings.HasPrefix(name, "gen_ai."):
			s.Messages = append(s.Messages, eventMessages(name, a)...)
		}
	}
}

func (s *Step) addScore(n Score) {
	for _, have := range s.Scores {
		if have.Name == n.Name && have.Label == n.Label && (have.Value == nil) == (n.Value == nil) && (n.Value == nil || *have.Value == *n.Value) {
			return
		}
	}
	s.Scores = append(s.Scores, n)
}

// eventMessages reads the events that carried contents in older conventions (gen_ai.user.message, gen_ai.choice,
// gen_ai.content.prompt) and the present one (gen_ai.client.inference.operation.details).
func eventMessages(name string, a attrs) []Message {
	role := strings.TrimSuffix(strings.TrimPrefix(name, "gen_ai."), ".message")
	switch name {
	case "gen_ai.choice", "gen_ai.content.completion":
		role = "assistant"
	case "gen_ai.content.prompt":
		role = "user"
	}
	var out []Message
	out = append(out, jsonMessages("user", a.text("gen_ai.input.messages", "gen_ai.prompt"))...)
	out = append(out, jsonMessages("assistant", a.text("gen_ai.output.messages", "gen_ai.completion"))...)
	if len(out) == 0 {
		out = plain(role, a.text("content", "message", "gen_ai.event.content"))
	}
	return out
}

// flatten brings nested attributes to dotted names.
func flatten(prefix string, in map[string]any, out attrs) {
	for k, v := range in {
		k = strings.ReplaceAll(k, "@", ".")
		if sub, ok := v.(map[string]any); ok {
			flatten(prefix+k+".", sub, out)
			continue
		}
		out[prefix+k] = v
	}
}
