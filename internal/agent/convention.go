package agent

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// convention is one family of attribute names. Its read fills what is still empty in a step.
type convention struct {
	name string
	// markers are attributes that only spans of agents have.
	markers []string
	// keys are the further attributes it reads; a trailing * stands for any rest.
	keys []string
	// contents are attributes with texts of the conversation, read only when asked for.
	contents []string
	// sessions are attributes that hold the conversation's id.
	sessions []string
	read     func(a attrs, s *Step)
	messages func(a attrs, s *Step) []Message
}

// conventions lists the families, the ones that say most first.
func conventions() []convention {
	return []convention{genAI(), genAIOld(), mcpNames(), openInference(), openLLMetry(), claudeCode(), vercelAI(), langfuse()}
}

// resolve fills a step from its attributes.
func resolve(list []convention, a attrs, s *Step, contents bool) {
	s.ResultSize = -1
	for _, c := range list {
		before := s.Category
		c.read(a, s)
		if before == "" && s.Category != "" {
			s.Convention = c.name
		}
	}
	s.Category = cmp.Or(s.Category, Other)
	if !s.known() {
		s.ToolName = ""
	}
	s.settle(a)
	if contents {
		for _, c := range list {
			if s.Messages != nil || c.messages == nil {
				continue
			}
			s.Messages = c.messages(a, s)
		}
	}
}

// settle makes what the conventions filled in comparable.
func (s *Step) settle(a attrs) {
	u := &s.Usage
	if s.inputWithoutCache || u.CacheRead+u.CacheWrite > u.Input {
		u.Input += u.CacheRead + u.CacheWrite
	}
	if s.Category == Embeddings {
		*u = Usage{Embedded: u.Input + u.Output + u.Embedded}
	}
	if t := a.text("error.type"); t != "" {
		s.ErrorType = t
		s.Error = s.Error || s.known()
	}
	fill(&s.ErrorType, a.text("exception.type"))
	fill(&s.Message, a.text("exception.message", "error.message"))
	if s.Error && s.ErrorType == "" {
		s.ErrorType = thrown(s.Message)
	}
	if s.Error && s.ErrorType == "" {
		s.ErrorType = cmp.Or(a.text("http.response.status_code", "http.status_code", "rpc.response.status_code"), "error")
	}
	s.Target = a.text("db.query.summary", "db.operation.name", "url.path", "http.route", "rpc.method", "messaging.destination.name", "server.address", "peer.service", "db.system.name", "db.system")
}

// exceptionName is how SDKs begin the status message of a span that an exception left: "LookupError: no order".
var exceptionName = regexp.MustCompile(`^([A-Za-z_][\w.$]*(?:Error|Exception|Failure|Fault|Timeout|Interrupt))(?::|$)`)

// thrown returns the type of the exception that a status message begins with, "" for none.
func thrown(message string) string {
	if m := exceptionName.FindStringSubmatch(message); m != nil {
		return m[1]
	}
	return ""
}

// byOperation returns the category of a gen_ai.operation.name.
func byOperation(op string) Category {
	switch op {
	case "invoke_agent", "create_agent", "invoke_workflow", "plan", "agent", "workflow":
		return Agent
	case "chat", "text_completion", "generate_content", "completion", "chat_completion", "responses", "message":
		return LLM
	case "execute_tool", "tool":
		return Tool
	case "embeddings", "embedding":
		return Embeddings
	case "retrieval", "rerank", "search_memory":
		return Retrieval
	case "evaluation", "evaluate":
		return Evaluation
	case "create_memory", "update_memory", "upsert_memory", "delete_memory", "create_memory_store", "delete_memory_store":
		return Tool
	}
	return ""
}

// hashArgs returns a short digest of a tool's arguments: JSON with sorted keys, else the text.
func hashArgs(text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return ""
	}
	var v any
	if json.Unmarshal([]byte(text), &v) == nil {
		if inner, ok := v.(string); ok && json.Unmarshal([]byte(inner), &v) != nil {
			v = inner
		}
		if b, err := json.Marshal(v); err == nil { // maps are written with sorted keys
			text = string(b)
		}
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}

// args and result note a tool's arguments and result without keeping them.
func (s *Step) args(text string) { fill(&s.ArgsHash, hashArgs(text)) }

func (s *Step) result(text string) {
	if text == "" || s.ResultSize >= 0 {
		return
	}
	s.ResultSize = int64(len(text))
	if resultFailed(text) {
		s.Error = true
		fill(&s.ErrorType, "tool_error")
	}
}

// resultFailed reports whether a tool's result says itself that it is an error, as MCP's isError does.
func resultFailed(text string) bool {
	if !strings.Contains(text, `"isError"`) && !strings.Contains(text, `"is_error"`) {
		return false
	}
	var v struct {
		A bool `json:"isError"`
		B bool `json:"is_error"`
	}
	return json.Unmarshal([]byte(text), &v) == nil && (v.A || v.B)
}

// wanted reports which attribute columns a load needs.
type wanted struct {
	exact    map[string]bool
	prefixes []string
}

// wantedKeys lists the attributes that the conventions read.
func wantedKeys(list []convention, contents bool) wanted {
	w := wanted{exact: map[string]bool{}}
	add := func(keys []string) {
		for _, k := range keys {
			if p, ok := strings.CutSuffix(k, "*"); ok {
				w.prefixes = append(w.prefixes, p)
			} else {
				w.exact[k] = true
			}
		}
	}
	for _, c := range list {
		add(c.markers)
		add(c.keys)
		add(c.sessions)
		if contents {
			add(c.contents)
		}
	}
	add([]string{
		"error.type", "error.message", "exception.type", "exception.message", "http.response.status_code", "http.status_code", "rpc.response.status_code",
		"db.query.summary", "db.operation.name", "db.system.name", "db.system", "url.path", "http.route", "rpc.method", "messaging.destination.name",
		"server.address", "peer.service",
	})
	return w
}

func (w wanted) has(key string) bool {
	return w.exact[key] || slices.ContainsFunc(w.prefixes, func(p string) bool { return strings.HasPrefix(key, p) })
}
