package agent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/agent"
	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/local"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
)

var began = time.Date(2026, 5, 27, 18, 0, 0, 0, time.UTC)

// span is one span of a test's trace; times in milliseconds from began.
type span struct {
	id, parent, name string
	at, ms           int
	failed           string // status message
	attrs            string // JSON members
	trace            string
}

func (s span) doc() string {
	code := 0
	if s.failed != "" {
		code = 2
	}
	tr := s.trace
	if tr == "" {
		tr = "a"
	}
	from := began.Add(time.Duration(s.at) * time.Millisecond)
	return fmt.Sprintf(`{"traceId":%q,"spanId":%q,"parentSpanId":%q,"name":%q,"kind":"SPAN_KIND_INTERNAL","startTime":%q,"endTime":%q,"durationInNanos":%d,`+
		`"status":{"code":%d,"message":%q},"serviceName":"bot","attributes":{%s},"resource":{"attributes":{"service.name":"bot"}}}`,
		traceID(tr), spanID(s.id), spanID(s.parent), s.name, from.Format(time.RFC3339Nano), from.Add(time.Duration(s.ms)*time.Millisecond).Format(time.RFC3339Nano), s.ms*1_000_000,
		code, s.failed, s.attrs)
}

func traceID(s string) string { return fmt.Sprintf("%032x", s) }

func spanID(s string) string {
	if s == "" {
		return ""
	}
	return fmt.Sprintf("%016x", s)
}

// open makes an engine over lines of files named by their table.
func open(t *testing.T, files map[string]string) engine.Engine {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	store, err := local.New(local.Config{CacheDir: t.TempDir(), Now: func() time.Time { return began.Add(time.Hour) }, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	eng, err := store.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return eng
}

func spans(t *testing.T, list ...span) engine.Engine {
	t.Helper()
	var b strings.Builder
	for _, s := range list {
		b.WriteString(s.doc() + "\n")
	}
	return open(t, map[string]string{"spans.jsonl": b.String()})
}

var prices = agent.NewPrices(nil)

func runs(t *testing.T, eng engine.Engine, f agent.Filter) []*agent.Run {
	t.Helper()
	list, err := agent.Runs(t.Context(), eng, f, prices)
	if err != nil {
		t.Fatal(err)
	}
	return list.Runs
}

func show(t *testing.T, eng engine.Engine, id string) *agent.Detail {
	t.Helper()
	d, err := agent.Show(t.Context(), eng, agent.Selection{ID: id, Messages: true}, prices)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// summary is what each convention must give of the same story: an agent, two turns, a tool that failed once.
func summary(r *agent.Run) string {
	return fmt.Sprintf("agent %s, %s, %d turns, %d in (%d cached), %d out, %d tool calls, %d failed, conversation %s, models %v, by %v", r.Agent, r.Kind, r.Turns,
		r.Usage.Input, r.Usage.CacheRead, r.Usage.Output, r.ToolCalls, r.ToolErrors, r.Conversation, r.Models, r.Conventions)
}

func TestEveryConventionTellsTheSameStory(t *testing.T) {
	for name, c := range map[string]struct {
		spans []span
		want  string
	}{
		"gen_ai as it is now": {
			[]span{
				{id: "r", name: "invoke_agent helper", ms: 900, attrs: `"gen_ai.operation.name":"invoke_agent","gen_ai.agent.name":"helper","gen_ai.conversation.id":"c1","gen_ai.usage.input_tokens":300,"gen_ai.usage.output_tokens":30`},
				{id: "1", parent: "r", name: "chat m", at: 10, ms: 100, attrs: `"gen_ai.operation.name":"chat","gen_ai.request.model":"m","gen_ai.response.model":"m-1","gen_ai.usage.input_tokens":100,"gen_ai.usage.output_tokens":10,"gen_ai.response.finish_reasons":["tool_use"]`},
				{id: "2", parent: "r", name: "execute_tool find", at: 120, ms: 50, failed: "not there", attrs: `"gen_ai.operation.name":"execute_tool","gen_ai.tool.name":"find","error.type":"NotFound"`},
				{id: "3", parent: "r", name: "chat m", at: 200, ms: 100, attrs: `"gen_ai.operation.name":"chat","gen_ai.request.model":"m","gen_ai.response.model":"m-1","gen_ai.usage.input_tokens":200,"gen_ai.usage.output_tokens":20,"gen_ai.usage.cache_read.input_tokens":80`},
			},
			"agent helper, agent, 2 turns, 300 in (80 cached), 30 out, 1 tool calls, 1 failed, conversation c1, models [m-1], by [gen_ai]",
		},
		"old gen_ai names": {
			[]span{
				{id: "r", name: "invoke_agent helper", ms: 900, attrs: `"gen_ai.operation.name":"invoke_agent","gen_ai.agent.name":"helper","gen_ai.system":"openai"`},
				{id: "1", parent: "r", name: "openai.chat", at: 10, ms: 100, attrs: `"gen_ai.system":"openai","gen_ai.request.model":"m","gen_ai.usage.prompt_tokens":100,"gen_ai.usage.completion_tokens":10,"gen_ai.prompt":"hi"`},
				{id: "2", parent: "r", name: "execute_tool find", at: 120, ms: 50, failed: "not there", attrs: `"gen_ai.operation.name":"execute_tool","gen_ai.tool.name":"find"`},
				{id: "3", parent: "r", name: "openai.chat", at: 200, ms: 100, attrs: `"gen_ai.system":"openai","gen_ai.request.model":"m","gen_ai.usage.prompt_tokens":200,"gen_ai.usage.completion_tokens":20,"gen_ai.usage.cache_read_input_tokens":80,"gen_ai.thread.id":"c1"`},
			},
			"agent helper, agent, 2 turns, 300 in (80 cached), 30 out, 1 tool calls, 1 failed, conversation c1, models [m], by [gen_ai gen_ai (old names)]",
		},
		"OpenInference": {
			[]span{
				{id: "r", name: "helper", ms: 900, attrs: `"openinference.span.kind":"AGENT","session.id":"c1"`},
				{id: "1", parent: "r", name: "ChatOpenAI", at: 10, ms: 100, attrs: `"openinference.span.kind":"LLM","llm.model_name":"m","llm.token_count.prompt":100,"llm.token_count.completion":10`},
				{id: "2", parent: "r", name: "find", at: 120, ms: 50, failed: "not there", attrs: `"openinference.span.kind":"TOOL","tool.name":"find","input.value":"{}"`},
				{id: "3", parent: "r", name: "ChatOpenAI", at: 200, ms: 100, attrs: `"openinference.span.kind":"LLM","llm.model_name":"m","llm.token_count.prompt":200,"llm.token_count.completion":20,"llm.token_count.prompt_details.cache_read":80`},
			},
			"agent helper, agent, 2 turns, 300 in (80 cached), 30 out, 1 tool calls, 1 failed, conversation c1, models [m], by [openinference]",
		},
		"OpenLLMetry": {
			[]span{
				{id: "r", name: "helper.workflow", ms: 900, attrs: `"traceloop.span.kind":"workflow","traceloop.entity.name":"helper","traceloop.association.properties.session_id":"c1"`},
				{id: "1", parent: "r", name: "openai.chat", at: 10, ms: 100, attrs: `"llm.request.type":"chat","gen_ai.system":"OpenAI","gen_ai.request.model":"m","gen_ai.usage.prompt_tokens":100,"gen_ai.usage.completion_tokens":10`},
				{id: "2", parent: "r", name: "find.tool", at: 120, ms: 50, failed: "not there", attrs: `"traceloop.span.kind":"tool","traceloop.entity.name":"find","traceloop.entity.input":"{}"`},
				{id: "3", parent: "r", name: "openai.chat", at: 200, ms: 100, attrs: `"llm.request.type":"chat","gen_ai.system":"OpenAI","gen_ai.request.model":"m","gen_ai.usage.prompt_tokens":200,"gen_ai.usage.completion_tokens":20,"llm.usage.cache_read_input_tokens":80`},
			},
			"agent helper, agent, 2 turns, 300 in (80 cached), 30 out, 1 tool calls, 1 failed, conversation c1, models [m], by [openllmetry]",
		},
		"Claude Code's spans, whose input leaves the cache out": {
			[]span{
				{id: "r", name: "claude_code.interaction", ms: 900, attrs: `"span.type":"interaction","session.id":"c1"`},
				{id: "1", parent: "r", name: "claude_code.llm_request", at: 10, ms: 100, attrs: `"span.type":"llm_request","session.id":"c1","model":"m","gen_ai.system":"anthropic","gen_ai.request.model":"m","input_tokens":100,"output_tokens":10,"success":true`},
				{id: "2", parent: "r", name: "claude_code.tool", at: 120, ms: 50, attrs: `"span.type":"tool","session.id":"c1","tool_name":"find"`},
				{id: "x", parent: "2", name: "claude_code.tool.execution", at: 130, ms: 40, attrs: `"span.type":"tool.execution","session.id":"c1","success":false,"error":"not there"`},
				{id: "3", parent: "r", name: "claude_code.llm_request", at: 200, ms: 100, attrs: `"span.type":"llm_request","session.id":"c1","model":"m","input_tokens":120,"output_tokens":20,"cache_read_tokens":80`},
			},
			"agent claude-code, agent, 2 turns, 300 in (80 cached), 30 out, 1 tool calls, 1 failed, conversation c1, models [m], by [claude code]",
		},
		"Vercel's AI SDK": {
			[]span{
				{id: "r", name: "ai.generateText", ms: 900, attrs: `"ai.operationId":"ai.generateText","ai.telemetry.functionId":"helper","ai.telemetry.metadata.sessionId":"c1","ai.model.id":"m"`},
				{id: "1", parent: "r", name: "ai.generateText.doGenerate", at: 10, ms: 100, attrs: `"ai.operationId":"ai.generateText.doGenerate","ai.model.id":"m","ai.usage.promptTokens":100,"ai.usage.completionTokens":10`},
				{id: "2", parent: "r", name: "ai.toolCall", at: 120, ms: 50, failed: "not there", attrs: `"ai.operationId":"ai.toolCall","ai.toolCall.name":"find","ai.toolCall.args":"{}"`},
				{id: "3", parent: "r", name: "ai.generateText.doGenerate", at: 200, ms: 100, attrs: `"ai.operationId":"ai.generateText.doGenerate","ai.model.id":"m","ai.usage.promptTokens":200,"ai.usage.completionTokens":20,"ai.usage.cachedInputTokens":80`},
			},
			"agent helper, agent, 2 turns, 300 in (80 cached), 30 out, 1 tool calls, 1 failed, conversation c1, models [m], by [vercel ai]",
		},
		"Langfuse": {
			[]span{
				{id: "r", name: "helper", ms: 900, attrs: `"langfuse.observation.type":"agent","langfuse.session.id":"c1"`},
				{id: "1", parent: "r", name: "gen", at: 10, ms: 100, attrs: `"langfuse.observation.type":"generation","langfuse.observation.model.name":"m","langfuse.observation.usage_details":"{\"input\":100,\"output\":10}"`},
				{id: "2", parent: "r", name: "find", at: 120, ms: 50, attrs: `"langfuse.observation.type":"tool","langfuse.observation.level":"ERROR","langfuse.observation.status_message":"not there"`},
				{id: "3", parent: "r", name: "gen", at: 200, ms: 100, attrs: `"langfuse.observation.type":"generation","langfuse.observation.model.name":"m","langfuse.observation.usage_details":"{\"input\":200,\"output\":20,\"input_cached_tokens\":80}"`},
			},
			"agent helper, agent, 2 turns, 300 in (80 cached), 30 out, 1 tool calls, 1 failed, conversation c1, models [m], by [langfuse]",
		},
	} {
		t.Run(name, func(t *testing.T) {
			eng := spans(t, c.spans...)
			got := runs(t, eng, agent.Filter{})
			if len(got) != 1 {
				t.Fatalf("%d runs", len(got))
			}
			if diff := cmp.Diff(c.want, summary(got[0])); diff != "" {
				t.Error(diff)
			}
			d := show(t, eng, got[0].ID)
			if diff := cmp.Diff(c.want, summary(d.Run)); diff != "" {
				t.Errorf("shown: %s", diff)
			}
			if len(d.Failures) != 1 || d.Failures[0].Step != "tool find" || d.Failures[0].Message != "not there" || d.Failures[0].Next[0] != "llm" {
				t.Errorf("failures: %+v", d.Failures)
			}
		})
	}
}

func TestTheRawFormOfAttributesIsRead(t *testing.T) {
	doc := `{"traceId":"` + traceID("a") + `","spanId":"` + spanID("1") + `","parentSpanId":"","name":"chat m","kind":"SPAN_KIND_CLIENT","startTime":"2026-05-27T18:00:00Z","endTime":"2026-05-27T18:00:01Z",` +
		`"durationInNanos":1000000000,"status.code":0,"serviceName":"bot","span.attributes.gen_ai@operation@name":"chat","span.attributes.gen_ai@request@model":"gpt-4o","span.attributes.gen_ai@usage@input_tokens":1000000,` +
		`"span.attributes.gen_ai@usage@output_tokens":100000,"resource.attributes.service@name":"bot"}`
	got := runs(t, open(t, map[string]string{"otel-v1-apm-span.jsonl": doc + "\n"}), agent.Filter{})
	if len(got) != 1 || got[0].Usage.Input != 1_000_000 || got[0].Cost.USD != 3.5 || !got[0].Cost.Known {
		t.Fatalf("%+v", got)
	}
}

func TestEventsOfCodingAgentsMakeRunsByPrompt(t *testing.T) {
	event := func(at int, name, attrs string) string {
		return fmt.Sprintf(`{"@timestamp":%q,"body":"claude_code.%s","serviceName":"claude-code","attributes":{"event.name":%q,"session.id":"s1",%s},"resource":{"attributes":{"service.name":"claude-code"}}}`,
			began.Add(time.Duration(at)*time.Second).Format(time.RFC3339), name, name, attrs) + "\n"
	}
	text := event(0, "user_prompt", `"event.sequence":1,"prompt.id":"p1"`) +
		event(3, "api_request", `"event.sequence":2,"prompt.id":"p1","model":"claude-sonnet-4-5","input_tokens":"10","output_tokens":"20","cache_read_tokens":"90","cost_usd":"0.5","duration_ms":"2000"`) +
		event(5, "tool_result", `"event.sequence":3,"prompt.id":"p1","tool_name":"Bash","success":"false","error":"exit 1","duration_ms":"1000"`) +
		event(9, "api_request", `"event.sequence":4,"prompt.id":"p1","model":"claude-sonnet-4-5","input_tokens":"10","output_tokens":"20","cache_read_tokens":"190","cost_usd":"0.25","duration_ms":"3000"`) +
		event(20, "user_prompt", `"event.sequence":5,"prompt.id":"p2"`) +
		event(23, "api_error", `"event.sequence":6,"prompt.id":"p2","model":"claude-sonnet-4-5","error":"overloaded","status_code":"529","duration_ms":"100"`)
	eng := open(t, map[string]string{"logs.jsonl": text})
	got := runs(t, eng, agent.Filter{})
	if len(got) != 2 {
		t.Fatalf("%d runs", len(got))
	}
	want := "agent claude-code, agent, 2 turns, 300 in (280 cached), 40 out, 1 tool calls, 1 failed, conversation s1, models [claude-sonnet-4-5], by [claude-code events]"
	if diff := cmp.Diff(want, summary(got[0])); diff != "" {
		t.Error(diff)
	}
	if c := got[0].Cost; c.USD != 0.75 || !c.Reported {
		t.Errorf("cost %+v", c)
	}
	if got[0].ID != "s1#1" || got[0].Duration != 9*time.Second || got[1].LLMErrors != 1 {
		t.Errorf("%s %s %+v", got[0].ID, got[0].Duration, got[1])
	}
	d := show(t, eng, "s1#1")
	if len(d.Failures) != 1 || d.Failures[0].Message != "exit 1" || d.Failures[0].Next[0] != "llm" {
		t.Errorf("%+v", d.Failures)
	}
	if whole := show(t, eng, "s1"); whole.Runs != 2 || whole.Run.Turns != 3 {
		t.Errorf("%+v", whole.Run)
	}
}

const (
	asAgent = `"gen_ai.operation.name":"invoke_agent","gen_ai.agent.name":"%s"`
	asChat  = `"gen_ai.operation.name":"chat","gen_ai.request.model":"%s","gen_ai.usage.input_tokens":%d,"gen_ai.usage.output_tokens":%d`
	asTool  = `"gen_ai.operation.name":"execute_tool","gen_ai.tool.name":"%s"`
)

func TestTheRootIsTheTopmostStepWhateverLiesAbove(t *testing.T) {
	eng := spans(t,
		span{id: "h", name: "POST /ask", ms: 5000, attrs: `"http.request.method":"POST"`},
		span{id: "r", parent: "h", name: "invoke_agent one", at: 10, ms: 1000, attrs: fmt.Sprintf(asAgent, "one")},
		span{id: "g", parent: "r", name: "POST api", at: 20, ms: 500, attrs: `"http.request.method":"POST"`},
		span{id: "c", parent: "g", name: "chat m", at: 30, ms: 400, attrs: fmt.Sprintf(asChat, "m", 10, 1)},
		span{id: "q", parent: "h", name: "invoke_agent two", at: 2000, ms: 1000, attrs: fmt.Sprintf(asAgent, "two")},
		span{id: "d", parent: "q", name: "chat m", at: 2100, ms: 400, attrs: fmt.Sprintf(asChat, "m", 20, 2)},
	)
	got := runs(t, eng, agent.Filter{})
	if len(got) != 2 || got[0].Agent != "one" || got[0].Usage.Input != 10 || got[1].Agent != "two" || got[1].Usage.Input != 20 {
		t.Fatalf("%+v", got)
	}
	if want := traceID("a") + "/" + spanID("q"); got[1].ID != want {
		t.Errorf("id %s, want %s", got[1].ID, want)
	}
	if d := show(t, eng, got[1].ID); d.Run.Agent != "two" || d.Runs != 1 {
		t.Errorf("%+v", d.Run)
	}
}

func TestSpansOfOneToolCallCountOnce(t *testing.T) {
	eng := spans(t,
		span{id: "r", name: "invoke_agent one", ms: 1000, attrs: fmt.Sprintf(asAgent, "one")},
		span{id: "t", parent: "r", name: "execute_tool stock", at: 10, ms: 500, attrs: fmt.Sprintf(asTool, "mcp__shop__stock")},
		span{id: "m", parent: "t", name: "tools/call stock", at: 20, ms: 450, attrs: `"mcp.method.name":"tools/call","gen_ai.tool.name":"stock"`},
		span{id: "s", parent: "m", name: "tools/call stock", at: 30, ms: 400, failed: "no sku", attrs: `"mcp.method.name":"tools/call","gen_ai.tool.name":"stock","error.type":"tool_error"`},
	)
	got := runs(t, eng, agent.Filter{})
	if len(got) != 1 || got[0].ToolCalls != 1 || got[0].ToolErrors != 1 {
		t.Fatalf("%+v", got[0])
	}
	if f := show(t, eng, got[0].ID).Failures; len(f) != 1 || f[0].Message != "no sku" || f[0].ErrorType != "tool_error" {
		t.Errorf("%+v", f)
	}
}

func TestToolCallsWithoutAnAgentAreRuns(t *testing.T) {
	eng := spans(t,
		span{id: "i", name: "initialize", ms: 1, attrs: `"mcp.method.name":"initialize"`, trace: "x"},
		span{id: "s", parent: "gone", name: "tools/call logs_query", at: 10, ms: 4000, attrs: `"mcp.method.name":"tools/call","gen_ai.operation.name":"execute_tool","gen_ai.tool.name":"logs_query"`},
		span{id: "q", parent: "s", name: "source=logs stats", at: 20, ms: 3900, attrs: `"db.system.name":"duckdb","db.query.summary":"source=logs stats"`},
	)
	got := runs(t, eng, agent.Filter{})
	if len(got) != 1 || got[0].Kind != agent.Tool || got[0].Agent != "logs_query" {
		t.Fatalf("%+v", got)
	}
	d := show(t, eng, "")
	if d.Slowest[0].Name != "source=logs stats" || !strings.Contains(strings.Join(d.Verdict(), "\n"), "slowest: source=logs stats") {
		t.Errorf("%v", d.Verdict())
	}
}

// rounds is an agent that asks a model and calls a tool so many times.
func rounds(n int, tool func(i int) span) []span {
	list := []span{{id: "r", name: "invoke_agent one", ms: n * 100, attrs: fmt.Sprintf(asAgent, "one")}}
	for i := range n {
		list = append(list, span{id: fmt.Sprintf("c%d", i), parent: "r", name: "chat m", at: i*100 + 1, ms: 40, attrs: fmt.Sprintf(asChat, "m", 1000*(i+1), 10)})
		s := tool(i)
		s.id, s.parent, s.at, s.ms = fmt.Sprintf("t%d", i), "r", i*100+50, 20
		list = append(list, s)
	}
	return list
}

func TestLoopsAreToldFromWork(t *testing.T) {
	call := func(args, failed string) span {
		return span{name: "execute_tool find", failed: failed, attrs: fmt.Sprintf(asTool, "find") + args}
	}
	for name, c := range map[string]struct {
		spans []span
		want  string // in the verdict
		not   string
	}{
		"the same arguments again and again": {
			rounds(4, func(int) span { return call(`,"gen_ai.tool.call.arguments":"{\"a\":1,\"b\":2}"`, "") }), "loop of identical calls: llm → tool find, 4 rounds", "fail",
		},
		"a call that fails every round": {
			rounds(4, func(i int) span {
				return call(fmt.Sprintf(`,"gen_ai.tool.call.arguments":"{\"a\":%d}"`, i), "bad schema")
			}),
			"failing loop (a call fails every round): llm → tool find, 4 rounds", "identical",
		},
		"other arguments each time are work": {
			rounds(5, func(i int) span { return call(fmt.Sprintf(`,"gen_ai.tool.call.arguments":"{\"a\":%d}"`, i), "") }), "", "loop of",
		},
		"arguments in another order are the same": {
			rounds(4, func(i int) span {
				return call([]string{`,"gen_ai.tool.call.arguments":"{\"a\":1,\"b\":2}"`, `,"gen_ai.tool.call.arguments":"{\"b\": 2, \"a\": 1}"`}[i%2], "")
			}), "loop of identical calls", "",
		},
		"two calls are no loop": {rounds(2, func(int) span { return call("", "bad") }), "first failure: tool find", "loop"},
	} {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(show(t, spans(t, c.spans...), "").Verdict(), "\n")
			if !strings.Contains(got, c.want) || c.not != "" && strings.Contains(strings.ReplaceAll(got, "no loop", ""), c.not) {
				t.Errorf("want %q, not %q:\n%s", c.want, c.not, got)
			}
		})
	}
}

func TestAGrownPromptIsToldWithTheStepThatMadeIt(t *testing.T) {
	d := show(t, spans(t,
		span{id: "r", name: "invoke_agent one", ms: 1000, attrs: fmt.Sprintf(asAgent, "one")},
		span{id: "1", parent: "r", name: "chat m", at: 10, ms: 100, attrs: fmt.Sprintf(asChat, "m", 2000, 10)},
		span{id: "2", parent: "r", name: "execute_tool dump", at: 120, ms: 50, attrs: fmt.Sprintf(asTool, "dump")},
		span{id: "3", parent: "r", name: "chat m", at: 200, ms: 100, attrs: fmt.Sprintf(asChat, "m", 60000, 20)},
	), "")
	if c := d.Context; c.First != 2000 || c.Last != 60000 || c.Jump != 58000 || c.JumpTurn != 2 || c.JumpAfter != "tool dump" || c.Growth != 30 {
		t.Errorf("%+v", c)
	}
	if v := strings.Join(d.Verdict(), "\n"); !strings.Contains(v, "context grew from 2000 to 60000 input tokens over 2 turns, 58000 of it in turn 2 after tool dump") {
		t.Error(v)
	}
}

func TestAPromptLargerThanOthersIsTold(t *testing.T) {
	var list []span
	for i := range 6 {
		tokens := 1000
		if i == 5 {
			tokens = 9000
		}
		tr := fmt.Sprint("t", i)
		list = append(list,
			span{id: "r" + tr, name: "invoke_agent one", at: i * 1000, ms: 900, attrs: fmt.Sprintf(asAgent, "one"), trace: tr},
			span{id: "c" + tr, parent: "r" + tr, name: "chat m", at: i*1000 + 10, ms: 800, attrs: fmt.Sprintf(asChat, "m", tokens, 10), trace: tr})
	}
	v := strings.Join(show(t, spans(t, list...), "").Verdict(), "\n")
	if !strings.Contains(v, "the first prompt has 9000 tokens, the median of 5 other runs is 1000") {
		t.Error(v)
	}
}

func TestFiltersNarrow(t *testing.T) {
	eng := spans(t,
		span{id: "r", name: "invoke_agent one", ms: 900, attrs: fmt.Sprintf(asAgent, "one") + `,"gen_ai.conversation.id":"c1"`, trace: "p"},
		span{id: "1", parent: "r", name: "chat m", at: 10, ms: 800, attrs: fmt.Sprintf(asChat, "m-large", 1, 10), trace: "p"},
		span{id: "q", name: "invoke_agent two", at: 60_000, ms: 900, attrs: fmt.Sprintf(asAgent, "two"), trace: "q"},
		span{id: "2", parent: "q", name: "execute_tool find", at: 60_010, ms: 800, failed: "x", attrs: fmt.Sprintf(asTool, "find"), trace: "q"},
	)
	for name, c := range map[string]struct {
		f    agent.Filter
		want string
	}{
		"nothing":      {agent.Filter{}, "one two"},
		"agent":        {agent.Filter{Agent: "tw"}, "two"},
		"conversation": {agent.Filter{Conversation: "c1"}, "one"},
		"model":        {agent.Filter{Model: "LARGE"}, "one"},
		"tool":         {agent.Filter{Tool: "find"}, "two"},
		"errors":       {agent.Filter{Errors: true}, "two"},
		"time":         {agent.Filter{Range: timerange.Range{Start: began.Add(30 * time.Second)}}, "two"},
		"end":          {agent.Filter{Range: timerange.Range{End: began.Add(30 * time.Second)}}, "one"},
	} {
		var got []string
		for _, r := range runs(t, eng, c.f) {
			got = append(got, r.Agent)
		}
		if diff := cmp.Diff(c.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if _, err := agent.Show(t.Context(), eng, agent.Selection{ID: "nowhere"}, prices); fault.CodeOf(err) != fault.NotFound || fault.HintOf(err) == "" {
		t.Errorf("%v", err)
	}
	if d := show(t, eng, "c1"); d.Run.Agent != "one" {
		t.Errorf("%+v", d.Run)
	}
}

func TestTwoRunsAreAligned(t *testing.T) {
	eng := spans(t,
		span{id: "r", name: "invoke_agent one", ms: 300, attrs: fmt.Sprintf(asAgent, "one"), trace: "p"},
		span{id: "1", parent: "r", name: "chat m", at: 10, ms: 20, attrs: fmt.Sprintf(asChat, "gpt-4o", 1000, 100), trace: "p"},
		span{id: "2", parent: "r", name: "execute_tool find", at: 40, ms: 20, attrs: fmt.Sprintf(asTool, "find"), trace: "p"},
		span{id: "3", parent: "r", name: "chat m", at: 70, ms: 20, attrs: fmt.Sprintf(asChat, "gpt-4o", 1000, 100), trace: "p"},
		span{id: "q", name: "invoke_agent one", at: 60_000, ms: 600, attrs: fmt.Sprintf(asAgent, "one"), trace: "q"},
		span{id: "4", parent: "q", name: "chat m", at: 60_010, ms: 20, attrs: fmt.Sprintf(asChat, "gpt-4o", 1000, 100), trace: "q"},
		span{id: "5", parent: "q", name: "execute_tool find", at: 60_040, ms: 20, failed: "gone", attrs: fmt.Sprintf(asTool, "find") + `,"error.type":"Gone"`, trace: "q"},
		span{id: "6", parent: "q", name: "chat m", at: 60_070, ms: 20, attrs: fmt.Sprintf(asChat, "gpt-4o", 5000, 100), trace: "q"},
		span{id: "7", parent: "q", name: "execute_tool ask", at: 60_100, ms: 20, attrs: fmt.Sprintf(asTool, "ask"), trace: "q"},
	)
	c, err := agent.CompareRuns(t.Context(), eng, traceID("p"), traceID("q"), prices)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range c.Edits {
		got = append(got, strings.TrimSpace(e.Op+" "+e.Label+" "+e.Note))
	}
	want := []string{"same agent one", "same llm", "same tool find fails now: Gone", "same llm input 5000 tokens, was 1000", "added tool ask"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if c.Distance != 1 || len(c.NewErrors) != 1 || c.NewErrors[0].ErrorType != "Gone" || c.A.CostUSD != 0.007 || c.B.Input != 6000 {
		t.Errorf("%+v", c)
	}
	w, err := agent.CompareWindows(t.Context(), eng, agent.Filter{Range: timerange.Range{End: began.Add(time.Second)}}, agent.Filter{Range: timerange.Range{Start: began.Add(time.Second)}}, prices)
	if err != nil || w.Distance != 1 || !w.Typical || w.A.Runs != 1 {
		t.Errorf("%+v, %v", w, err)
	}
}

func TestPricesMatchNamesAndSayWhatIsUnknown(t *testing.T) {
	read := 0.1
	p := agent.NewPrices(map[string]agent.Price{"my-model": {Input: 1, Output: 2, CacheRead: &read}})
	for model, want := range map[string]float64{
		"gpt-4o-2024-08-06": 2.5, "gpt-4o-mini": 0.15, "us.anthropic.claude-sonnet-4-5-20250929-v1:0": 3, "openai/gpt-5": 1.25, "models/gemini-2.5-flash": 0.3, "my-model": 1,
		"claude-haiku-4-5@20251001": 1, "gpt-4o-audio-preview": -1, "o3-deep-research": -1, "text-embed-3": -1, "": -1,
	} {
		got, ok := p.Of(model)
		if want < 0 && ok || want >= 0 && (!ok || got.Input != want) {
			t.Errorf("%q: got %v %v, want %v", model, got.Input, ok, want)
		}
	}
	if p.AsOf == "" {
		t.Error("the table has no date")
	}
	if err := (agent.Price{Input: -1}).Check(); err == nil {
		t.Error("a negative price passes")
	}
}

func TestMessagesAreRedactedAndBounded(t *testing.T) {
	for text, secret := range map[string]string{
		"use sk-ant-REDACTED please":             "abcdefghijklmnop",
		`{"password": "hunter2 and more"}`:       "hunter2",
		`{\"api_key\":\"abc123def\"}`:            "abc123def",
		"Authorization: Bearer abcdef0123456789": "abcdef0123456789",
		"postgres://bob:s3cret@db/x":             "s3cret",
		"AKIAABCDEFGHIJKLMNOP":                   "ABCDEFGHIJKLMNOP",
		"aws_secret_access_key = wJalrXUtnFEMI":  "wJalrXUtnFEMI",
	} {
		if got := agent.Redact(text); strings.Contains(got, secret) {
			t.Errorf("%q stays: %q", secret, got)
		}
	}
	for _, text := range []string{"the secretary sent 3 tokens", "skipped: 12 of 40"} {
		if got := agent.Redact(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
	long := strings.Repeat("x", 5000)
	d := show(t, spans(t, span{id: "1", name: "chat m", ms: 10, attrs: fmt.Sprintf(asChat, "m", 1, 1) + `,"gen_ai.input.messages":"[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"` + long + `\"}]}]"`}), "")
	if m := d.Tree[0].Messages; len(m) != 1 || m[0].Role != "user" || len(m[0].Text) > 2000 || m[0].Cut != 3000 {
		t.Errorf("%+v", m)
	}
}
