package otlp

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"

	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// encodeMetrics returns the lines of an export, one a scope, and the numbers of points kept and refused. Metrics are few beside spans,
// so the general encoder does.
func encodeMetrics(list []*metrics.ResourceMetrics) (out []byte, kept, rejected int, err error) {
	for _, r := range list {
		for _, s := range r.GetScopeMetrics() {
			n := points(s)
			eachExemplar(s, asHex)
			one := &metrics.MetricsData{ResourceMetrics: []*metrics.ResourceMetrics{{
				Resource: r.GetResource(), SchemaUrl: r.GetSchemaUrl(), ScopeMetrics: []*metrics.ScopeMetrics{s},
			}}}
			line, err := protojson.MarshalOptions{UseEnumNumbers: true}.Marshal(one)
			if err != nil {
				return nil, 0, 0, fmt.Errorf("encode metrics: %w", err)
			}
			if len(line) > maxLine {
				rejected += n
				continue
			}
			kept += n
			out = append(append(out, line...), '\n')
		}
	}
	return out, kept, rejected, nil
}

// points counts the data points of a scope.
func points(s *metrics.ScopeMetrics) int {
	n := 0
	for _, m := range s.GetMetrics() {
		n += len(m.GetGauge().GetDataPoints()) + len(m.GetSum().GetDataPoints()) + len(m.GetHistogram().GetDataPoints()) +
			len(m.GetExponentialHistogram().GetDataPoints()) + len(m.GetSummary().GetDataPoints())
	}
	return n
}

// eachExemplar replaces the ids of a scope's exemplars.
func eachExemplar(s *metrics.ScopeMetrics, f func([]byte) []byte) {
	swap := func(list []*metrics.Exemplar) {
		for _, e := range list {
			e.TraceId, e.SpanId = f(e.GetTraceId()), f(e.GetSpanId())
		}
	}
	for _, m := range s.GetMetrics() {
		for _, p := range m.GetGauge().GetDataPoints() {
			swap(p.GetExemplars())
		}
		for _, p := range m.GetSum().GetDataPoints() {
			swap(p.GetExemplars())
		}
		for _, p := range m.GetHistogram().GetDataPoints() {
			swap(p.GetExemplars())
		}
		for _, p := range m.GetExponentialHistogram().GetDataPoints() {
			swap(p.GetExemplars())
		}
	}
}

// asHex returns bytes that base64 writes as the id in hexadecimal: the general encoder writes bytes in base64, OTLP/JSON wants ids in
// hexadecimal. It is nil when there is none.
func asHex(id []byte) []byte {
	b, err := base64.StdEncoding.DecodeString(hex.EncodeToString(id))
	if err != nil || len(b) == 0 {
		return nil
	}
	return b
}

// toID is the reverse: bytes that a JSON decoder read as base64 from what was an id in hexadecimal.
func toID(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	id, err := hex.DecodeString(base64.StdEncoding.EncodeToString(b))
	if err != nil {
		return nil
	}
	return id
}

// unmarshalJSON reads OTLP/JSON: as the general decoder, which takes ids for base64; ids are mended afterwards.
func unmarshalJSON(data []byte, m proto.Message) error {
	return protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(data, m)
}
