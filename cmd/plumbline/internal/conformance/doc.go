// Package conformance holds the tools, resources and prompts that the official MCP conformance suite calls by name
// (npm @modelcontextprotocol/conformance). They are served by `plumbline serve --conformance-fixtures` beside the real tools,
// so that the suite judges the same server, transport and guards that agents use. The texts are the suite's.
package conformance

import (
	"context"
	"net/http"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// Fixtures are the fixtures of one server.
type Fixtures struct {
	secret  signer // signs the states that tools hand to the client between two rounds
	streams streams
}

// New returns fixtures that sign with the secret.
func New(secret []byte) *Fixtures { return &Fixtures{secret: secret} }

// Options returns the capabilities that only the fixtures need.
func (*Fixtures) Options() []server.ServerOption {
	return []server.ServerOption{
		server.WithToolCapabilities(true), server.WithPromptCapabilities(true), server.WithResourceCapabilities(true, true),
		server.WithCompletions(), server.WithElicitation(), server.WithPromptCompletionProvider(completions{}), server.WithResourceCompletionProvider(completions{}),
	}
}

// Register adds the fixtures to the server.
func (f *Fixtures) Register(m *server.MCPServer) {
	m.EnableSampling()
	addContent(m)
	addNotifying(m)
	f.addAsking(m)
	addRounds(m, f.secret)
	addResources(m)
	addPrompts(m)
}

// Wrap stands between the guard and mcp-go's HTTP handler, which must allow GET streams.
func (f *Fixtures) Wrap(next http.Handler) http.Handler {
	return f.streams.hold(requireCapability(next))
}

// pause is long enough for a client to see messages arrive one by one.
const pause = 50 * time.Millisecond

// The smallest valid PNG and WAV files, in base64.
const (
	pixel   = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
	silence = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="
)

// schemaTool is the name the suite expects of the tool with the rich schema.
const schemaTool = "json_schema_2020_12_tool"

// richSchema uses what JSON Schema 2020-12 allows beyond types: it must reach the client as it is.
const richSchema = `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object",
"$defs":{"address":{"$anchor":"addressDef","type":"object","properties":{"street":{"type":"string"},"city":{"type":"string"}}}},
"properties":{"name":{"type":"string"},"address":{"$ref":"#/$defs/address"},"contactMethod":{"type":"string","enum":["phone","email"]},"phone":{"type":"string"},"email":{"type":"string"}},
"allOf":[{"anyOf":[{"required":["phone"]},{"required":["email"]}]}],
"if":{"properties":{"contactMethod":{"const":"phone"}},"required":["contactMethod"]},"then":{"required":["phone"]},"else":{"required":["email"]},"additionalProperties":false}`

// headerSchema mirrors one argument into an HTTP header (SEP-2243).
const headerSchema = `{"type":"object","properties":{"region":{"type":"string","description":"mirrored as Mcp-Param-Region","x-mcp-header":"Region"},"query":{"type":"string","description":"not mirrored"}},"required":["region"]}`

func addContent(m *server.MCPServer) {
	fixed := func(name, about string, content ...mcp.Content) {
		m.AddTool(mcp.NewTool(name, mcp.WithDescription(about)), func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			return &mcp.CallToolResult{Content: content}, nil
		})
	}
	fixed("test_simple_text", "Answers with text", mcp.NewTextContent("This is a simple text response for testing."))
	fixed("test_image_content", "Answers with an image", mcp.NewImageContent(pixel, "image/png"))
	fixed("test_audio_content", "Answers with audio", mcp.NewAudioContent(silence, "audio/wav"))
	fixed("test_embedded_resource", "Answers with a resource", mcp.NewEmbeddedResource(mcp.TextResourceContents{
		URI: "test://embedded-resource", MIMEType: "text/plain", Text: "This is an embedded resource content.",
	}))
	fixed("test_multiple_content_types", "Answers with text, image and resource", mcp.NewTextContent("Multiple content types test:"),
		mcp.NewImageContent(pixel, "image/png"), mcp.NewEmbeddedResource(mcp.TextResourceContents{
			URI: "test://mixed-content-resource", MIMEType: "application/json", Text: `{"test":"data","value":123}`,
		}))
	m.AddTool(mcp.NewTool("test_error_handling", mcp.WithDescription("Fails on purpose")), func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return mcp.NewToolResultError("This tool intentionally returns an error for testing"), nil
	})
	for name, schema := range map[string]string{schemaTool: richSchema, "test_header_mirroring": headerSchema} {
		m.AddTool(mcp.NewToolWithRawSchema(name, "Has a schema that must arrive unchanged", []byte(schema)), func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			return mcp.NewToolResultText("ok"), nil
		})
	}
}
