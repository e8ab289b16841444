// Package telemetry makes Plumbline's own calls visible: one SERVER span and one duration sample for each MCP request, as the
// OpenTelemetry conventions for MCP and gen_ai ask, and CLIENT spans for what a request does at a backend.
//
// Setup builds the providers; without an endpoint or a trace file they record nothing and cost nothing. Options wires them
// into an mcp-go server; Backend opens the CLIENT span around one backend request. Contents of calls (arguments, results)
// are recorded only when asked for, since they are the user's data.
//
// Source of names and rules: OpenTelemetry semantic conventions for generative AI, pages MCP and gen-ai spans (status
// Development); every name stands once, in semconv.go.
package telemetry
