package agent

import (
	"time"
)

// Category says what a step is.
type Category string

// The categories of steps.
const (
	Agent      Category = "agent"
	LLM        Category = "llm"
	Tool       Category = "tool"
	Embeddings Category = "embeddings"
	Retrieval  Category = "retrieval"
	MCP        Category = "mcp"
	Evaluation Category = "evaluation"
	Other      Category = "other"
)

// Usage counts tokens.
type Usage struct {
	Input      int64 `json:"input"` // all input, what came from or went to a cache included
	Output     int64 `json:"output"`
	CacheRead  int64 `json:"cache_read,omitempty"`
	CacheWrite int64 `json:"cache_write,omitempty"`
	Reasoning  int64 `json:"reasoning,omitempty"` // part of output
	Embedded   int64 `json:"embedded,omitempty"`  // tokens of embeddings, in neither input nor output
}

// Total is input and output together.
func (u Usage) Total() int64 { return u.Input + u.Output }

func (u Usage) zero() bool { return u == Usage{} }

func (u Usage) plus(v Usage) Usage {
	return Usage{u.Input + v.Input, u.Output + v.Output, u.CacheRead + v.CacheRead, u.CacheWrite + v.CacheWrite, u.Reasoning + v.Reasoning, u.Embedded + v.Embedded}
}

// Step is one span or log event.
type Step struct {
	TraceID, SpanID, ParentID string
	Name, Service, Kind       string // Kind is internal, server, client, producer, consumer or unset
	Convention                string // the one that knew the step's category
	Category                  Category
	Operation                 string // gen_ai.operation.name or what stands for it
	Start                     time.Time
	Dur                       time.Duration
	Error                     bool
	ErrorType, Message        string
	Agent, AgentVersion       string
	Conversation              string
	Model, Provider           string
	ToolName, CallID          string
	ArgsHash                  string // of the arguments with sorted keys, "" when they were not recorded
	ResultSize                int64  // bytes of the tool's result, -1 unknown
	Usage                     Usage
	Finish                    string
	TTFT                      time.Duration
	Attempt                   int64
	Reported                  float64 // cost in US dollars as the data reports it
	HasReported               bool
	Target                    string // what a step outside the agent's own calls
	Method                    string // mcp.method.name
	File                      string
	Line                      int64
	Messages                  []Message // only when contents were asked for
	Scores                    []Score

	inputWithoutCache bool // the convention counts cached input apart
	index             int  // position in the forest
	parent            int  // index in the Set of the nearest known step above, -1 none
	children          []int
	leg               bool
	up                string // span id of the parent as written; ParentID of the nearest step is in parent
	seq               int64  // order of log events within a session
}

// End returns when the step ended.
func (s *Step) End() time.Time { return s.Start.Add(s.Dur) }

// Message is one text of a conversation, redacted and bounded.
type Message struct {
	Role string `json:"role"` // system, user, assistant, tool, arguments, result
	Text string `json:"text"`
	Cut  int    `json:"cut,omitempty"` // bytes left out
}

// Score is one evaluation found in the data.
type Score struct {
	Name        string   `json:"name"`
	Value       *float64 `json:"value,omitempty"`
	Label       string   `json:"label,omitempty"`
	Explanation string   `json:"explanation,omitempty"`
}

// known reports whether the step is of an agent rather than something it called.
func (s *Step) known() bool { return s.Category != Other }

// call reports whether the step is a tool call that counts.
func (s *Step) call() bool { return s.Category == Tool && !s.leg }
