package trace

import "strings"

// TargetKeys lists the attributes that name what an outgoing span calls, most telling first. It is the coalesce list of the
// application-performance view of OpenSearch Dashboards (correlated spans), with the newer names db.namespace,
// db.system.name, gen_ai.tool.name, gen_ai.provider.name and the transport keys first where they are more specific.
func TargetKeys() []string {
	return []string{
		"gen_ai.tool.name", "net.peer.name", "server.address", "upstream_cluster", "upstream_cluster_name", "rpc.service", "peer.service",
		"db.namespace", "db.name", "messaging.destination.name", "messaging.destination", "db.system.name", "db.system",
		"gen_ai.provider.name", "gen_ai.system", "http.host", "net.peer.ip", "network.peer.address",
	}
}

// statusKeys are the attributes that carry a protocol's answer code.
func statusKeys() []string {
	return []string{"http.response.status_code", "http.status_code", "rpc.grpc.status_code", "rpc.response.status_code"}
}

// failedStatus reports whether a protocol's answer code says failure: HTTP 4xx and 5xx, any gRPC code but 0 (OK).
func failedStatus(key, value string) bool {
	if strings.Contains(key, "http") {
		return len(value) == 3 && (value[0] == '4' || value[0] == '5')
	}
	return value != "" && value != "0" && value != "OK"
}

// maskPath replaces path segments that are numbers, UUIDs or long hexadecimal words by {id} and cuts the query string.
func maskPath(name string) string {
	if !strings.Contains(name, "/") {
		return name
	}
	if q := strings.IndexByte(name, '?'); q >= 0 {
		name = name[:q]
	}
	parts := strings.Split(name, "/")
	for i, p := range parts {
		if i > 0 && idSegment(p) {
			parts[i] = "{id}"
		}
	}
	return strings.Join(parts, "/")
}

// minHexID is the shortest hexadecimal word read as an id: shorter ones may be words ("cafe", "feed").
const minHexID = 12

func idSegment(p string) bool {
	digits, hex := 0, true
	for i := range len(p) {
		c := p[i]
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c >= 'a' && c <= 'f', c >= 'A' && c <= 'F', c == '-':
		default:
			hex = false
		}
	}
	return len(p) > 0 && (digits == len(p) || hex && digits > 0 && len(p) >= minHexID)
}
