package conformance

import (
	"context"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// addNotifying adds tools that send messages while they run, or change what is listed.
func addNotifying(m *server.MCPServer) {
	m.AddTool(mcp.NewTool("test_tool_with_logging", mcp.WithDescription("Logs while it runs")), func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return logThrice(ctx, m, "Tool execution started", "Tool processing data", "Tool execution completed")
	})
	m.AddTool(mcp.NewTool("test_logging_tool", mcp.WithDescription("Logs while it runs, if the request asked for logs")), func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return logThrice(ctx, m, "one")
	})
	m.AddTool(mcp.NewTool("test_tool_with_progress", mcp.WithDescription("Reports progress")), func(ctx context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		if r.Params.Meta == nil || r.Params.Meta.ProgressToken == nil {
			return mcp.NewToolResultText("no progress asked for"), nil
		}
		for _, n := range []int{0, 50, 100} {
			if err := m.SendNotificationToClient(ctx, string(mcp.MethodNotificationProgress), map[string]any{"progressToken": r.Params.Meta.ProgressToken, "progress": n, "total": 100}); err != nil {
				return nil, err
			}
			if err := sleep(ctx); err != nil {
				return nil, err
			}
		}
		return mcp.NewToolResultText("progress reported"), nil
	})
	m.AddTool(mcp.NewTool("test_trigger_tool_change", mcp.WithDescription("Changes the list of tools")), func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		m.AddTool(mcp.NewTool("test_changing", mcp.WithDescription("Comes and goes")), func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			return mcp.NewToolResultText("here"), nil
		})
		m.DeleteTools("test_changing")
		return mcp.NewToolResultText("changed"), nil
	})
	m.AddTool(mcp.NewTool("test_trigger_prompt_change", mcp.WithDescription("Changes the list of prompts")), func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		m.AddPrompt(mcp.NewPrompt("test_changing_prompt"), text("here"))
		m.DeletePrompts("test_changing_prompt")
		return mcp.NewToolResultText("changed"), nil
	})
}

// logThrice sends log messages; mcp-go leaves out those that the client's level does not ask for.
func logThrice(ctx context.Context, m *server.MCPServer, messages ...string) (*mcp.CallToolResult, error) {
	for _, msg := range messages {
		n := mcp.NewLoggingMessageNotification(mcp.LoggingLevelInfo, "conformance", msg)
		if err := m.SendLogMessageToClient(ctx, n); err != nil {
			return nil, err
		}
		if err := sleep(ctx); err != nil {
			return nil, err
		}
	}
	return mcp.NewToolResultText("Tool with logging executed successfully"), nil
}

func sleep(ctx context.Context) error {
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
