package main

import (
	"context"
	"sync"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/metrics"
	"github.com/plumbline-mcp/plumbline/internal/prometheus"
	"github.com/plumbline-mcp/plumbline/telemetry"
)

// metricSources opens what answers PromQL: a server of kind prometheus, or the engine over any other source's metrics.
type metricSources struct {
	sources

	host host

	mu   sync.Mutex
	made map[string]*prometheus.Client // made when first needed, so that no start waits for a server
}

// Metrics implements the sources of the metrics toolset.
func (m *metricSources) Metrics(ctx context.Context, name string) (metrics.Source, error) {
	if name == "" {
		name = m.fallback()
	}
	src, ok := m.config.Sources[name]
	if !ok || src.Kind != kindPrometheus {
		eng, err := m.Open(ctx, name)
		if err != nil {
			return nil, err
		}
		return metrics.NewLocal(eng), nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.made[name]; c != nil {
		return metrics.NewServer(c), nil
	}
	c, err := prometheus.New(m.configOf(name, src))
	if err != nil {
		return nil, err
	}
	if m.made == nil {
		m.made = map[string]*prometheus.Client{}
	}
	m.made[name] = c
	return metrics.NewServer(c), nil
}

// checkServer refuses what only clusters can be asked with.
func (s sourceConfig) checkServer(name string) error {
	for _, x := range []struct {
		what string
		set  bool
	}{
		{"urls", len(s.URLs) > 0},
		{"indices", len(s.Indices) > 0},
		{"auth.api_key", s.Auth.apiKey() != secretConfig{}},
		{"auth.pass_through", s.Auth.PassThrough != ""},
		{"proxy", s.Proxy != proxyConfig{}},
		{"compression", s.Compression != ""},
	} {
		if x.set {
			return fault.New(fault.InvalidArgument, "sources.%s: %s is no setting of kind prometheus", name, x.what)
		}
	}
	return nil
}

// configOf turns the configuration of a source into that of a client.
func (m *metricSources) configOf(name string, s sourceConfig) prometheus.Config {
	v := vault{env: m.host.env, base: m.base}
	out := prometheus.Config{
		Name: name, URL: s.URL, Now: m.host.now, UserAgent: "plumbline/" + version(),
		TLS: prometheus.TLS{
			CAFile: v.at(s.TLS.CAFile), CertFile: v.at(s.TLS.CertFile), KeyFile: v.at(s.TLS.KeyFile), ServerName: s.TLS.ServerName, Insecure: s.TLS.Insecure,
		},
		Auth:    prometheus.Auth{Username: s.Auth.Username, Password: v.secret(s.Auth.password()), Bearer: v.secret(s.Auth.token())},
		Timeout: s.timeout(m.config.queryTimeout()), MaxBytes: s.maxAnswer(),
		Observe: func(ctx context.Context, c prometheus.Call) (context.Context, func(error)) {
			return m.telemetry.Backend(ctx, telemetry.Request{System: kindPrometheus, Operation: c.Operation, Address: c.Address})
		},
	}
	for header, secret := range s.Auth.Headers {
		if out.Auth.Headers == nil {
			out.Auth.Headers = map[string]prometheus.Secret{}
		}
		out.Auth.Headers[header] = v.secret(secret)
	}
	if a := s.Auth.AWS; a != nil {
		out.Auth.AWS = &prometheus.AWS{Service: a.Service, Region: a.Region, Profile: a.Profile, Role: a.Role, ExternalID: a.ExternalID}
	}
	return out
}
