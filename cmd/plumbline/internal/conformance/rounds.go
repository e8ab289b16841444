package conformance

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// signer makes states that a client can carry but not change.
type signer []byte

func (s signer) sign(state string) string {
	mac := hmac.New(sha256.New, s)
	mac.Write([]byte(state))
	return state + "." + hex.EncodeToString(mac.Sum(nil))
}

func (s signer) open(signed string) (string, error) {
	state, _, _ := strings.Cut(signed, ".")
	if !hmac.Equal([]byte(s.sign(state)), []byte(signed)) {
		return "", errors.New("request state was changed on its way")
	}
	return state, nil
}

// asks is a tool whose first answer asks for input, and which is called again with it (SEP-2322).
type asks func(r mcp.CallToolRequest) (*mcp.CallToolResult, error)

func name() mcp.ElicitationParams {
	return question("What is your name?", "name", "string")
}

func question(message, field, typ string) mcp.ElicitationParams {
	return mcp.ElicitationParams{Message: message, RequestedSchema: form([]string{field}, object{field: object{"type": typ}})}
}

// answered returns the accepted answer of an elicitation, or nil.
func answered(r mcp.CallToolRequest, key string) map[string]any {
	e := server.ElicitationResponse(r.Params.InputResponses, key)
	if e == nil || e.Action != mcp.ElicitationResponseActionAccept {
		return nil
	}
	c, _ := e.Content.(map[string]any)
	return c
}

// addRounds adds the tools of multi round-trip requests.
func addRounds(m *server.MCPServer, secret signer) {
	tool := func(tool string, f asks) {
		m.AddTool(mcp.NewTool(tool, mcp.WithDescription("Asks for input and is called again with it")), func(_ context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			return f(r)
		})
	}
	hello := func(r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		if c := answered(r, "user_name"); c != nil && c["name"] != nil {
			return mcp.NewToolResultText(fmt.Sprintf("Hello, %v!", c["name"])), nil
		}
		return server.NewInputRequestBuilder("").Elicit("user_name", name()).ToolResult(), nil
	}
	tool("test_input_required_result_elicitation", hello)
	tool("test_streaming_elicitation", hello)
	tool("test_input_required_result_sampling", askCapital)
	tool("test_input_required_result_list_roots", askRoots)
	tool("test_input_required_result_request_state", secret.confirm)
	tool("test_input_required_result_tampered_state", secret.confirm)
	tool("test_input_required_result_multiple_inputs", secret.askAll)
	tool("test_input_required_result_multi_round", secret.twoRounds)
	m.AddTool(mcp.NewTool("test_input_required_result_capabilities", mcp.WithDescription("Asks only what the client can answer")), capable)
	m.AddTool(mcp.NewTool(missingCapability, mcp.WithDescription("Needs a client that can sample")), func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return mcp.NewToolResultText("the client can sample"), nil
	})
}

func askCapital(r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	if s := server.SamplingResponse(r.Params.InputResponses, "capital_question"); s != nil {
		return mcp.NewToolResultText(spoken(s)), nil
	}
	return server.NewInputRequestBuilder("").Sample("capital_question", sampling("What is the capital of France?", 100)).ToolResult(), nil
}

func askRoots(r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	if l := server.RootsResponse(r.Params.InputResponses, "client_roots"); l != nil {
		return mcp.NewToolResultText(fmt.Sprintf("%d roots: %v", len(l.Roots), l.Roots)), nil
	}
	return server.NewInputRequestBuilder("").Roots("client_roots").ToolResult(), nil
}

func (s signer) confirm(r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	if r.Params.RequestState != "" {
		if _, err := s.open(r.Params.RequestState); err != nil {
			return nil, err
		}
		if answered(r, "confirm") != nil {
			return mcp.NewToolResultText("state-ok"), nil
		}
	}
	return server.NewInputRequestBuilder(s.sign("confirm")).Elicit("confirm", question("Please confirm", "ok", "boolean")).ToolResult(), nil
}

func (s signer) askAll(r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	in := r.Params.InputResponses
	if r.Params.RequestState != "" {
		if _, err := s.open(r.Params.RequestState); err != nil {
			return nil, err
		}
		who, greeting, roots := answered(r, "user_name"), server.SamplingResponse(in, "greeting"), server.RootsResponse(in, "client_roots")
		if who != nil && greeting != nil && roots != nil {
			return mcp.NewToolResultText(fmt.Sprintf("%s, %v (%d roots)", spoken(greeting), who["name"], len(roots.Roots))), nil
		}
	}
	return server.NewInputRequestBuilder(s.sign("all")).Elicit("user_name", name()).
		Sample("greeting", sampling("Generate a greeting", 50)).Roots("client_roots").ToolResult(), nil
}

func (s signer) twoRounds(r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	state := ""
	if r.Params.RequestState != "" {
		var err error
		if state, err = s.open(r.Params.RequestState); err != nil {
			return nil, err
		}
	}
	who, colour := answered(r, "step1"), answered(r, "step2")
	switch {
	case state == "" || (state == "step1" && who == nil):
		return server.NewInputRequestBuilder(s.sign("step1")).Elicit("step1", question("Step 1: What is your name?", "name", "string")).ToolResult(), nil
	case colour == nil:
		return server.NewInputRequestBuilder(s.sign("step2")).Elicit("step2", question("Step 2: What is your favorite color?", "color", "string")).ToolResult(), nil
	}
	return mcp.NewToolResultText(fmt.Sprintf("Your colour is %v.", colour["color"])), nil
}

// capable asks by the means that the request's own capabilities name.
func capable(ctx context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	if len(r.Params.InputResponses) > 0 {
		return mcp.NewToolResultText("answered"), nil
	}
	p := server.RequestProtocolInfoFromContext(ctx)
	if p == nil || p.ClientCapabilities == nil {
		return mcp.NewToolResultText("the client can answer nothing"), nil
	}
	b := server.NewInputRequestBuilder("")
	if p.ClientCapabilities.Elicitation != nil {
		b.Elicit("user_name", name())
	}
	if p.ClientCapabilities.Sampling != nil {
		b.Sample("greeting", sampling("Generate a greeting", 50))
	}
	return b.ToolResult(), nil
}
