package telemetry

import "go.opentelemetry.io/otel/attribute"

// Attribute keys of the conventions (MCP, gen_ai, JSON-RPC, network, database). They are written out here rather than taken
// from a semconv package because the gen_ai ones left it after v1.41.0 and move on their own.
const (
	keyMethod          = attribute.Key("mcp.method.name")
	keyResourceURI     = attribute.Key("mcp.resource.uri")
	keyMCPProtocol     = attribute.Key("mcp.protocol.version")
	keySession         = attribute.Key("mcp.session.id")
	keyToolName        = attribute.Key("gen_ai.tool.name")
	keyPromptName      = attribute.Key("gen_ai.prompt.name")
	keyOperation       = attribute.Key("gen_ai.operation.name")
	keyToolArguments   = attribute.Key("gen_ai.tool.call.arguments")
	keyToolResult      = attribute.Key("gen_ai.tool.call.result")
	keyRequestID       = attribute.Key("jsonrpc.request.id")
	keyStatusCode      = attribute.Key("rpc.response.status_code")
	keyErrorType       = attribute.Key("error.type")
	keyTransport       = attribute.Key("network.transport")
	keyNetworkProtocol = attribute.Key("network.protocol.name")
	keyNetworkVersion  = attribute.Key("network.protocol.version")
	keyClientAddress   = attribute.Key("client.address")
	keyClientPort      = attribute.Key("client.port")
	keyDBSystem        = attribute.Key("db.system.name")
	keyDBOperation     = attribute.Key("db.operation.name")
	keyDBSummary       = attribute.Key("db.query.summary")
	keyServerAddress   = attribute.Key("server.address")
	keyServiceName     = attribute.Key("service.name")
	keyServiceVersion  = attribute.Key("service.version")
)

// Values of the conventions.
const (
	operationExecuteTool = "execute_tool"
	transportPipe        = "pipe" // stdio
	transportTCP         = "tcp"  // streamable HTTP
	errorTool            = "tool_error"
	errorTimeout         = "timeout"
	errorOther           = "_OTHER"
)

// Names of the instruments; both are histograms in seconds.
const (
	metricOperation = "mcp.server.operation.duration"
	metricSession   = "mcp.server.session.duration"
)

// durationBuckets are the boundaries that the conventions give for both instruments, in seconds.
var durationBuckets = []float64{.01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 30, 60, 120, 300}
