package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// Judgement is a score that somebody gives a run or one of its steps.
type Judgement struct {
	TraceID, SpanID string // what is judged
	Conversation    string
	Score           Score
	Time            time.Time
}

// maxExplanation is what the observability SDK keeps of an explanation, in bytes.
const maxExplanation = 500

// ID names the judgement: the same score of the same step at the same value has one id, so that writing it twice makes one span.
func (j *Judgement) ID() string {
	value := ""
	if j.Score.Value != nil {
		value = strconv.FormatFloat(*j.Score.Value, 'g', -1, 64)
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{j.TraceID, j.SpanID, j.Score.Name, value, j.Score.Label, j.Score.Explanation}, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// Check refuses what no store could hold.
func (j *Judgement) Check() error {
	if len(j.TraceID) != 32 || len(j.SpanID) != 16 || strings.Trim(j.TraceID+j.SpanID, "0123456789abcdef") != "" {
		return fault.WithHint(fault.New(fault.Unsupported, "score: trace %q and span %q are no ids of OpenTelemetry", cut(j.TraceID, 64), cut(j.SpanID, 32)), "Only runs read from spans can be scored.")
	}
	return nil
}

// Export writes the judgement as an OTLP/JSON export of one span, evaluation NAME, below the step judged, with the attributes and the
// event gen_ai.evaluation.result of the conventions, as genai-observability-sdk-py does.
func (j *Judgement) Export() ([]byte, error) {
	list := j.attributes()
	at := strconv.FormatInt(j.Time.UnixNano(), 10)
	span := map[string]any{
		"traceId": j.TraceID, "spanId": j.ID(), "parentSpanId": j.SpanID, "name": "evaluation " + j.Score.Name, "kind": 1, "startTimeUnixNano": at, "endTimeUnixNano": at,
		"attributes": append([]any{textAttribute("gen_ai.operation.name", "evaluation")}, list...),
		"events":     []any{map[string]any{"name": "gen_ai.evaluation.result", "timeUnixNano": at, "attributes": list}},
	}
	body, err := json.Marshal(map[string]any{"resourceSpans": []any{map[string]any{
		"resource":   map[string]any{"attributes": []any{textAttribute("service.name", "plumbline")}},
		"scopeSpans": []any{map[string]any{"scope": map[string]any{"name": "plumbline.score"}, "spans": []any{span}}},
	}}})
	if err != nil {
		return nil, fmt.Errorf("write the score: %w", err)
	}
	return body, nil
}

func (j *Judgement) attributes() []any {
	list := []any{textAttribute("gen_ai.evaluation.name", j.Score.Name)}
	if j.Score.Value != nil {
		list = append(list, map[string]any{"key": "gen_ai.evaluation.score.value", "value": map[string]any{"doubleValue": *j.Score.Value}})
	}
	for _, a := range [][2]string{
		{"gen_ai.evaluation.score.label", j.Score.Label}, {"gen_ai.evaluation.explanation", cut(j.Score.Explanation, maxExplanation)}, {"gen_ai.conversation.id", j.Conversation},
	} {
		if a[1] != "" {
			list = append(list, textAttribute(a[0], a[1]))
		}
	}
	return list
}

func textAttribute(key, value string) map[string]any {
	return map[string]any{"key": key, "value": map[string]any{"stringValue": value}}
}

// HasSpan reports whether the run has a span of this id.
func (r *Run) HasSpan(id string) bool { return r.holds(func(s *Step) bool { return s.SpanID == id }) }
