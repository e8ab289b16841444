package conformance

import (
	"context"
	"fmt"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// object is a JSON Schema object in the making.
type object = map[string]any

func form(required []string, properties object) object {
	o := object{"type": "object", "properties": properties}
	if len(required) > 0 {
		o["required"] = required
	}
	return o
}

// addAsking adds tools that ask the client something while they run, as clients before 2026-07-28 understand it.
func (f *Fixtures) addAsking(m *server.MCPServer) {
	m.AddTool(mcp.NewTool("test_sampling", mcp.WithDescription("Asks the client's model"), mcp.WithString("prompt", mcp.Description("what to ask"), mcp.Required())),
		func(ctx context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			if session := server.ClientSessionFromContext(ctx); session != nil {
				f.streams.need(session.SessionID())
			}
			//nolint:staticcheck // deprecated for 2026-07-28; the suite's 2025-11-25 scenario wants it
			res, err := m.RequestSampling(ctx, mcp.CreateMessageRequest{
				Request: mcp.Request{Method: string(mcp.MethodSamplingCreateMessage)}, CreateMessageParams: sampling(r.GetString("prompt", ""), 100),
			})
			if err != nil {
				return mcp.NewToolResultErrorFromErr("sampling", err), nil
			}
			return mcp.NewToolResultText(fmt.Sprintf("LLM response: %v", spoken(res))), nil
		})
	elicit := func(name, about, message string, schema object) {
		m.AddTool(mcp.NewTool(name, mcp.WithDescription(about), mcp.WithString("message", mcp.Description("what to show"))),
			func(ctx context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
				res, err := m.RequestElicitation(ctx, mcp.ElicitationRequest{
					Request: mcp.Request{Method: string(mcp.MethodElicitationCreate)},
					Params:  mcp.ElicitationParams{Message: r.GetString("message", message), RequestedSchema: schema},
				})
				if err != nil {
					return mcp.NewToolResultErrorFromErr("elicitation", err), nil
				}
				return mcp.NewToolResultText(fmt.Sprintf("Elicitation completed: action=%s, content=%v", res.Action, res.Content)), nil
			})
	}
	elicit("test_elicitation", "Asks the user for a name and an address", "Please answer", form([]string{"username", "email"}, object{
		"username": object{"type": "string", "description": "User's response"}, "email": object{"type": "string", "description": "User's email address"},
	}))
	elicit("test_elicitation_sep1034_defaults", "Asks with defaults of every type", "Please check", form(nil, object{
		"name": object{"type": "string", "default": "John Doe"}, "age": object{"type": "integer", "default": 30}, "score": object{"type": "number", "default": 95.5},
		"status": object{"type": "string", "enum": []string{"active", "inactive", "pending"}, "default": "active"}, "verified": object{"type": "boolean", "default": true},
	}))
	titled := []object{{"const": "value1", "title": "First Option"}, {"const": "value2", "title": "Second Option"}, {"const": "value3", "title": "Third Option"}}
	elicit("test_elicitation_sep1330_enums", "Asks with choices of every form", "Please choose", form(nil, object{
		"untitledSingle": object{"type": "string", "enum": []string{"option1", "option2", "option3"}},
		"titledSingle":   object{"type": "string", "oneOf": titled},
		"legacyEnum":     object{"type": "string", "enum": []string{"opt1", "opt2", "opt3"}, "enumNames": []string{"Option One", "Option Two", "Option Three"}},
		"untitledMulti":  object{"type": "array", "items": object{"type": "string", "enum": []string{"option1", "option2", "option3"}}},
		"titledMulti":    object{"type": "array", "items": object{"anyOf": titled}},
	}))
}

func sampling(prompt string, tokens int) mcp.CreateMessageParams {
	return mcp.CreateMessageParams{Messages: []mcp.SamplingMessage{{Role: mcp.RoleUser, Content: mcp.NewTextContent(prompt)}}, MaxTokens: tokens}
}

// spoken returns the text of a sampling result.
func spoken(r *mcp.CreateMessageResult) string {
	switch c := r.Content.(type) {
	case mcp.TextContent:
		return c.Text
	case map[string]any:
		return fmt.Sprint(c["text"])
	}
	return fmt.Sprint(r.Content)
}
