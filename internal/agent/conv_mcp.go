package agent

// mcpNames reads the MCP semantic conventions: client and server spans of requests between an agent and its tools' servers.
func mcpNames() convention {
	return convention{
		name:     "mcp",
		markers:  []string{"mcp.method.name"},
		keys:     []string{"mcp.tool.name", "gen_ai.prompt.name", "mcp.resource.uri", "network.transport"},
		sessions: []string{"mcp.session.id"},
		read: func(a attrs, s *Step) {
			s.Method = a.text("mcp.method.name")
			if s.Method == "" {
				return
			}
			fill(&s.ToolName, a.text("mcp.tool.name"))
			switch {
			case s.Method == "tools/call":
				s.Category = Tool
				s.Convention = "mcp"
				fill(&s.Operation, "execute_tool")
			case s.Category == "":
				s.Category = MCP
			}
			fill(&s.Conversation, a.text("mcp.session.id"))
		},
	}
}
