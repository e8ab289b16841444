package conformance

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"

	"github.com/mark3labs/mcp-go/mcp"
)

// missingCapability is the tool that may only be called by a client that can sample.
const missingCapability = "test_missing_capability"

// requireCapability refuses calls of that tool from clients that did not declare sampling, as 2026-07-28 asks: HTTP 400 and
// JSON-RPC -32021 with the capability in error.data. It stands before mcp-go because a handler's
// mcp.MissingRequiredClientCapabilityError leaves mcp-go v1.2.1 as -32603 without data (server/handler_errors.go).
func requireCapability(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, "read body: "+err.Error(), http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		var call struct {
			ID     any           `json:"id"`
			Method mcp.MCPMethod `json:"method"`
			Params struct {
				Name string    `json:"name"`
				Meta *mcp.Meta `json:"_meta"`
			} `json:"params"`
		}
		if json.Unmarshal(body, &call) != nil || call.Method != mcp.MethodToolsCall || call.Params.Name != missingCapability || call.Params.Meta == nil {
			next.ServeHTTP(w, r)
			return
		}
		if c := call.Params.Meta.ClientCapabilities(); c == nil || c.Sampling != nil {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]any{"jsonrpc": "2.0", "id": call.ID, "error": map[string]any{
			"code": mcp.MISSING_REQUIRED_CLIENT_CAPABILITY, "message": missingCapability + " needs the client capability sampling",
			"data": map[string]any{"requiredCapabilities": map[string]any{"sampling": map[string]any{}}},
		}})
	})
}
