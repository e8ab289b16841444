package tools

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"runtime/debug"
	"sync"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// Tool is a Spec with its schemas and its typed function, ready to be called with JSON.
type Tool struct {
	Spec

	in      *schema
	out     func() *schema // made at the first answer: no start waits for it
	inType  reflect.Type
	outType reflect.Type
	run     func(ctx context.Context, raw json.RawMessage) (Texter, error)
}

// New makes a tool of a typed function. In is a struct: its json tags name the arguments, its jsonschema tags describe them,
// and a member without omitempty that is no pointer is required. Out is a struct or a pointer to one: its json tags are the
// structured content, its WriteText the text. Both come from one value.
func New[In any, Out Texter](spec Spec, handle Handler[In, Out]) Tool {
	in, out := reflect.TypeFor[In](), reflect.TypeFor[Out]()
	return Tool{
		Spec: spec, in: inputSchema(in), out: sync.OnceValue(func() *schema { return outputSchema(out) }), inType: in, outType: out,
		run: func(ctx context.Context, raw json.RawMessage) (Texter, error) {
			var args In
			if err := decode(raw, &args); err != nil {
				return nil, err
			}
			return handle(ctx, args)
		},
	}
}

// Arguments lists the names of the tool's arguments with the JSON type and the description of each, in order.
func (t Tool) Arguments() []Argument {
	var out []Argument
	for _, f := range fields(t.inType) {
		p := t.in.Properties[f.name]
		typ := p.Type
		if len(p.AnyOf) > 0 {
			typ = "object or text"
		}
		out = append(out, Argument{Name: f.name, Type: typ, Doc: f.doc, Required: f.required, Enum: p.Enum})
	}
	return out
}

// Argument describes one argument of a tool.
type Argument struct {
	Name, Type, Doc string
	Required        bool
	Enum            []string
}

// Answer is what a call gives: one value as structured content and as text, or an error in both forms.
type Answer struct {
	Structured map[string]any // JSON object; numbers are json.Number
	Text       string
	Err        error // not nil: Structured is {"error":{code,message,hint}}
}

// Call runs the tool with a JSON object of arguments. It never panics: a panic of the function becomes an internal error.
func (t Tool) Call(ctx context.Context, raw json.RawMessage) Answer {
	a, err := t.protected(ctx, raw)
	if err != nil {
		return failure(err)
	}
	return a
}

func (t Tool) protected(ctx context.Context, raw json.RawMessage) (_ Answer, err error) {
	defer func() {
		if p := recover(); p != nil {
			bug := &panicError{value: p, stack: debug.Stack()}
			err = fault.WithHint(fault.New(fault.Internal, "%s: %w", t.Name, bug), "This is a bug of Plumbline; other calls go on.")
		}
	}()
	value, err := t.run(ctx, raw)
	if err != nil {
		return Answer{}, err
	}
	structured, err := t.structure(value)
	if err != nil {
		return Answer{}, err
	}
	var text bytes.Buffer
	value.WriteText(&text)
	return Answer{Structured: structured, Text: text.String()}, nil
}

// panicError is a panic of a tool, with where it happened for the log.
type panicError struct {
	value any
	stack []byte
}

func (p *panicError) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// structure turns the value into JSON that fits the output schema: nil lists become empty ones, nulls are left out.
func (t Tool) structure(value Texter) (map[string]any, error) {
	raw, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("%s: write the answer: %w", t.Name, err)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var tree map[string]any
	if err := dec.Decode(&tree); err != nil {
		return nil, fmt.Errorf("%s: the answer is no object: %w", t.Name, err)
	}
	return fill(tree, t.out()), nil
}

func fill(m map[string]any, s *schema) map[string]any {
	for name, p := range s.Properties {
		v, ok := m[name]
		switch {
		case ok && v == nil && p.Type == typeArray:
			m[name] = []any{}
		case ok && v == nil && p.Type != "":
			delete(m, name)
		case ok:
			fillValue(v, p)
		}
	}
	return m
}

func fillValue(v any, s *schema) {
	switch v := v.(type) {
	case map[string]any:
		if inner, ok := s.Additional.(*schema); ok {
			for _, e := range v {
				fillValue(e, inner)
			}
			return
		}
		fill(v, s)
	case []any:
		if s.Items != nil {
			for _, e := range v {
				fillValue(e, s.Items)
			}
		}
	}
}

func failure(err error) Answer {
	code, hint := fault.CodeOf(err), fault.HintOf(err)
	e := map[string]any{"code": string(code), "message": err.Error()}
	text := "error: " + err.Error() + "\n"
	if hint != "" {
		e["hint"] = hint
		text += "hint: " + hint + "\n"
	}
	return Answer{Structured: map[string]any{"error": e}, Text: text, Err: err}
}
