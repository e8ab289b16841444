package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/clusterhealth"
	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/engine/remote"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/opensearch"
	"github.com/plumbline-mcp/plumbline/telemetry"
)

// clusters holds one client a cluster, made when it is first needed, so that no start waits for a cluster.
type clusters struct {
	host      host
	config    config
	base      string
	telemetry *telemetry.Telemetry
	logger    *slog.Logger

	mu      sync.Mutex
	made    map[string]*opensearch.Client
	engines []clusterEngine // the last used last
	retired []clusterEngine // given up for others, until no query can be under way in them
}

// clusterEngine is an engine over a cluster as one caller may see it: what it learnt of the indices is of that caller.
type clusterEngine struct {
	cluster, caller string
	engine          *remote.Engine
	spill           string    // directory of its own, for what does not fit into memory
	retired         time.Time // when it was given up
}

func (e clusterEngine) close() error { return errors.Join(e.engine.Close(), os.RemoveAll(e.spill)) }

// Bounds of the engines kept: one a cluster, and with pass-through one a caller. A query ends by its time limit, which is
// minutes at most.
const (
	maxEngines = 32
	retirement = 30 * time.Minute
)

// engine returns the engine over a cluster for the caller of ctx.
func (c *clusters) engine(ctx context.Context, name string) (engine.Engine, error) {
	client, err := c.client(name)
	if err != nil {
		return nil, err
	}
	caller := client.Caller(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, e := range c.engines {
		if e.cluster == name && e.caller == caller {
			c.engines = append(slices.Delete(c.engines, i, i+1), e)
			return e.engine, nil
		}
	}
	spill, err := os.MkdirTemp("", "plumbline-spill-")
	if err != nil {
		return nil, fault.WithCode(fmt.Errorf("make a directory for queries: %w", err), fault.PermissionDenied)
	}
	conf := c.engineConfig(client, c.config.Sources[name])
	conf.TempDir = spill
	made, err := remote.New(conf)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(spill))
	}
	c.engines = append(c.engines, clusterEngine{cluster: name, caller: caller, engine: made, spill: spill})
	return made, c.retire()
}

// retire gives up the engine used longest ago when there are too many, and closes those given up long enough ago.
func (c *clusters) retire() error {
	now := c.host.now()
	if len(c.engines) > maxEngines {
		old := c.engines[0]
		old.retired = now
		c.engines, c.retired = slices.Delete(c.engines, 0, 1), append(c.retired, old)
	}
	var errs []error
	for len(c.retired) > 0 && now.Sub(c.retired[0].retired) > retirement {
		errs = append(errs, c.retired[0].close())
		c.retired = slices.Delete(c.retired, 0, 1)
	}
	return errors.Join(errs...)
}

func (c *clusters) engineConfig(client *opensearch.Client, s sourceConfig) remote.Config {
	out := remote.Config{Cluster: client, Now: c.host.now, Threads: c.config.Engine.Threads, Logger: c.logger, Indices: map[engine.Kind]string{}, Dialect: s.Dialect.dialect()}
	if n, err := bytesOf(c.config.Engine.Memory); err == nil {
		out.MemoryLimitBytes = n
	}
	for kind, names := range s.Indices {
		out.Indices[engine.Kind(kind)] = names
	}
	if s.PPL == "never" {
		out.Plugin = remote.PluginNever
	}
	return out
}

// client returns the client of a source of kind opensearch.
func (c *clusters) client(name string) (*opensearch.Client, error) {
	src, ok := c.config.Sources[name]
	if !ok || src.Kind != kindOpenSearch {
		return nil, c.unknown(name)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if made, ok := c.made[name]; ok {
		return made, nil
	}
	made, err := opensearch.New(c.configOf(name, src))
	if err != nil {
		return nil, err
	}
	if c.made == nil {
		c.made = map[string]*opensearch.Client{}
	}
	c.made[name] = made
	return made, nil
}

// names lists the configured clusters in order.
func (c *clusters) names() []string {
	var out []string
	for _, n := range c.config.sourceNames() {
		if c.config.Sources[n].Kind == kindOpenSearch {
			out = append(out, n)
		}
	}
	return out
}

func (c *clusters) unknown(name string) error {
	names := c.names()
	if len(names) == 0 {
		return fault.WithHint(fault.New(fault.NotFound, "no cluster is configured"), "Add a source of kind opensearch with its url to plumbline.yaml.")
	}
	return fault.WithHint(fault.New(fault.NotFound, "no cluster %q is configured", name), "The clusters are: %s.", strings.Join(names, ", "))
}

// pick returns the cluster of a call: as named, else the default source, else the only one there is.
func (c *clusters) pick(name string) (*opensearch.Client, error) {
	if name == "" {
		names := c.names()
		switch {
		case c.config.Sources[c.config.Source].Kind == kindOpenSearch:
			name = c.config.Source
		case len(names) == 1:
			name = names[0]
		case len(names) > 1:
			return nil, fault.WithHint(fault.New(fault.InvalidArgument, "no cluster named"), "Give source: one of %s.", strings.Join(names, ", "))
		}
	}
	return c.client(name)
}

// Cluster implements cluster.Clusters.
func (c *clusters) Cluster(_ context.Context, source string) (clusterhealth.Cluster, error) {
	client, err := c.pick(source)
	if err != nil {
		return nil, err
	}
	return client, nil
}

// pause waits, or ends with the context.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

func (c *clusters) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for _, e := range slices.Concat(c.engines, c.retired) {
		errs = append(errs, e.close())
	}
	for _, m := range c.made {
		errs = append(errs, m.Close())
	}
	c.made, c.engines, c.retired = nil, nil, nil
	return errors.Join(errs...)
}

// configOf turns the configuration of a source into that of a client.
func (c *clusters) configOf(name string, s sourceConfig) opensearch.Config {
	v := vault{env: c.host.env, base: c.base}
	out := opensearch.Config{
		Name: name, URLs: s.nodes(), Compression: s.Compression, Clock: c.host.now, UserAgent: "plumbline/" + version(),
		TLS: opensearch.TLS{
			CAFile: v.at(s.TLS.CAFile), CertFile: v.at(s.TLS.CertFile), KeyFile: v.at(s.TLS.KeyFile), ServerName: s.TLS.ServerName, Insecure: s.TLS.Insecure,
		},
		Proxy: opensearch.Proxy{URL: s.Proxy.URL, Username: s.Proxy.Username, Password: v.secret(s.Proxy.password())},
		Auth: opensearch.Auth{
			Username: s.Auth.Username, Password: v.secret(s.Auth.password()), Bearer: v.secret(s.Auth.token()), APIKey: v.secret(s.Auth.apiKey()),
			PassThrough: s.Auth.PassThrough != "",
		},
		Timeout: s.timeout(c.config.queryTimeout()), MaxBytes: s.maxAnswer(),
		Observe: func(ctx context.Context, call opensearch.Call) (context.Context, func(error)) {
			return c.telemetry.Backend(ctx, telemetry.Request{System: kindOpenSearch, Operation: call.Operation, Address: call.Address})
		},
	}
	for header, secret := range s.Auth.Headers {
		if out.Auth.Headers == nil {
			out.Auth.Headers = map[string]opensearch.Secret{}
		}
		out.Auth.Headers[header] = v.secret(secret)
	}
	if a := s.Auth.AWS; a != nil {
		out.Auth.AWS = &opensearch.AWS{Service: a.Service, Region: a.Region, Profile: a.Profile, Role: a.Role, ExternalID: a.ExternalID}
	}
	return out
}

// callers puts what the caller of an HTTP request is known by at each cluster into the context, from the headers that the
// configuration names.
func (c *clusters) callers(ctx context.Context, r *http.Request) context.Context {
	for _, name := range c.names() {
		if header := c.config.Sources[name].Auth.PassThrough; header != "" {
			if v := r.Header.Get(header); v != "" {
				ctx = opensearch.WithCaller(ctx, name, v) //nolint:fatcontext // one value a cluster, and clusters are few
			}
		}
	}
	return ctx
}

// tableKinds lists the tables whose indices can be named.
func tableKinds() []engine.Kind {
	return []engine.Kind{engine.Logs, engine.Spans, engine.Metrics, engine.ServiceMap}
}

// nodes lists the URLs of a cluster.
func (s sourceConfig) nodes() []string {
	if s.URL == "" {
		return s.URLs
	}
	return append([]string{s.URL}, s.URLs...)
}

// timeout of one request; the check has read it once.
func (s sourceConfig) timeout(otherwise time.Duration) time.Duration {
	if d, err := time.ParseDuration(s.Timeout); err == nil {
		return d
	}
	return otherwise
}

func (s sourceConfig) maxAnswer() int64 {
	n, err := bytesOf(s.MaxAnswer)
	if err != nil {
		return 0
	}
	return n
}

// checkCluster refuses what no cluster can be reached by. What needs files is checked when the cluster is asked, so that a
// missing certificate of one does not keep the others from starting.
func (s sourceConfig) checkCluster(name string) error {
	for _, raw := range s.nodes() {
		if u, err := url.Parse(raw); err == nil && u.User != nil {
			return fault.WithHint(fault.New(fault.InvalidArgument, "sources.%s: the url holds a user or password", name),
				"Give auth: {username: NAME, password_env: VARIABLE} (or password_file, password_command) instead.")
		}
	}
	if err := s.Auth.check(); err != nil {
		return fault.New(fault.InvalidArgument, "sources.%s: %w", name, err)
	}
	for kind := range s.Indices {
		if !slices.Contains(tableKinds(), engine.Kind(kind)) {
			return fault.WithHint(fault.New(fault.InvalidArgument, "sources.%s: indices: unknown table %q", name, kind), "The tables are: logs, spans, metrics, service_map.")
		}
	}
	if s.PPL != "" && s.PPL != "auto" && s.PPL != "never" {
		return fault.New(fault.InvalidArgument, "sources.%s: ppl %q is neither auto nor never", name, s.PPL)
	}
	if s.Timeout != "" {
		if d, err := time.ParseDuration(s.Timeout); err != nil || d <= 0 {
			return fault.New(fault.InvalidArgument, "sources.%s: timeout %q is no duration such as 30s", name, s.Timeout)
		}
	}
	if s.MaxAnswer != "" {
		if n, err := bytesOf(s.MaxAnswer); err != nil || n <= 0 {
			return fault.New(fault.InvalidArgument, "sources.%s: max_answer %q is no size such as 64MiB", name, s.MaxAnswer)
		}
	}
	return nil
}
