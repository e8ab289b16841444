package conformance

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

func addResources(m *server.MCPServer) {
	fixed := func(uri, name string, content mcp.ResourceContents, mime string) {
		m.AddResource(mcp.NewResource(uri, name, mcp.WithResourceDescription("A fixed resource"), mcp.WithMIMEType(mime)),
			func(context.Context, mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
				return []mcp.ResourceContents{content}, nil
			})
	}
	fixed("test://static-text", "static-text", mcp.TextResourceContents{URI: "test://static-text", MIMEType: "text/plain", Text: "This is the content of the static text resource."}, "text/plain")
	fixed("test://static-binary", "static-binary", mcp.BlobResourceContents{URI: "test://static-binary", MIMEType: "image/png", Blob: pixel}, "image/png")
	fixed("test://watched-resource", "watched-resource", mcp.TextResourceContents{URI: "test://watched-resource", MIMEType: "text/plain", Text: "Watched."}, "text/plain")
	m.AddResourceTemplate(mcp.NewResourceTemplate("test://template/{id}/data", "template", mcp.WithTemplateDescription("A resource by id"), mcp.WithTemplateMIMEType("application/json")),
		func(_ context.Context, r mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
			id := strings.TrimSuffix(strings.TrimPrefix(r.Params.URI, "test://template/"), "/data")
			body, err := json.Marshal(map[string]any{"id": id, "templateTest": true, "data": "Data for ID: " + id})
			if err != nil {
				return nil, err
			}
			return []mcp.ResourceContents{mcp.TextResourceContents{URI: r.Params.URI, MIMEType: "application/json", Text: string(body)}}, nil
		})
}

// text is a prompt of one message.
func text(words string) server.PromptHandlerFunc {
	return func(context.Context, mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
		return said(mcp.NewTextContent(words)), nil
	}
}

func said(content ...mcp.Content) *mcp.GetPromptResult {
	r := &mcp.GetPromptResult{}
	for _, c := range content {
		r.Messages = append(r.Messages, mcp.PromptMessage{Role: mcp.RoleUser, Content: c})
	}
	return r
}

func addPrompts(m *server.MCPServer) {
	m.AddPrompt(mcp.NewPrompt("test_simple_prompt", mcp.WithPromptDescription("Without arguments")), text("This is a simple prompt for testing."))
	m.AddPrompt(mcp.NewPrompt("test_prompt_with_arguments", mcp.WithPromptDescription("With two arguments"),
		mcp.WithArgument("arg1", mcp.ArgumentDescription("First test argument"), mcp.RequiredArgument()),
		mcp.WithArgument("arg2", mcp.ArgumentDescription("Second test argument"), mcp.RequiredArgument())),
		func(_ context.Context, r mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
			a := r.Params.Arguments
			return said(mcp.NewTextContent("Prompt with arguments: arg1='" + a["arg1"] + "', arg2='" + a["arg2"] + "'")), nil
		})
	m.AddPrompt(mcp.NewPrompt("test_prompt_with_embedded_resource", mcp.WithPromptDescription("With a resource"),
		mcp.WithArgument("resourceUri", mcp.ArgumentDescription("URI of the resource to embed"), mcp.RequiredArgument())),
		func(_ context.Context, r mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
			return said(mcp.NewEmbeddedResource(mcp.TextResourceContents{URI: r.Params.Arguments["resourceUri"], MIMEType: "text/plain", Text: "Embedded resource content for testing."}),
				mcp.NewTextContent("Please process the embedded resource above.")), nil
		})
	m.AddPrompt(mcp.NewPrompt("test_prompt_with_image", mcp.WithPromptDescription("With an image")), func(context.Context, mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
		return said(mcp.NewImageContent(pixel, "image/png"), mcp.NewTextContent("Please analyze the image above.")), nil
	})
	m.AddPrompt(mcp.NewPrompt("test_input_required_result_prompt", mcp.WithPromptDescription("Asks for input first")), func(_ context.Context, r mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
		if e := server.ElicitationResponse(r.Params.InputResponses, "user_context"); e != nil {
			return said(mcp.NewTextContent("With the context you gave.")), nil
		}
		return server.NewInputRequestBuilder("").Elicit("user_context", question("What context should the prompt use?", "context", "string")).PromptResult(), nil
	})
}

// completions completes arguments of prompts and templates from a fixed list.
type completions struct{}

func complete(prefix string) *mcp.Completion {
	values := []string{}
	for _, v := range []string{"paris", "park", "party"} {
		if strings.HasPrefix(v, prefix) {
			values = append(values, v)
		}
	}
	return &mcp.Completion{Values: values, Total: len(values)}
}

// CompletePromptArgument implements server.PromptCompletionProvider.
func (completions) CompletePromptArgument(_ context.Context, _ string, a mcp.CompleteArgument, _ mcp.CompleteContext) (*mcp.Completion, error) {
	return complete(a.Value), nil
}

// CompleteResourceArgument implements server.ResourceCompletionProvider.
func (completions) CompleteResourceArgument(_ context.Context, _ string, a mcp.CompleteArgument, _ mcp.CompleteContext) (*mcp.Completion, error) {
	return complete(a.Value), nil
}
