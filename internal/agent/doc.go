// Package agent reads what AI agents did out of their telemetry: runs, their chain of reasoning, what failed first, what
// repeats, what it cost. It asks an engine by PPL and knows the attribute names of several conventions, one file each.
//
// Words: a step is one span (or one log event) of an agent: a call of a model, a tool, an embedding, a retrieval, an agent
// itself. A run is what one topmost step of a trace holds, most often an agent's answer to one question; steps that have no
// agent above them form one run for each trace. A turn is one call of a model. A conversation is several runs under one id.
// A leg is a further span of a tool call that is counted already, as the client and server spans of MCP below execute_tool.
//
// Input tokens always include what was read from and written to a cache, whatever the convention counts.
//
// Nothing here guesses: what the data does not say is absent, a model without a price has no cost, and two calls count as
// identical only when their arguments do, or, where no arguments were recorded, when the sizes of their results do.
package agent
